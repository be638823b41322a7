//! Does what the command line says.

use std::collections::HashMap;

use super::answer::Answer;
use super::arguments::{
    BackupArguments, BackupsArguments, HistoryArguments, PreviewArguments, RestoreArguments,
    RunArguments,
};
use super::ask::confirm;
use super::console::Console;
use super::exit::Exit;
use super::failure::Failure;
use super::interruption::Interruption;
use super::progress::Progress;
use super::service::{Reset, Restoration, Service};
use super::shown::{Backup, Backups, Done, Options, Plan, Run, Runs, Told};
use super::table::printable;
use super::{show_past, show_plan};
use crate::bundle::BundleName;
use crate::selection::Selection;

/// A command that has what it needs.
pub(super) struct Session {
    pub(super) service: Box<dyn Service>,
    /// What it works on, in lines.
    pub(super) place: String,
    /// What has to be typed where the host has no phrase.
    pub(super) name: String,
    pub(super) console: Console,
    pub(super) interruption: Interruption,
}

type Ended = Result<Exit, Failure>;

impl Session {
    pub(super) async fn options(&self) -> Ended {
        let answer = self.interruption.or(self.service.options()).await?;
        let options: Options = answer.read()?;
        self.console.answer(&answer, || {
            format!("{}{}", self.place, show_plan::options(&options))
        });
        Ok(Exit::Done)
    }

    pub(super) async fn preview(&self, asked: &PreviewArguments) -> Ended {
        let (answer, plan) = self.plan(&asked.selection.selection()).await?;
        self.console.answer(&answer, || {
            format!("{}{}", self.place, show_plan::plan(&plan))
        });
        Ok(Exit::Done)
    }

    pub(super) async fn run(&self, asked: &RunArguments) -> Ended {
        let selection = asked.selection.selection();
        if let Some(name) = &asked.backup {
            check_name(name)?;
        }
        let (answer, plan) = self.plan(&selection).await?;
        let is_dry = asked.dry_run.dry_run;
        if is_dry {
            self.console.answer(&answer, || {
                format!("{}{}", self.place, show_plan::plan(&plan))
            });
        } else if !(self.console.is_json() && asked.confirm.is_some()) {
            self.console
                .show(format_args!("{}{}", self.place, show_plan::plan(&plan)));
        }
        check_plan(&plan, asked.if_unchanged.as_deref())?;
        if let Some(name) = &asked.backup {
            self.check_new(name).await?;
        }
        if is_dry {
            if let Some(name) = &asked.backup {
                self.console
                    .note(format_args!("would make the backup `{name}` first"));
            }
            self.console.note("nothing was changed");
            return Ok(Exit::Done);
        }
        let phrase = self.confirm(asked.confirm.as_deref()).await?;
        let reset = Reset {
            selection,
            phrase,
            digest: plan.digest.clone(),
            backup: asked.backup.clone(),
        };
        let work = self.service.reset(reset, &self.interruption);
        let answer = self.watch(&plan, work).await?;
        self.done(&answer)
    }

    pub(super) async fn backup(&self, asked: &BackupArguments) -> Ended {
        check_name(&asked.name)?;
        if asked.dry_run.dry_run {
            self.check_new(&asked.name).await?;
            let message = format!("would make the backup `{}`", asked.name);
            self.told(&Answer::dry_run(&message), &message);
            return Ok(Exit::Done);
        }
        let work = self.service.backup(&asked.name, &self.interruption);
        let answer = self.follow(HashMap::new(), work).await?;
        let told: Told = answer.read()?;
        self.told(&answer, &told.message);
        Ok(Exit::Done)
    }

    pub(super) async fn backups(&self, asked: &BackupsArguments) -> Ended {
        let Some(name) = &asked.delete else {
            let answer = self.interruption.or(self.service.backups()).await?;
            let backups: Backups = answer.read()?;
            self.console
                .answer(&answer, || show_past::backups(&backups.backups));
            return Ok(Exit::Done);
        };
        check_name(name)?;
        if asked.dry_run.dry_run {
            self.find(name).await?;
            let message = format!("would remove the backup `{name}`");
            self.told(&Answer::dry_run(&message), &message);
            return Ok(Exit::Done);
        }
        let answer = self
            .interruption
            .or(self.service.remove_backup(name))
            .await?;
        let told: Told = answer.read()?;
        self.told(&answer, &told.message);
        Ok(Exit::Done)
    }

