//! Background tasks that write, and the step that stops them.

use std::marker::PhantomData;

use async_trait::async_trait;
use factory_reset::{
    Item, ItemKind, Outcome, PlanContext, ResetStep, ResumeContext, StepContext, StepError,
    StepOutcome, StepPlan,
};

/// A registry of named background tasks.
#[async_trait]
pub trait Tasks: Send + Sync + 'static {
    /// The names of those that run, each with how many loops or workers it has.
    async fn running(&self) -> Vec<(String, u64)>;

    /// Stops all of them, and returns the names of those that ran. When it returns they have
    /// ended: nothing that they began is still being written.
    ///
    /// # Errors
    ///
    /// When one does not stop.
    async fn stop(&self) -> Result<Vec<String>, StepError>;

    /// Makes the named ones run again, as they did before; those that run already are left
    /// alone.
    ///
    /// # Errors
    ///
    /// When one does not start.
    async fn resume(&self, names: &[String]) -> Result<(), StepError>;
}

/// A resource that is such a registry.
pub(crate) trait TasksResource: Send + Sync + 'static {
    /// What runs there, for people.
    const NAME: &'static str;

    fn tasks(&self) -> &dyn Tasks;
}

/// Stops everything in the resource `R`.
pub(crate) struct TasksStep<R>(PhantomData<fn() -> R>);

impl<R> TasksStep<R> {
    pub(crate) const fn new() -> Self {
        Self(PhantomData)
    }
}

#[async_trait]
impl<R: TasksResource> ResetStep for TasksStep<R> {
    async fn plan(&self, context: &PlanContext<'_>) -> Result<StepPlan, StepError> {
        let resource: &R = context.resource()?;
        let mut running = resource.tasks().running().await;
        running.sort();
        let item = |(name, count)| Item::removed(ItemKind::Task, name, count);
        Ok(StepPlan::new(or_none::<R>(
            running.into_iter().map(item).collect(),
        )))
    }

    /// What began to run after the plan was made is stopped as well.
    async fn apply(
        &self,
        context: &mut StepContext<'_>,
        plan: &StepPlan,
    ) -> Result<StepOutcome, StepError> {
        let resource: &R = context.resource()?;
        let stopped = resource.tasks().stop().await?;
        let item = |name: String| {
            let planned = plan.items().iter().find(|item| item.name == name);
            let fresh = || Item::removed(ItemKind::Task, &*name, 1);
            planned.cloned().unwrap_or_else(fresh)
        };
        Ok(StepOutcome::new(or_none::<R>(
            stopped.into_iter().map(item).collect(),
        )))
    }

    async fn resume(&self, context: &ResumeContext<'_>, plan: &StepPlan) -> Result<(), StepError> {
        let resource: &R = context.resource()?;
        let ran = plan
            .items()
            .iter()
            .filter(|item| item.outcome == Outcome::Removed);
        let names: Vec<_> = ran.map(|item| item.name.clone()).collect();
        resource.tasks().resume(&names).await
    }
}

/// The items, or one that says that nothing runs.
fn or_none<R: TasksResource>(items: Vec<Item>) -> Vec<Item> {
    if items.is_empty() {
        vec![Item::absent(ItemKind::Task, R::NAME).own_name()]
    } else {
        items
    }
}
