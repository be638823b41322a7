//! Small checks that can refuse a reset before it starts.

use async_trait::async_trait;

use crate::claims::Unclaimed;
use crate::plan::ResetPlan;
use crate::request::ResetRequest;

/// A check that runs before anything is touched, with the plan in hand.
#[async_trait]
pub trait Guard: Send + Sync + 'static {
    /// What the guard is called in errors and logs.
    fn name(&self) -> &'static str;

    /// Refuses the reset, or lets it pass.
    ///
    /// # Errors
    ///
    /// The reason for the refusal, with what to do about it.
    async fn check(&self, request: &ResetRequest, plan: &ResetPlan) -> Result<(), Refusal>;
}

/// Why a guard refuses.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Refusal(String);

impl Refusal {
    /// A refusal for this reason.
    #[must_use]
    pub fn new(reason: impl Into<String>) -> Self {
        Self(reason.into())
    }
}

/// Refuses a reset while anything in the database or the data directory is neither claimed
/// nor preserved, or the database has triggers, views or indexes that a fresh install does not
/// have. Not among the engine's guards unless the host adds it.
#[derive(Debug, Clone, Copy, Default)]
pub struct NothingUnclaimed;

#[async_trait]
impl Guard for NothingUnclaimed {
    fn name(&self) -> &'static str {
        "nothing-unclaimed"
    }

    async fn check(&self, _: &ResetRequest, plan: &ResetPlan) -> Result<(), Refusal> {
        if plan.unclaimed().is_empty() {
            return Ok(());
        }
        let names: Vec<_> = plan.unclaimed().iter().map(Unclaimed::told).collect();
        Err(Refusal::new(format!(
            "nobody claims {}: add a step that does, preserve it, or drop it",
            names.join(", ")
        )))
    }
}
