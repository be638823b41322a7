//! The step `watchtower`.

use std::sync::Arc;

use factory_reset::{Phase, StepDescriptor, StepRegistration, inventory};

use crate::tasks::{Tasks, TasksResource, TasksStep};

/// The host's file watcher.
#[derive(Clone)]
pub struct Watchtower(Arc<dyn Tasks>);

impl Watchtower {
    /// What watches is `watcher`.
    pub fn new(watcher: Arc<dyn Tasks>) -> Self {
        Self(watcher)
    }
}

impl TasksResource for Watchtower {
    const NAME: &'static str = "watched folders";

    fn tasks(&self) -> &dyn Tasks {
        &*self.0
    }
}

const WATCHTOWER: StepDescriptor = StepDescriptor::new("watchtower", Phase::Stop)
    .label("Watchtower")
    .description(
        "The watcher of content folders is stopped; the folders themselves are never touched.",
    )
    .requires::<Watchtower>();

inventory::submit! { StepRegistration::new(WATCHTOWER, &TasksStep::<Watchtower>::new()) }
