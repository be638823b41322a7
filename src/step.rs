//! What a step author implements.

use async_trait::async_trait;

use crate::claims::Claims;
use crate::context::{ForgetContext, PlanContext, ResumeContext, StepContext};
use crate::error::StepError;
use crate::plan::{StepOutcome, StepPlan};
use crate::resources::Resources;

/// One category of state that a reset clears.
///
/// A step is a stateless value in a `static`: what it works on comes from the
/// [`Resources`] of the host, so that two engines in one process share nothing.
///
/// For tables and paths of the data directory, [`claims`](Self::claims) is all there is to
/// write: the other methods count and clear what is claimed.
///
/// ```
/// use factory_reset::{Claims, ResetStep, Resources};
///
/// struct Thumbnails;
///
/// impl ResetStep for Thumbnails {
///     fn claims(&self, _: &Resources) -> Claims {
///         Claims::none().path("thumbnails").table("thumbnail_jobs")
///     }
/// }
/// ```
///
/// Whatever fails before the commit undoes the whole reset; a step that panics counts as
/// failed.
#[async_trait]
pub trait ResetStep: Send + Sync {
    /// The tables and paths that are this step's own. Called once, when the engine is built.
    fn claims(&self, resources: &Resources) -> Claims {
        let _ = resources;
        Claims::none()
    }

    /// What this step would clear now. Reads only. Called for previews and, again, inside
    /// the transaction of a reset, with every other writer locked out.
    ///
    /// # Errors
    ///
    /// When something cannot be counted.
    async fn plan(&self, context: &PlanContext<'_>) -> Result<StepPlan, StepError> {
        context.plan_claims().await
    }

    /// Clears what `plan` names, in the phase of the step's descriptor. In the Forget phase
    /// it must be idempotent: the recovery of an interrupted reset runs it again.
    ///
    /// # Errors
    ///
    /// When something cannot be cleared: before the commit the reset is undone, after it the
    /// failure is reported as pending.
    async fn apply(
        &self,
        context: &mut StepContext<'_>,
        plan: &StepPlan,
    ) -> Result<StepOutcome, StepError> {
        context.clear_claims(plan).await
    }

    /// Undoes a Stop step when the reset is given up: what `plan` shows as running runs
    /// again. Also called when `apply` failed halfway.
    ///
    /// # Errors
    ///
    /// When something does not start again.
    async fn resume(&self, context: &ResumeContext<'_>, plan: &StepPlan) -> Result<(), StepError> {
        let _ = (context, plan);
        Ok(())
    }

    /// Drops what this process keeps in memory of the durable state that `apply` cleared.
    /// Runs after the commit, for steps of the Stop and Erase phases; must be idempotent.
    ///
    /// # Errors
    ///
    /// When it cannot; the failure is reported as pending.
    async fn forget(&self, context: &ForgetContext<'_>) -> Result<(), StepError> {
        let _ = context;
        Ok(())
    }
}
