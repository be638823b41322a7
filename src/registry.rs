//! How steps are found.

use crate::descriptor::StepDescriptor;
use crate::step::ResetStep;

/// A step and its descriptor, for [`inventory::submit!`] or
/// [`EngineBuilder::step`](crate::EngineBuilder::step).
///
/// ```
/// use factory_reset::{
///     Claims, Phase, ResetStep, Resources, StepDescriptor, StepRegistration, inventory,
/// };
///
/// struct Thumbnails;
///
/// impl ResetStep for Thumbnails {
///     fn claims(&self, _: &Resources) -> Claims {
///         Claims::none().path("thumbnails")
///     }
/// }
///
/// inventory::submit! {
///     StepRegistration::new(StepDescriptor::new("thumbnails", Phase::Erase), &Thumbnails)
/// }
/// ```
#[derive(Clone, Copy)]
pub struct StepRegistration {
    pub(crate) descriptor: StepDescriptor,
    pub(crate) step: &'static dyn ResetStep,
}

impl StepRegistration {
    /// Joins a step with its descriptor.
    #[must_use]
    pub const fn new(descriptor: StepDescriptor, step: &'static dyn ResetStep) -> Self {
        Self { descriptor, step }
    }
}

impl std::fmt::Debug for StepRegistration {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.descriptor.fmt(formatter)
    }
}

inventory::collect!(StepRegistration);

/// Every step that the crates linked into this program have submitted, in no order.
pub(crate) fn registered() -> impl Iterator<Item = StepRegistration> {
    inventory::iter::<StepRegistration>().copied()
}
