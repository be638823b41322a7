//! What the host preserves as a secret, as far as backups are concerned.

use async_trait::async_trait;

use crate::claims::Claims;
use crate::descriptor::{Category, Phase, StepDescriptor};
use crate::error::StepError;
use crate::plan::StepOutcome;
use crate::registry::StepRegistration;
use crate::resources::Resources;
use crate::restore_context::RestoreContext;
use crate::step::ResetStep;

/// The id under which secrets stand in a bundle. No host may use it for a step.
pub(crate) const ID: &str = "preserved-secrets";

/// Saves and restores the secrets that are its parts. It is no step of any reset.
struct Secrets;

#[async_trait]
impl ResetStep for Secrets {
    fn claims(&self, _: &Resources) -> Claims {
        Claims::none()
    }

    async fn restore(&self, context: &mut RestoreContext<'_>) -> Result<StepOutcome, StepError> {
        let items = context.restore_claims().await?.into_items().into_iter();
        // Services read their secrets once.
        let note = "the service may go by it only after its next start";
        Ok(StepOutcome::new(items.map(|mut item| {
            item.message = Some(note.to_owned());
            item
        })))
    }
}

/// The step that backups save secrets by, when they are asked to.
pub(crate) const SECRETS: StepRegistration = StepRegistration::new(
    StepDescriptor::new(ID, Phase::Erase)
        .label("Preserved secrets")
        .description("Secrets that every reset preserves; in a backup only if asked for.")
        .category(Category::Config),
    &Secrets,
);
