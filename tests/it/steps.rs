//! Steps and resources that tests need.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use factory_reset::{
    Claims, EngineBuilder, ForgetContext, Item, ItemKind, Phase, PlanContext, ResetStep, Resources,
    StepContext, StepDescriptor, StepError, StepOutcome, StepPlan, StepRegistration, async_trait,
};
use factory_reset_steps::{Generators, Memory, Runtimes, Tasks};
use tokio::sync::{Mutex, Notify, Semaphore};

/// What a step does when it is applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    Fails,
    Panics,
    NeverEnds,
}

struct Faulty(Fault);

#[async_trait]
impl ResetStep for Faulty {
    async fn apply(
        &self,
        _: &mut StepContext<'_>,
        plan: &StepPlan,
    ) -> Result<StepOutcome, StepError> {
        match self.0 {
            Fault::Fails => Err(StepError::other("the step broke")),
            Fault::Panics => panic!("the step tripped"),
            Fault::NeverEnds => {
                std::future::pending::<()>().await;
                Ok(StepOutcome::as_planned(plan))
            }
        }
    }
}

/// A step by hand; it lives as long as the program.
pub(crate) fn registration(
    descriptor: StepDescriptor,
    step: impl ResetStep + 'static,
) -> StepRegistration {
    StepRegistration::new(descriptor, Box::leak(Box::new(step)))
}

/// A step of the Erase phase that goes wrong after `tables` and `media` have been erased.
pub(crate) fn faulty(fault: Fault) -> StepRegistration {
    registration(
        StepDescriptor::new("zz-faulty", Phase::Erase),
        Faulty(fault),
    )
}

/// A step that claims one path, or several.
pub(crate) struct Paths(pub(crate) &'static [&'static str]);

impl ResetStep for Paths {
    fn claims(&self, _: &Resources) -> Claims {
        self.0.iter().fold(Claims::none(), Claims::path)
    }
}

