//! For people: what a run has done, what there is of backups and runs.

use std::fmt::Write;

use comfy_table::CellAlignment::{Left, Right};

use super::show_plan::{goes, section, steps, way};
use super::shown::{Backup, Contents, Done, Plan, Run, sum};
use super::table::{counted, duration, size, table, time};
use super::untrusted::{Untrusted, joined};
use crate::history::{Action, RunOutcome};

/// What a run has done whose plan was shown before: the sums, and what has a remark.
pub(super) fn done(done: &Done, backup: Option<&str>) -> String {
    let report = &done.report;
    let mut text = steps(title(report), report, |item| item.message.is_some());
    pending(&mut text, report);
    let took = duration(report.duration_ms);
    let _ = writeln!(text, "\nDone in {took}: {}", done.message);
    if let Some(name) = backup {
        let _ = writeln!(
            text,
            "What was there is in the backup `{name}`: `restore {name}`"
        );
    }
    if let Some(run) = report.run {
        let _ = writeln!(text, "Run {run}: see each item with `history {run}`");
    }
    text
}

/// What a run of the past has done.
fn report(report: &Plan, width: u16) -> String {
    let mut text = goes(title(report), report, width);
    way(&mut text, report, width);
    pending(&mut text, report);
    text
}

fn title(report: &Plan) -> &'static str {
    let mut items = report.steps.iter().flat_map(|step| &step.items);
    match items.any(|item| item.outcome.raw() == "restored") {
        true => "Restored",
        false => "Gone",
    }
}

fn pending(text: &mut String, report: &Plan) {
    if report.pending.is_empty() {
        return;
    }
    section(text, "Still pending: it is tried again");
    let rows = report.pending.iter();
    let rows = rows.map(|pending| vec![pending.work.to_string(), pending.error.to_string()]);
    *text += &table(&[("Work", Left), ("Reason", Left)], rows.collect());
}

/// The backups that there are.
pub(super) fn backups(backups: &[Backup]) -> String {
    if backups.is_empty() {
        return "There are no backups.\n".to_owned();
    }
    let rows = backups.iter().map(|backup| {
        let contents = backup.contents.iter();
        let rows = sum(contents.clone().map(Contents::rows));
        let files = sum(contents.map(|step| step.files));
        let note = optional(backup.error.as_ref());
        vec![
            backup.name.to_string(),
            time(backup.created_at),
            size(Some(backup.bytes)),
            counted(rows, "rows"),
            counted(files, "files"),
            note,
        ]
    });
    let columns = [
        ("Name", Left),
        ("Made", Left),
        ("Size", Right),
        ("Rows", Right),
        ("Files", Right),
        ("", Left),
    ];
    table(&columns, rows.collect())
}

/// What a backup holds.
pub(super) fn contents(backup: &Backup) -> String {
    let mut text = String::new();
    let title = format!("Backup `{}`, made {}", backup.name, time(backup.created_at));
    section(&mut text, &title);
    let rows = backup.contents.iter().map(|step| {
        vec![
            step.label.to_string(),
            counted(step.rows(), "rows"),
            counted(step.files, "files"),
            size((step.files > 0).then_some(step.bytes)),
        ]
    });
    let columns = [
        ("Comes back", Left),
        ("Rows", Right),
        ("Files", Right),
        ("Size", Right),
    ];
    text += &table(&columns, rows.collect());
    text
}

/// The runs of the past.
pub(super) fn history(runs: &[Run]) -> String {
    if runs.is_empty() {
        return "Nothing was ever reset.\n".to_owned();
    }
    let rows = runs.iter().map(|run| {
        vec![
            time(run.started_at),
            action(run),
            outcome(run),
            duration(run.duration_ms),
            optional(run.actor.as_ref()),
            run.id.to_string(),
        ]
    });
    let columns = [
        ("Begun", Left),
        ("What", Left),
        ("Outcome", Left),
        ("Took", Right),
        ("Who", Left),
        ("Run", Left),
    ];
    table(&columns, rows.collect())
}

/// One run with its report.
pub(super) fn run(run: &Run, width: u16) -> String {
    let mut text = table(
        &[("Run", Left), (&run.id.to_string(), Left)],
        vec![
            vec!["Begun".to_owned(), time(run.started_at)],
            vec!["What".to_owned(), action(run)],
            vec!["Outcome".to_owned(), outcome(run)],
            vec!["Took".to_owned(), duration(run.duration_ms)],
            vec!["Who".to_owned(), optional(run.actor.as_ref())],
        ],
    );
    if let Some(error) = &run.error {
        let _ = writeln!(text, "\nError: {error}");
    }
    if let Some(told) = &run.report {
        text += &report(told, width);
    }
    text
}

/// What has become of a run that was interrupted.
pub(super) fn recovered(run: &Run) -> String {
    let what = match run.action {
        Action::Restore => "restoration",
        _ => "reset",
    };
    let (id, begun) = (run.id, time(run.started_at));
    let mut text = if run.recovered {
        format!(
            "run {id} of {begun} was interrupted: its {what} {}",
            end(run)
        )
    } else {
        format!("run {id} of {begun} had left something to do")
    };
    match run.pending.as_slice() {
        [] if !run.recovered => text += ": it is done",
        [] => {}
        pending => {
            let works = joined(pending.iter().map(|pending| &pending.work));
            let _ = write!(text, "; still pending: {works}");
        }
    }
    text
}

fn end(run: &Run) -> &'static str {
    match run.outcome {
        RunOutcome::Completed => "was committed, and is finished now",
        RunOutcome::NotUndone => "was not committed, and not everything is back yet",
        RunOutcome::Undecided => "is still undecided",
        _ => "was not committed, and is undone: everything is as it was",
    }
}

fn optional(text: Option<&Untrusted>) -> String {
    text.map(ToString::to_string).unwrap_or_default()
}

fn action(run: &Run) -> String {
    match (run.action, &run.backup) {
        (Action::Restore, Some(name)) => format!("restore `{name}`"),
        (Action::Restore, None) => "restore".to_owned(),
        (_, Some(name)) => format!("reset, backup `{name}` first"),
        (_, None) => "reset".to_owned(),
    }
}

fn outcome(run: &Run) -> String {
    let outcome = match run.outcome {
        RunOutcome::Completed => "completed",
        RunOutcome::Refused => "refused",
        RunOutcome::Failed => "failed, undone",
        RunOutcome::NotUndone => "not undone yet",
        RunOutcome::Undecided => "undecided",
    };
    let recovered = if run.recovered { ", recovered" } else { "" };
    let pending = if run.pending.is_empty() {
        ""
    } else {
        ", pending"
    };
    format!("{outcome}{recovered}{pending}")
}
