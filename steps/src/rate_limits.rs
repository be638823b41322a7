//! The step `rate-limits`.

use std::sync::Arc;

use factory_reset::{Phase, StepDescriptor, StepRegistration, inventory};

use crate::memory::{Memory, MemoryResource, MemoryStep};

/// What the host remembers of login attempts.
#[derive(Clone)]
pub struct RateLimits(Arc<dyn Memory>);

impl RateLimits {
    /// The attempts are in `attempts`.
    pub fn new(attempts: Arc<dyn Memory>) -> Self {
        Self(attempts)
    }
}

impl MemoryResource for RateLimits {
    const NAME: &'static str = "addresses with attempts";

    fn memory(&self) -> &dyn Memory {
        &*self.0
    }
}

const RATE_LIMITS: StepDescriptor = StepDescriptor::new("rate-limits", Phase::Forget)
    .label("Login rate limits")
    .description("What is remembered of login attempts, address by address.")
    .refillable()
    .requires::<RateLimits>();

inventory::submit! { StepRegistration::new(RATE_LIMITS, &MemoryStep::<RateLimits>::new()) }
