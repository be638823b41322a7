//! Waiting for what takes long, with its progress, and with whoever interrupts it.

use std::collections::HashMap;

use super::answer::Answer;
use super::failure::Failure;
use super::progress::Progress;
use super::session::Session;
use super::shown::Plan;
use super::untrusted::Untrusted;

impl Session {
    /// Waits for a run, and tells of its progress.
    pub(super) async fn watch(
        &self,
        plan: &Plan,
        work: impl Future<Output = Result<Answer, Failure>>,
    ) -> Result<Answer, Failure> {
        let steps = plan.steps.iter();
        let labels = steps.map(|step| (step.id.clone(), step.label.clone()));
        self.follow(labels.collect(), work).await
    }

    pub(super) async fn follow(
        &self,
        labels: HashMap<Untrusted, Untrusted>,
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
}
