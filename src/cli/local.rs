//! The engine in this process.

use async_trait::async_trait;
use futures::StreamExt;
use futures::stream::{self, BoxStream};
use serde_json::json;
use uuid::Uuid;

use super::answer::{Answer, Backups, Done, Made, Recovered, Runs, Told};
use super::event::Event;
use super::exit::Exit;
use super::failure::Failure;
use super::interruption::Interruption;
use super::service::{Reset, Restoration, Service};
use crate::backup::{BackupRequest, RestoreRequest};
use crate::engine::Engine;
use crate::error::ResetError;
use crate::message;
use crate::request::ResetRequest;
use crate::selection::Selection;

/// Who asks, as the history tells it.
const ACTOR: &str = "command line";

pub(super) struct Local(pub(super) Engine);

#[async_trait]
impl Service for Local {
    async fn options(&self) -> Result<Answer, Failure> {
        Ok(Answer::of(&self.0.options().await?))
    }

    async fn preview(&self, selection: &Selection) -> Result<Answer, Failure> {
        let plan = self.0.plan(selection).await?;
        if !plan.references().is_empty() {
            let references = plan.references().to_vec();
            return Err(ResetError::References(references).into());
        }
        Ok(Answer::of(&plan.preview()))
    }

    async fn reset(&self, reset: Reset, interruption: &Interruption) -> Result<Answer, Failure> {
        let mut request = ResetRequest::new(reset.selection)
            .digest(reset.digest)
            .actor(ACTOR)
            .cancelled_by(interruption.token());
        request = match reset.phrase {
            Some(phrase) => request.phrase(phrase),
            None => request.confirmed(),
        };
        if let Some(backup) = reset.backup {
            request = request.backup(backup);
        }
        let report = json!(self.0.reset(request).await?);
        Ok(Answer::of(&Done {
            success: true,
            message: message::of_report(&report),
            report: &report,
        }))
    }

    async fn backup(&self, name: &str, interruption: &Interruption) -> Result<Answer, Failure> {
        let request = BackupRequest::new(name).cancelled_by(interruption.token());
        let backup = self.0.backup(request).await?;
        Ok(Answer::of(&Made {
            success: true,
            message: message::of_backup(&backup),
            backup,
        }))
    }

    async fn backups(&self) -> Result<Answer, Failure> {
        let backups = self.0.backups().await?;
        Ok(Answer::of(&Backups { backups }))
    }

    async fn remove_backup(&self, name: &str) -> Result<Answer, Failure> {
        self.0.remove_backup(name).await?;
        Ok(Answer::of(&Told {
            success: true,
            dry_run: false,
            message: message::of_removed_backup(name),
        }))
    }

    async fn restore(
        &self,
        restoration: Restoration,
        interruption: &Interruption,
    ) -> Result<Answer, Failure> {
        let Restoration {
            name,
            phrase,
            digest,
        } = restoration;
        if phrase.as_deref() != self.0.confirmation() {
            return Err(ResetError::Confirmation.into());
        }
        let request = RestoreRequest::new(&name)
            .confirmed()
            .digest(digest)
            .actor(ACTOR)
            .cancelled_by(interruption.token());
        let (report, _gate) = self.0.restore_behind_gate(request).await?;
        let report = json!(report);
        Ok(Answer::of(&Done {
            success: true,
            message: message::of_restoration(&name, &report),
            report: &report,
        }))
    }

    async fn history(&self) -> Result<Answer, Failure> {
        let runs = self.0.history();
        Ok(Answer::of(&Runs { runs }))
    }

    async fn run(&self, run: Uuid) -> Result<Answer, Failure> {
        let entry = self.0.history_entry(run).ok_or_else(|| {
            let text = format!("the history has no run `{run}`: list it with `history`");
            Failure::new(Exit::Usage, text)
        })?;
        Ok(Answer::of(&entry))
    }

    async fn recover(&self) -> Result<Answer, Failure> {
        self.0.recover().await?;
        let mut runs: Vec<_> = self.0.recovered().into_iter().collect();
        runs.iter_mut().for_each(|run| run.report = None);
        let message = match runs.is_empty() {
            true => "there was nothing to recover".to_owned(),
            false => "what was interrupted is ended".to_owned(),
        };
        Ok(Answer::of(&Recovered {
            success: true,
            message,
            runs,
        }))
    }

    fn events(&self) -> BoxStream<'static, Event> {
        let events = self.0.events();
        let told = stream::unfold(events, async |mut events| {
            let event = events.next().await?;
            Some((event, events))
        });
        let read = |event| async move {
            let value = serde_json::to_value(event).ok()?;
            serde_json::from_value(value).ok()
        };
        told.filter_map(read).boxed()
    }

    fn on_interruption(&self) -> &'static str {
        "giving up: what has begun is undone; what is committed by now is finished"
    }
}
