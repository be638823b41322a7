//! The step `setup-token`.

use std::sync::Arc;

use async_trait::async_trait;
use factory_reset::{
    Phase, PlanContext, ResetStep, StepContext, StepDescriptor, StepError, StepOutcome, StepPlan,
    StepRegistration, inventory,
};

use crate::access::SetupToken;

const SETUP_TOKEN: StepDescriptor = StepDescriptor::new("setup-token", Phase::Forget)
    .label("Setup token")
    .description("Clears nothing: makes the file with which the first administrator is created.")
    .refillable()
    .accompanies(&["tables"])
    .requires::<Arc<SetupToken>>();

/// Has the setup token follow the users: where a reset leaves none, somebody must be able to
/// create the first one.
struct SetupTokenStep;

#[async_trait]
impl ResetStep for SetupTokenStep {
    async fn plan(&self, _: &PlanContext<'_>) -> Result<StepPlan, StepError> {
        Ok(StepPlan::new([]))
    }

    async fn apply(
        &self,
        context: &mut StepContext<'_>,
        _: &StepPlan,
    ) -> Result<StepOutcome, StepError> {
        let setup_token: &Arc<SetupToken> = context.resource()?;
        setup_token.refresh().await.map_err(StepError::other)?;
        Ok(StepOutcome::new([]))
    }
}

inventory::submit! { StepRegistration::new(SETUP_TOKEN, &SetupTokenStep) }
