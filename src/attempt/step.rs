//! What is done with each step, and how long it is waited for.

use std::future::Future;

use super::Attempt;
use crate::call::{Call, call};
use crate::context::{EraseHandles, ForgetContext, StepContext};
use crate::descriptor::Phase;
use crate::error::{FailureCause, chain};
use crate::event::EventKind;
use crate::item::{Item, ItemKind, Outcome};
use crate::meter::{self, Subject};
use crate::plan::PlannedStep;
use crate::report::StepReport;

impl Attempt<'_> {
    /// `work`, unless the reset is cancelled meanwhile.
    pub(super) async fn unless_cancelled<T, E: Into<FailureCause>>(
        &self,
        work: impl Future<Output = Result<T, E>>,
    ) -> Result<T, FailureCause> {
        let cancellation = &self.request.cancellation;
        match cancellation.run_until_cancelled(work).await {
            Some(result) => result.map_err(Into::into),
            None => Err(FailureCause::Cancelled),
        }
    }

    pub(super) async fn apply_unless_cancelled(
        &mut self,
        planned: &PlannedStep,
        erase: Option<EraseHandles<'_>>,
    ) -> Result<(), FailureCause> {
        let cancellation = self.request.cancellation.clone();
        let applied = cancellation.run_until_cancelled(self.apply(planned, erase));
        applied.await.unwrap_or(Err(FailureCause::Cancelled))
    }

    pub(super) async fn apply(
        &mut self,
        planned: &PlannedStep,
        mut erase: Option<EraseHandles<'_>>,
    ) -> Result<(), FailureCause> {
        let descriptor = planned.descriptor();
        let (id, phase) = (descriptor.id, descriptor.phase);
        self.progress
            .send(EventKind::StepStarted { step: id, phase });
        if let Some(transaction) = erase
            .as_mut()
            .and_then(|handles| handles.transaction.as_mut())
        {
            let subject = Subject::Step(id);
            let total = Some(self.rows_of(planned));
            transaction.tally(Some(meter::rows(self.progress, subject, total)));
        }
        let mut context = StepContext {
            run: Some(self.run),
            descriptor,
            resources: &self.inner.resources,
            erase,
        };
        let limits = &self.inner.limits;
        let limit = match phase {
            Phase::Stop => limits.stop,
            _ => limits.step,
        };
        #[cfg(feature = "backup")]
        let restored = match (self.restoration, context.erase.as_mut()) {
            (Some(restoration), Some(handles)) => {
                Some(restoration.put_back(self.inner, planned, handles).await)
            }
            _ => None,
        };
        #[cfg(not(feature = "backup"))]
        let restored = None;
        let applied = if let Some(restored) = restored {
            restored
        } else {
            let work = planned.step().apply(&mut context, &planned.plan);
            call(Call::Apply, descriptor, limit, work).await
        };
        match applied {
            Ok(outcome) => {
                let items = outcome.into_items();
                let done =
                    |item: &&Item| matches!(item.outcome, Outcome::Removed | Outcome::Restored);
                let removed = items.iter().filter(done).count();
                let finished = StepReport::new(descriptor, planned.category, items);
                self.progress.send(EventKind::StepFinished {
                    step: id,
                    removed,
                    counts: finished.counts.clone(),
                });
                self.report.steps.push(finished);
                Ok(())
            }
            Err(source) => {
                let message = chain(&source);
                let items = planned.plan.items().iter().cloned();
                let failed = items.map(|item| item.failed(&message)).collect();
                self.report
                    .steps
                    .push(StepReport::new(descriptor, planned.category, failed));
                Err(FailureCause::Step { step: id, source })
            }
        }
    }

    /// How many rows a step clears, or puts back.
    fn rows_of(&self, planned: &PlannedStep) -> u64 {
        #[cfg(feature = "backup")]
        if let Some(restoration) = self.restoration {
            let saved = restoration.saved(planned.descriptor().id);
            let tables = saved.into_iter().flat_map(|saved| &saved.tables);
            return tables.map(|table| table.rows).sum();
        }
        let items = planned.plan.items().iter();
        items
            .filter(|item| item.kind == ItemKind::Table)
            .map(|item| item.count)
            .sum()
    }

    pub(super) async fn forget(&self, planned: &PlannedStep) -> Result<(), FailureCause> {
        let descriptor = planned.descriptor();
        let context = ForgetContext {
            descriptor,
            resources: &self.inner.resources,
        };
        #[cfg(feature = "backup")]
        let work = match self.restoration {
            Some(_) => planned.step().restored(&context),
            None => planned.step().forget(&context),
        };
        #[cfg(not(feature = "backup"))]
        let work = planned.step().forget(&context);
        call(Call::Forget, descriptor, self.inner.limits.step, work)
            .await
            .map_err(|source| FailureCause::Step {
                step: descriptor.id,
                source,
            })
    }
}
