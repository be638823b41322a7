//! State that a process keeps in memory, and the step that drops it.

use std::marker::PhantomData;

use async_trait::async_trait;
use factory_reset::{
    Item, ItemKind, PlanContext, ResetStep, StepContext, StepError, StepOutcome, StepPlan,
};

/// Something in memory that can be counted and dropped.
#[async_trait]
pub trait Memory: Send + Sync + 'static {
    /// How many entries there are.
    async fn count(&self) -> u64;

    /// Drops them all. Nothing happens when there are none.
    async fn clear(&self);

    /// Fetches again what it copies, after a backup was put back: by default nothing, for it
    /// fills itself.
    ///
    /// # Errors
    ///
    /// When what it copies cannot be read.
    async fn reload(&self) -> Result<(), StepError> {
        Ok(())
    }
}

/// A resource that is such a memory.
pub(crate) trait MemoryResource: Send + Sync + 'static {
    /// What its entries are, for people.
    const NAME: &'static str;

    fn memory(&self) -> &dyn Memory;
}

/// The entries as one item.
pub(crate) async fn item(memory: &dyn Memory, name: &'static str) -> Item {
    let item = match memory.count().await {
        0 => Item::absent(ItemKind::Memory, name),
        count => Item::removed(ItemKind::Memory, name, count),
    };
    item.own_name()
}

/// Forgets everything in the resource `R`.
pub(crate) struct MemoryStep<R>(PhantomData<fn() -> R>);

impl<R> MemoryStep<R> {
    pub(crate) const fn new() -> Self {
        Self(PhantomData)
    }
}

#[async_trait]
impl<R: MemoryResource> ResetStep for MemoryStep<R> {
    async fn plan(&self, context: &PlanContext<'_>) -> Result<StepPlan, StepError> {
        let resource: &R = context.resource()?;
        Ok(StepPlan::new([item(resource.memory(), R::NAME).await]))
    }

    async fn apply(
        &self,
        context: &mut StepContext<'_>,
        _: &StepPlan,
    ) -> Result<StepOutcome, StepError> {
        let resource: &R = context.resource()?;
        let item = item(resource.memory(), R::NAME).await;
        resource.memory().clear().await;
        Ok(StepOutcome::new([item]))
    }
}