    pub(super) async fn restore(&self, asked: &RestoreArguments) -> Ended {
        check_name(&asked.name)?;
        let backup = self.find(&asked.name).await?;
        let options: Options = self.interruption.or(self.service.options()).await?.read()?;
        let is_quiet = self.console.is_json() && (asked.confirm.is_some() || asked.dry_run.dry_run);
        if !is_quiet {
            self.console.show(format_args!(
                "{}{}{}",
                self.place,
                show_plan::goes("Goes, as far as something else comes back", &options.plan),
                show_past::contents(&backup)
            ));
        }
        if let Some(error) = backup.error {
            let text = format!("the backup `{}` cannot be restored: {error}", backup.name);
            return Err(Failure::new(Exit::Refused, text));
        }
        if asked.dry_run.dry_run {
            let message = format!("would restore the backup `{}`", asked.name);
            self.told(&Answer::dry_run(&message), &message);
            return Ok(Exit::Done);
        }
        let phrase = self
            .confirm_with(&options, asked.confirm.as_deref())
            .await?;
        let restoration = Restoration {
            name: asked.name.clone(),
            phrase,
            digest: options.plan.digest.clone(),
        };
        let work = self.service.restore(restoration, &self.interruption);
        let answer = self.watch(&options.plan, work).await?;
        self.done(&answer)
    }

    pub(super) async fn history(&self, asked: HistoryArguments) -> Ended {
        if let Some(run) = asked.run {
            let answer = self.interruption.or(self.service.run(run)).await?;
            let run: Run = answer.read()?;
            self.console.answer(&answer, || show_past::run(&run));
        } else {
            let answer = self.interruption.or(self.service.history()).await?;
            let runs: Runs = answer.read()?;
            self.console
                .answer(&answer, || show_past::history(&runs.runs));
        }
        Ok(Exit::Done)
    }

    pub(super) async fn recover(&self) -> Ended {
        let answer = self.interruption.or(self.service.recover()).await?;
        let told: Told = answer.read()?;
        let runs: Runs = answer.read()?;
        self.told(&answer, &told.message);
        let is_pending = runs.runs.iter().any(|run| !run.pending.is_empty());
        if runs.runs.iter().any(Run::is_open) {
            return Ok(Exit::Undecided);
        }
        Ok(if is_pending {
            Exit::Pending
        } else {
            Exit::Done
        })
    }

    async fn plan(&self, selection: &Selection) -> Result<(Answer, Plan), Failure> {
        let previewed = self.interruption.or(self.service.preview(selection)).await;
        let answer = previewed.map_err(|mut failure| {
            // The remedy in the words of this command.
            failure.text = failure
                .text
                .replace("set \"cascade\": true", "add `--cascade`");
            failure
        })?;
        let plan = answer.read()?;
        Ok((answer, plan))
    }

    fn told(&self, answer: &Answer, message: &str) {
        self.console
            .answer(answer, || format!("{}\n", printable(message)));
    }

    /// Tells what a run has done.
    fn done(&self, answer: &Answer) -> Ended {
        let done: Done = answer.read()?;
        self.console.answer(answer, || show_past::done(&done));
        if done.report.pending.is_empty() {
            return Ok(Exit::Done);
        }
        let works = done.report.pending.iter();
        let works: Vec<_> = works.map(|pending| pending.work.as_str()).collect();
        self.console.warn(&format!(
            "it is committed, and still pending: {}: the next command, or the service, goes on",
            works.join(", ")
        ));
        Ok(Exit::Pending)
    }