/// A step that claims `paths`.
pub(crate) fn paths(id: &'static str, paths: &'static [&'static str]) -> StepRegistration {
    registration(StepDescriptor::new(id, Phase::Erase), Paths(paths))
}

/// A step that claims the keys of a cache, of which there are three under any prefix.
pub(crate) struct Keys(&'static str);

impl Keys {
    pub(crate) fn registration(prefix: &'static str) -> StepRegistration {
        registration(StepDescriptor::new("cache", Phase::Forget), Self(prefix))
    }
}

#[async_trait]
impl ResetStep for Keys {
    fn claims(&self, _: &Resources) -> Claims {
        Claims::none().keys(self.0)
    }

    async fn plan(&self, cx: &PlanContext<'_>) -> Result<StepPlan, StepError> {
        let prefixes = cx.keys().iter();
        let items = prefixes.map(|prefix| Item::removed(ItemKind::Keys, prefix, 3));
        Ok(StepPlan::new(items))
    }

    async fn apply(
        &self,
        _: &mut StepContext<'_>,
        plan: &StepPlan,
    ) -> Result<StepOutcome, StepError> {
        Ok(StepOutcome::as_planned(plan))
    }

    async fn forget(&self, _: &ForgetContext<'_>) -> Result<(), StepError> {
        Ok(())
    }
}

/// A step of the Stop phase that says that it has begun, and goes on when it is let.
#[derive(Clone)]
pub(crate) struct Turnstile {
    pub(crate) reached: Arc<Semaphore>,
    pub(crate) proceed: Arc<Semaphore>,
}

impl Turnstile {
    pub(crate) fn new() -> Self {
        Self {
            reached: Arc::new(Semaphore::new(0)),
            proceed: Arc::new(Semaphore::new(0)),
        }
    }

    pub(crate) fn registration(&self) -> StepRegistration {
        registration(StepDescriptor::new("turnstile", Phase::Stop), self.clone())
    }

    /// Waits until a reset is in the step.
    pub(crate) async fn reached(&self) {
        self.reached.acquire().await.unwrap().forget();
    }

    /// Lets one reset go on.
    pub(crate) fn let_go(&self) {
        self.proceed.add_permits(1);
    }
}

#[async_trait]
impl ResetStep for Turnstile {
    async fn apply(
        &self,
        _: &mut StepContext<'_>,
        plan: &StepPlan,
    ) -> Result<StepOutcome, StepError> {
        self.reached.add_permits(1);
        self.proceed
            .acquire()
            .await
            .map_err(StepError::other)?
            .forget();
        Ok(StepOutcome::as_planned(plan))
    }
}

/// A registry of three running tasks.
#[derive(Default)]
pub(crate) struct Workers {
    running: Mutex<BTreeSet<String>>,
    /// Whether stopping fails after the first of them has been stopped.
    pub(crate) sticks: AtomicBool,
    /// How often they were stopped.
    pub(crate) stops: AtomicU64,
}

impl Workers {
    pub(crate) fn new() -> Arc<Self> {
        let running = ["a", "b", "c"].map(String::from).into();
        Arc::new(Self {
            running: Mutex::new(running),
            ..Self::default()
        })
    }

    pub(crate) fn offer(self: &Arc<Self>, builder: EngineBuilder) -> EngineBuilder {
        builder.resource(Runtimes::new(self.clone()))
    }

    pub(crate) async fn names(&self) -> Vec<String> {
        self.running.lock().await.iter().cloned().collect()
    }
}

#[async_trait]
impl Tasks for Workers {
    async fn running(&self) -> Vec<(String, u64)> {
        let running = self.running.lock().await;
        running.iter().map(|name| (name.clone(), 1)).collect()
    }

    async fn stop(&self) -> Result<Vec<String>, StepError> {
        self.stops.fetch_add(1, Ordering::SeqCst);
        let mut running = self.running.lock().await;
        if self.sticks.load(Ordering::SeqCst) {
            running.pop_first();
            return Err(StepError::other("one does not stop"));
        }
        Ok(std::mem::take(&mut *running).into_iter().collect())
    }

    async fn resume(&self, names: &[String]) -> Result<(), StepError> {
        self.running.lock().await.extend(names.iter().cloned());
        Ok(())
    }
}

/// Entries in memory; clearing them can be made to fail through [`Forgetful`].
#[derive(Default)]
pub(crate) struct Entries {
    pub(crate) count: AtomicU64,
    pub(crate) cleared: AtomicU64,
}

impl Entries {
    pub(crate) fn new(count: u64) -> Arc<Self> {
        let entries = Self::default();
        entries.count.store(count, Ordering::SeqCst);
        Arc::new(entries)
    }

    pub(crate) fn offer(self: &Arc<Self>, builder: EngineBuilder) -> EngineBuilder {
        builder.resource(Generators::new(self.clone()))
    }
}

#[async_trait]
impl Memory for Entries {
    async fn count(&self) -> u64 {
        self.count.load(Ordering::SeqCst)
    }

    async fn clear(&self) {
        self.count.store(0, Ordering::SeqCst);
        self.cleared.fetch_add(1, Ordering::SeqCst);
    }
}

/// A step of the Forget phase that fails for as long as it is told to.
#[derive(Clone, Default)]
pub(crate) struct Forgetful {
    pub(crate) fails: Arc<AtomicBool>,
    pub(crate) forgotten: Arc<AtomicU64>,
}

impl Forgetful {
    pub(crate) fn registration(&self) -> StepRegistration {
        let descriptor = StepDescriptor::new("cache", Phase::Forget).refillable();
        registration(descriptor, self.clone())
    }
}

#[async_trait]
impl ResetStep for Forgetful {
    async fn apply(
        &self,
        _: &mut StepContext<'_>,
        plan: &StepPlan,
    ) -> Result<StepOutcome, StepError> {
        if self.fails.load(Ordering::SeqCst) {
            return Err(StepError::other("the cache does not answer"));
        }
        self.forgotten.fetch_add(1, Ordering::SeqCst);
        Ok(StepOutcome::as_planned(plan))
    }
}

/// A step that tells when its planning has begun, and never plans.
#[derive(Clone, Default)]
pub(crate) struct SlowToPlan {
    pub(crate) planning: Arc<Notify>,
    pub(crate) proceed: Arc<Notify>,
}

#[async_trait]
impl ResetStep for SlowToPlan {
    async fn plan(&self, _: &PlanContext<'_>) -> Result<StepPlan, StepError> {
        self.planning.notify_one();
        self.proceed.notified().await;
        Ok(StepPlan::default())
    }

    async fn forget(&self, _: &ForgetContext<'_>) -> Result<(), StepError> {
        Ok(())
    }
}
