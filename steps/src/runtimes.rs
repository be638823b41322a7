//! The step `runtimes`.

use std::sync::Arc;

use factory_reset::{Phase, StepDescriptor, StepRegistration, inventory, summary};

use crate::tasks::{Tasks, TasksResource, TasksStep};

/// The host's automation runtimes.
#[derive(Clone)]
pub struct Runtimes(Arc<dyn Tasks>);

impl Runtimes {
    /// The runtimes are in `registry`.
    pub fn new(registry: Arc<dyn Tasks>) -> Self {
        Self(registry)
    }
}

impl TasksResource for Runtimes {
    const NAME: &'static str = "automation runtimes";

    fn tasks(&self) -> &dyn Tasks {
        &*self.0
    }
}

const RUNTIMES: StepDescriptor = StepDescriptor::new("runtimes", Phase::Stop)
    .label("Automation runtimes")
    .description("All automation loops are stopped.")
    .requires::<Runtimes>()
    .cleared(&[("runtimes_stopped", summary::items)]);

inventory::submit! { StepRegistration::new(RUNTIMES, &TasksStep::<Runtimes>::new()) }
