//! The step `service`.

use std::sync::Arc;

use async_trait::async_trait;
use factory_reset::{
    Item, ItemKind, Phase, PlanContext, ResetStep, ResumeContext, StepContext, StepDescriptor,
    StepError, StepOutcome, StepPlan, StepRegistration, summary,
};

use crate::service::Service;

const SERVICE: StepDescriptor = StepDescriptor::new("service", Phase::Stop)
    .label("Service")
    .description("The service is stopped, so that it writes nothing meanwhile.")
    .requires::<Arc<Service>>()
    .cleared(&[("services_stopped", summary::items)]);

struct Stop;

#[async_trait]
impl ResetStep for Stop {
    async fn plan(&self, context: &PlanContext<'_>) -> Result<StepPlan, StepError> {
        let service: &Arc<Service> = context.resource()?;
        let item = Item::removed(ItemKind::Task, service.name(), 1);
        Ok(StepPlan::new([item]))
    }

    async fn apply(
        &self,
        context: &mut StepContext<'_>,
        plan: &StepPlan,
    ) -> Result<StepOutcome, StepError> {
        let service: &Arc<Service> = context.resource()?;
        let run = context
            .run()
            .ok_or_else(|| StepError::other("the run has no id"))?;
        service.stop(run).await.map_err(StepError::other)?;
        Ok(StepOutcome::new(plan.items().to_vec()))
    }

    async fn resume(&self, context: &ResumeContext<'_>, _: &StepPlan) -> Result<(), StepError> {
        let service: &Arc<Service> = context.resource()?;
        service.start().await.map_err(StepError::other)
    }
}

/// The step, which comes along with whatever else is reset.
pub(crate) fn service(has_database: bool, has_cache: bool) -> StepRegistration {
    let others: &'static [&'static str] = match (has_database, has_cache) {
        (true, true) => &["tables", "paths", "cache"],
        (true, false) => &["tables", "paths"],
        (false, true) => &["paths", "cache"],
        (false, false) => &["paths"],
    };
    StepRegistration::new(SERVICE.accompanies(others), &Stop)
}
