//! The step `generators`.

use std::sync::Arc;

use factory_reset::{Phase, StepDescriptor, StepRegistration, inventory};

use crate::memory::{Memory, MemoryResource, MemoryStep};

/// The host's cache of content generators.
#[derive(Clone)]
pub struct Generators(Arc<dyn Memory>);

impl Generators {
    /// The generators are in `cache`.
    pub fn new(cache: Arc<dyn Memory>) -> Self {
        Self(cache)
    }
}

impl MemoryResource for Generators {
    const NAME: &'static str = "cached generators";

    fn memory(&self) -> &dyn Memory {
        &*self.0
    }
}

const GENERATORS: StepDescriptor = StepDescriptor::new("generators", Phase::Forget)
    .label("Content generators")
    .description("Content generators that were made from the old configuration.")
    .refillable()
    .requires::<Generators>();

inventory::submit! { StepRegistration::new(GENERATORS, &MemoryStep::<Generators>::new()) }
