//! A reset waits for nobody for ever, and says for whom it has waited.

use factory_reset::{
    ForgetContext, Phase, PlanContext, ResetError, ResetStep, ResumeContext, Selection,
    StepContext, StepDescriptor, StepError, StepOutcome, StepPlan, async_trait, chain,
};
use factory_reset_steps::MediaDir;

use crate::dump::{assert_same, dump};
use crate::fixture::{Host, SHORT, everything, tree};
use crate::steps::{Fault, faulty, registration};

/// A method of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Method {
    Plan,
    Apply,
    Resume,
    Forget,
}

/// A step one of whose methods never ends.
struct Hangs(Method);

impl Hangs {
    async fn at(&self, method: Method) -> Result<(), StepError> {
        match self.0 == method {
            true => std::future::pending().await,
            false => Ok(()),
        }
    }
}

#[async_trait]
impl ResetStep for Hangs {
    async fn plan(&self, _: &PlanContext<'_>) -> Result<StepPlan, StepError> {
        self.at(Method::Plan).await?;
        Ok(StepPlan::new([]))
    }

    async fn apply(
        &self,
        _: &mut StepContext<'_>,
        plan: &StepPlan,
    ) -> Result<StepOutcome, StepError> {
        self.at(Method::Apply).await?;
        Ok(StepOutcome::as_planned(plan))
    }

    async fn resume(&self, _: &ResumeContext<'_>, _: &StepPlan) -> Result<(), StepError> {
        self.at(Method::Resume).await
    }

    async fn forget(&self, _: &ForgetContext<'_>) -> Result<(), StepError> {
        self.at(Method::Forget).await
    }
}

/// How a reset ends when the step `hangs` of this phase hangs in this method, and a later step
/// fails if `fails`.
async fn reset(phase: Phase, method: Method, fails: bool) -> Result<(), ResetError> {
    let host = Host::new().await;
    let hangs = registration(StepDescriptor::new("hangs", phase), Hangs(method));
    let builder = host
        .builder(&["tables", "media"])
        .await
        .resource(MediaDir::new("media"))
        .step(hangs)
        .stop_timeout(SHORT)
        .step_timeout(SHORT);
    let builder = match fails {
        true => builder.step(faulty(Fault::Fails)),
        false => builder,
    };
    let engine = builder.build().await.unwrap();
    let (rows, files) = (dump(&host.pool).await, tree(&host.data()));
    let result = engine.reset(everything()).await;
    match result {
        Ok(report) => {
            assert_eq!(host.number("SELECT count(*) FROM posts").await, 1);
            let [pending] = &report.pending[..] else {
                panic!("{:?}", report.pending);
            };
            assert_eq!(pending.work, "hangs");
            assert!(pending.error.contains("did not end within 2 s"));
            Ok(())
        }
        Err(error) => {
            assert_same(&dump(&host.pool).await, &rows);
            assert_eq!(tree(&host.data()), files);
            let text = chain(&error);
            let says = ["`hangs`", "did not end within 2 s"];
            assert!(says.iter().all(|part| text.contains(part)), "{text}");
            Err(error)
        }
    }
}

#[tokio::test]
async fn a_step_that_does_not_end_is_named_whichever_phase_and_method_it_hangs_in() {
    for phase in [Phase::Stop, Phase::Erase, Phase::Forget] {
        let error = reset(phase, Method::Plan, false).await.unwrap_err();
        assert!(matches!(error, ResetError::Plan(_)), "{error:?}");
    }
    for phase in [Phase::Stop, Phase::Erase] {
        let error = reset(phase, Method::Apply, false).await.unwrap_err();
        assert!(matches!(error, ResetError::Failed { .. }), "{error:?}");
        reset(phase, Method::Forget, false).await.unwrap();
    }
    reset(Phase::Forget, Method::Apply, false).await.unwrap();
}

#[tokio::test]
async fn a_step_that_does_not_run_again_is_named_beside_what_had_failed() {
    let error = reset(Phase::Stop, Method::Resume, true).await.unwrap_err();
    assert!(matches!(error, ResetError::NotUndone { .. }), "{error:?}");
    assert!(chain(&error).contains("the step broke"), "{error:?}");
}

#[tokio::test]
async fn a_preview_waits_no_longer_than_a_reset() {
    let host = Host::new().await;
    let hangs = StepDescriptor::new("hangs", Phase::Erase);
    let builder = host.media_builder().await.step_timeout(SHORT);
    let builder = builder.step(registration(hangs, Hangs(Method::Plan)));
    let engine = builder.build().await.unwrap();
    let error = engine.plan(&Selection::all()).await.unwrap_err();
    let text = chain(&error);
    assert!(
        text.contains("`hangs`") && text.contains("did not end within 2 s"),
        "{text}"
    );
}
