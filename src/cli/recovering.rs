//! `recover`.

use super::exit::Exit;
use super::session::{Ended, Session};
use super::shown::{Run, Runs, Told};

impl Session {
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
}
