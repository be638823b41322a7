//! `run` and `restore`.

use super::answer::Answer;
use super::arguments::{RestoreArguments, RunArguments};
use super::backing_up::{check_name, check_new_name};
use super::exit::Exit;
use super::failure::Failure;
use super::service::{Reset, Restoration};
use super::session::{Ended, Session};
use super::shown::{Done, Options, Plan};
use super::untrusted::joined;
use super::{show_past, show_plan};

impl Session {
    pub(super) async fn run(&self, asked: &RunArguments) -> Ended {
        let selection = asked.selection.selection();
        if let Some(name) = &asked.backup {
            check_new_name(name)?;
        }
        let (answer, plan) = self.plan(&selection).await?;
        let is_dry = asked.dry_run.dry_run;
        let width = self.console.width();
        let shown = || format!("{}{}", self.place, show_plan::plan(&plan, width));
        if is_dry {
            self.console.answer(&answer, shown);
        } else if !(self.console.is_json() && asked.confirm.is_some()) {
            self.console.show(shown());
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
            digest: plan.digest.raw().to_owned(),
            backup: asked.backup.clone(),
        };
        let work = self.service.reset(reset, &self.interruption);
        let answer = self.watch(&plan, work).await?;
        self.done(&answer, asked.backup.as_deref())
    }

    pub(super) async fn restore(&self, asked: &RestoreArguments) -> Ended {
        check_name(&asked.name)?;
        let backup = self.find(&asked.name).await?;
        let options: Options = self.interruption.or(self.service.options()).await?.read()?;
        let is_quiet = self.console.is_json() && (asked.confirm.is_some() || asked.dry_run.dry_run);
        if !is_quiet {
            let title = "Goes, as far as something else comes back";
            self.console.show(format_args!(
                "{}{}{}",
                self.place,
                show_plan::goes(title, &options.plan, self.console.width()),
                show_past::contents(&backup)
            ));
        }
        if let Some(error) = backup.error {
            let text = format!("the backup `{}` cannot be restored: {error}", backup.name);
            return Err(Failure::new(Exit::Refused, text));
        }
        if asked.dry_run.dry_run {
            let message = format!("would restore the backup `{}`", asked.name);
            self.told(&Answer::dry_run(&message), &message.as_str().into());
            return Ok(Exit::Done);
        }
        let phrase = self
            .confirm_with(&options, asked.confirm.as_deref())
            .await?;
        let restoration = Restoration {
            name: asked.name.clone(),
            phrase,
            digest: options.plan.digest.raw().to_owned(),
        };
        let work = self.service.restore(restoration, &self.interruption);
        let answer = self.watch(&options.plan, work).await?;
        self.done(&answer, None)
    }

    /// Tells what a run has done, after the backup that was asked for.
    fn done(&self, answer: &Answer, backup: Option<&str>) -> Ended {
        let done: Done = answer.read()?;
        self.console
            .answer(answer, || show_past::done(&done, backup));
        if done.report.pending.is_empty() {
            return Ok(Exit::Done);
        }
        let works = done.report.pending.iter().map(|pending| &pending.work);
        self.console.warn(&format!(
            "it is committed, and still pending: {}: the next command, or the service, goes on",
            joined(works)
        ));
        Ok(Exit::Pending)
    }
}

/// Whether a plan can be carried out, and is what an earlier preview has shown.
fn check_plan(plan: &Plan, expected: Option<&str>) -> Result<(), Failure> {
    if let Some(expected) = expected
        && expected != plan.digest.raw()
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