    /// Asks for the phrase; it is returned where the host has one.
    async fn confirm(&self, given: Option<&str>) -> Result<Option<String>, Failure> {
        let options: Options = self.interruption.or(self.service.options()).await?.read()?;
        self.confirm_with(&options, given).await
    }

    async fn confirm_with(
        &self,
        options: &Options,
        given: Option<&str>,
    ) -> Result<Option<String>, Failure> {
        let phrase = options.confirmation.as_deref().unwrap_or(&self.name);
        confirm(phrase, given, &self.console, &self.interruption).await?;
        Ok(options.confirmation.clone())
    }

    /// Waits for a run, and tells of its progress.
    async fn watch(
        &self,
        plan: &Plan,
        work: impl Future<Output = Result<Answer, Failure>>,
    ) -> Result<Answer, Failure> {
        let steps = plan.steps.iter();
        let labels = steps.map(|step| (step.id.clone(), step.label.clone()));
        self.follow(labels.collect(), work).await
    }

    async fn follow(
        &self,
        labels: HashMap<String, String>,
        work: impl Future<Output = Result<Answer, Failure>>,
    ) -> Result<Answer, Failure> {
        let mut events = self.service.events();
        let mut progress = Progress::new(self.console.clone(), labels);
        let mut is_told = false;
        tokio::pin!(work);
        let result = loop {
            tokio::select! {
                biased;
                result = &mut work => break result,
                () = self.interruption.come(), if !is_told => {
                    is_told = true;
                    self.console.note(match progress.is_committed() {
                        true => "it is committed: finishing it",
                        false => self.service.on_interruption(),
                    });
                }
                () = progress.follow(&mut events) => {}
            }
        };
        drop(progress);
        if result.is_ok() && self.interruption.has_come() {
            self.console
                .note("it was committed before it could be given up, and is finished");
        }
        result
    }

    async fn find(&self, name: &str) -> Result<Backup, Failure> {
        let backups: Backups = self.interruption.or(self.service.backups()).await?.read()?;
        let known: Vec<_> = backups
            .backups
            .iter()
            .map(|it| format!("`{}`", it.name))
            .collect();
        let known = match known.is_empty() {
            true => "there are none".to_owned(),
            false => format!("there is: {}", known.join(", ")),
        };
        let mut found = backups
            .backups
            .into_iter()
            .filter(|backup| backup.name == name);
        found.next().ok_or_else(|| {
            let text = format!("there is no backup `{name}`; {known}");
            Failure::new(Exit::Usage, text)
        })
    }

    /// Makes sure that a backup can be called `name`.
    async fn check_new(&self, name: &str) -> Result<(), Failure> {
        let backups: Backups = self.interruption.or(self.service.backups()).await?.read()?;
        if backups.backups.iter().any(|backup| backup.name == name) {
            let text = format!(
                "there is a backup `{name}` already: choose another name, or remove that one with \
                 `backups --delete {name}`"
            );
            return Err(Failure::new(Exit::Refused, text));
        }
        Ok(())
    }
}

/// Whether a plan can be carried out, and is what an earlier preview has shown.
fn check_plan(plan: &Plan, expected: Option<&str>) -> Result<(), Failure> {
    if let Some(expected) = expected
        && expected != plan.digest
    {
        let text = format!(
            "nothing was changed: what would be cleared has changed: its digest is `{}`, and \
             `--if-unchanged` is `{expected}`: look at the preview again",
            plan.digest
        );
        return Err(Failure::new(Exit::Refused, text));
    }
    if plan.blockers.is_empty() {
        return Ok(());
    }
    let blockers = plan.blockers.iter();
    let blockers = blockers.map(|blocker| format!("`{}` {}", blocker.name, blocker.reason));
    let blockers: Vec<_> = blockers.collect();
    let text = format!("not everything can be cleared: {}", blockers.join("; "));
    Err(Failure::new(Exit::Refused, text))
}

fn check_name(name: &str) -> Result<(), Failure> {
    match BundleName::new(name) {
        Ok(_) => Ok(()),
        Err(error) => Err(Failure::new(Exit::Usage, error.to_string())),
    }
}
