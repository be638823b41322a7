//! Progress, step by step: a bar where somebody looks on, plain lines where not.

use std::collections::HashMap;
use std::time::Duration;

use futures::StreamExt;
use futures::stream::BoxStream;
use indicatif::{HumanCount, ProgressBar, ProgressStyle};

use super::console::Console;
use super::event::{Event, Kind};
use super::table::{counted, summed};
use super::untrusted::Untrusted;

/// How often a bar moves that has nothing to tell.
const TICK: Duration = Duration::from_millis(100);
/// How often long work is told of in plain lines, in milliseconds.
const LINE_EVERY: u64 = 5000;

const WORKING: &str = "{spinner} {msg}";
const COUNTING: &str = "{spinner} {msg} {wide_bar} {human_pos}/{human_len} ({per_sec}, {eta} left)";

/// Tells the progress of a run for as long as it is waited for.
pub(super) struct Progress {
    console: Console,
    labels: HashMap<Untrusted, Untrusted>,
    bar: Option<ProgressBar>,
    committed: bool,
    /// What is done now, since when, and when it was told of last.
    work: Option<Work>,
}

struct Work {
    name: String,
    since_ms: u64,
    told_ms: u64,
}

impl Progress {
    /// `labels` are the steps' names for people, by id.
    pub(super) fn new(console: Console, labels: HashMap<Untrusted, Untrusted>) -> Self {
        let bar = console.is_watched().then(|| {
            let bar = ProgressBar::new_spinner();
            bar.enable_steady_tick(TICK);
            bar
        });
        Self {
            console,
            labels,
            bar,
            committed: false,
            work: None,
        }
    }

    /// Whether the run is committed, as far as is known.
    pub(super) fn is_committed(&self) -> bool {
        self.committed
    }

    /// Tells of `events` until the run has ended.
    pub(super) async fn follow(&mut self, events: &mut BoxStream<'static, Event>) {
        while let Some(event) = events.next().await {
            self.tell(&event);
            if event.kind.is_terminal() {
                return std::future::pending().await;
            }
        }
        std::future::pending::<()>().await;
    }

    fn tell(&mut self, event: &Event) {
        match &event.kind {
            Kind::Planned { steps } => self.say(&format!("{} to do", counted(*steps, "steps"))),
            Kind::BackupMade { name } => {
                self.work = None;
                self.say(&format!("backup `{name}` made"));
            }
            Kind::BackupProgressed { done, total, unit } => {
                self.count(event, "backup", *done, *total, unit);
            }
            Kind::StepStarted { step } => {
                let label = self.label(step);
                self.begin(event, &label);
                self.show(&label);
            }
            Kind::StepProgressed {
                step,
                done,
                total,
                unit,
            } => {
                let label = self.label(step);
                self.count(event, &label, *done, *total, unit);
            }
            Kind::StepFinished { step, counts } => {
                self.work = None;
                if let Some(sums) = summed(counts) {
                    self.say(&format!("{}: {sums}", self.label(step)));
                }
            }
            Kind::Committed => {
                self.committed = true;
                self.say("committed");
                self.show("cleaning up");
            }
            Kind::Undoing => {
                self.say("undoing");
                self.show("undoing");
            }
            Kind::BackupStarted { name } => self.show(&format!("backup `{name}`")),
            Kind::Drained
            | Kind::ResetFinished {}
            | Kind::ResetFailed {}
            | Kind::BackupFinished {}
            | Kind::BackupFailed {}
            | Kind::Unknown => {}
        }
    }

    fn label(&self, step: &Untrusted) -> String {
        self.labels.get(step).unwrap_or(step).to_string()
    }

    fn begin(&mut self, event: &Event, name: &str) {
        self.work = Some(Work {
            name: name.to_owned(),
            since_ms: event.elapsed_ms,
            told_ms: event.elapsed_ms,
        });
    }

    /// Long work that counts what it does.
    fn count(
        &mut self,
        event: &Event,
        name: &str,
        done: u64,
        total: Option<u64>,
        unit: &Untrusted,
    ) {
        if self.work.as_ref().is_none_or(|work| work.name != name) {
            self.begin(event, name);
        }
        if let Some(bar) = &self.bar {
            bar.set_message(name.to_owned());
            if let Some(total) = total {
                if bar.length().is_none() {
                    bar.reset();
                    style(bar, COUNTING);
                }
                bar.set_length(total);
                bar.set_position(done);
            } else {
                let done = counted(done, unit.raw());
                bar.set_message(format!("{name}: {done}"));
            }
            return;
        }
        let Some(work) = &mut self.work else { return };
        if event.elapsed_ms.saturating_sub(work.told_ms) < LINE_EVERY {
            return;
        }
        work.told_ms = event.elapsed_ms;
        let seconds = (event.elapsed_ms.saturating_sub(work.since_ms) / 1000).max(1);
        let rate = HumanCount(done / seconds);
        let told = match total {
            Some(total) => format!("{} of {}", HumanCount(done), counted(total, unit.raw())),
            None => counted(done, unit.raw()),
        };
        self.console.note(format_args!("{name}: {told} ({rate}/s)"));
    }

    /// Shows what is done now.
    fn show(&self, work: &str) {
        if let Some(bar) = &self.bar {
            style(bar, WORKING);
            bar.unset_length();
            bar.set_message(work.to_owned());
        }
    }

    /// Tells what is done.
    fn say(&self, text: &str) {
        match &self.bar {
            Some(bar) => bar.suspend(|| self.console.note(text)),
            None => self.console.note(text),
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

fn style(bar: &ProgressBar, template: &str) {
    // The templates are ours, and a test reads them.
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style);
    }
}

#[cfg(test)]
mod tests {
    use super::super::written::Written;
    use super::*;

    #[test]
    fn long_work_is_told_of_now_and_then_with_its_rate() {
        let err = Written::default();
        let console = Console::captured(Vec::new(), err.clone());
        let labels = [("tables".into(), "Database tables".into())];
        let mut progress = Progress::new(console, labels.into());
        let step = || "tables".into();
        let mut tell = |elapsed_ms, kind| progress.tell(&Event { elapsed_ms, kind });
        tell(1000, Kind::StepStarted { step: step() });
        for (elapsed_ms, done) in [(3000, 100_000), (6000, 1_500_000), (7000, 1_600_000)] {
            let (total, unit) = (Some(3_000_000), "rows".into());
            let step = step();
            tell(
                elapsed_ms,
                Kind::StepProgressed {
                    step,
                    done,
                    total,
                    unit,
                },
            );
        }
        let counts = [("rows", 3065), ("files", 1), ("entries", 0)];
        let counts = counts.map(|(unit, count)| (unit.into(), count)).into();
        let finished = |step, counts| Kind::StepFinished { step, counts };
        tell(8000, finished(step(), counts));
        let nothing = [("tasks".into(), 0)].into();
        tell(8001, finished("runtimes".into(), nothing));
        let told = err.text();
        let expected = "Database tables: 1,500,000 of 3,000,000 rows (300,000/s)\n\
                        Database tables: 3,065 rows, 1 file\n";
        assert_eq!(told, expected);
    }

    #[test]
    fn the_templates_are_understood() {
        for template in [WORKING, COUNTING] {
            ProgressStyle::with_template(template).unwrap();
        }
    }
}
