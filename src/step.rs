//! What a step author implements.

use async_trait::async_trait;

use crate::claims::Claims;
use crate::context::{ForgetContext, PlanContext, ResumeContext, StepContext};
use crate::error::StepError;
use crate::plan::{StepOutcome, StepPlan};
use crate::resources::Resources;
#[cfg(feature = "backup")]
use crate::restore_context::RestoreContext;
#[cfg(feature = "backup")]
use crate::save_context::SaveContext;

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

    /// Writes what a backup must keep of this category. For steps of the Erase phase alone: what
    /// the others clear cannot be put back. Every step saves from one snapshot of the database;
    /// the service is in use meanwhile.
    ///
    /// # Errors
    ///
    /// When something cannot be read, or the bundle cannot be written: then there is no backup.
    #[cfg(feature = "backup")]
    async fn save(&self, context: &mut SaveContext<'_>) -> Result<(), StepError> {
        context.save_claims().await
    }

    /// Puts back what [`save`](Self::save) has written, in place of what is there: inside the
    /// transaction and through the staging area, so that it is undone when anything fails.
    ///
    /// # Errors
    ///
    /// When something cannot be put back.
    #[cfg(feature = "backup")]
    async fn restore(&self, context: &mut RestoreContext<'_>) -> Result<StepOutcome, StepError> {
        context.restore_claims().await
    }

    /// Makes this process know what was put back: runs after the commit of a restoration, for
    /// steps that have restored something; must be idempotent. What is kept in memory is dropped
    /// as after a reset, unless the step says otherwise.
    ///
    /// # Errors
    ///
    /// When it cannot; the failure is reported as pending.
    async fn restored(&self, context: &ForgetContext<'_>) -> Result<(), StepError> {
        self.forget(context).await
    }
}
