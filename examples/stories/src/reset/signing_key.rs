//! The step `signing-key`.

use std::sync::Arc;

use async_trait::async_trait;
use factory_reset::{
    Category, Claims, ForgetContext, Phase, ResetStep, Resources, StepDescriptor, StepError,
    StepRegistration, inventory,
};

use crate::DataFiles;
use crate::access::Tokens;

const SIGNING_KEY: StepDescriptor = StepDescriptor::new("signing-key", Phase::Erase)
    .label("Signing key")
    .description("What signs tokens; a new one is made at once, so every token ends.")
    .category(Category::Config)
    .requires::<Arc<Tokens>>();

/// Ends every token: a restore may bring a user back whose tokens have ended with a reset.
struct SigningKey;

#[async_trait]
impl ResetStep for SigningKey {
    fn claims(&self, _: &Resources) -> Claims {
        Claims::none()
            .ephemeral_path(DataFiles::JWT_SECRET)
            .ephemeral_path(DataFiles::TOKEN_EPOCH)
    }

    async fn forget(&self, context: &ForgetContext<'_>) -> Result<(), StepError> {
        let tokens: &Arc<Tokens> = context.resource()?;
        tokens.rotate().await.map_err(StepError::other)
    }
}

inventory::submit! { StepRegistration::new(SIGNING_KEY, &SigningKey) }
