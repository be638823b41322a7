//! What others have written is called with care: guards, summaries, steps that do too little.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use factory_reset::{
    Claims, EngineBuilder, Guard, Item, ItemKind, Outcome, Phase, PlanContext, Refusal, ResetError,
    ResetPlan, ResetRequest, ResetStep, Resources, Selection, StepContext, StepDescriptor,
    StepError, StepOutcome, StepPlan, async_trait, chain, summary,
};
use factory_reset_steps::MediaDir;
use serde_json::Value;

use crate::dump::{assert_same, dump};
use crate::fixture::{Host, SHORT, everything, own, tree};
use crate::steps::{Workers, registration};

enum Broken {
    Panics,
    NeverEnds,
}

#[async_trait]
impl Guard for Broken {
    fn name(&self) -> &'static str {
        "broken"
    }

    async fn check(&self, _: &ResetRequest, _: &ResetPlan) -> Result<(), Refusal> {
        match self {
            Self::Panics => panic!("the guard tripped"),
            Self::NeverEnds => std::future::pending().await,
        }
    }
}

async fn stopping(host: &Host, workers: &Arc<Workers>) -> EngineBuilder {
    let builder = host.builder(&["tables", "media", "runtimes"]).await;
    workers.offer(builder.resource(MediaDir::new("media")))
}

#[tokio::test]
async fn a_guard_that_panics_or_never_ends_refuses() {
    for (guard, says) in [
        (Broken::Panics, "the guard tripped"),
        (Broken::NeverEnds, "did not end within 2 s"),
    ] {
        let (host, workers) = (Host::new().await, Workers::new());
        let builder = stopping(&host, &workers).await;
        let engine = builder
            .guard(guard)
            .step_timeout(SHORT)
            .build()
            .await
            .unwrap();
        let (rows, files) = (dump(&host.pool).await, tree(&host.data()));
        let error = engine.reset(everything()).await.unwrap_err();
        assert!(matches!(error, ResetError::Guard { .. }), "{error:?}");
        let text = chain(&error);
        assert!(text.contains("`broken`") && text.contains(says), "{text}");
        assert_eq!(workers.names().await, ["a", "b", "c"]);
        assert_same(&dump(&host.pool).await, &rows);
        assert_eq!(tree(&host.data()), files);
        assert_eq!(own(&host.data()), ["lock"]);
        assert!(engine.gate_handle().enter().is_some());
    }
}

/// Has two items in memory.
struct Two;

#[async_trait]
impl ResetStep for Two {
    async fn plan(&self, _: &PlanContext<'_>) -> Result<StepPlan, StepError> {
        let item = |name| Item::removed(ItemKind::Memory, name, 1);
        Ok(StepPlan::new([item("one"), item("two")]))
    }

    async fn apply(
        &self,
        _: &mut StepContext<'_>,
        plan: &StepPlan,
    ) -> Result<StepOutcome, StepError> {
        Ok(StepOutcome::as_planned(plan))
    }
}

fn trips(_: &[Item]) -> Value {
    panic!("the summary tripped")
}

#[tokio::test]
async fn a_summary_that_panics_gives_null_and_the_reset_has_happened() {
    let host = Host::new().await;
    let descriptor = StepDescriptor::new("two", Phase::Forget)
        .cleared(&[("broken", trips), ("memories", summary::items)]);
    let builder = host
        .media_builder()
        .await
        .step(registration(descriptor, Two));
    let engine = builder.build().await.unwrap();
    let preview = engine.plan(&Selection::all()).await.unwrap().preview();
    let report = engine.reset(everything()).await.unwrap();
    assert!(report.pending.is_empty(), "{:?}", report.pending);
    assert_eq!(report.cleared["broken"], Value::Null);
    assert_eq!(report.cleared["memories"], 2);
    assert_eq!(report.cleared["rows_deleted"], 3);
    assert_eq!(report.cleared, preview.cleared);
    assert_eq!(host.number("SELECT count(*) FROM posts").await, 1);
    assert!(engine.gate_handle().enter().is_some());
}

/// Plans, and leaves `apply` as it is.
struct PlansOnly;

#[async_trait]
impl ResetStep for PlansOnly {
    async fn plan(&self, context: &PlanContext<'_>) -> Result<StepPlan, StepError> {
        Two.plan(context).await
    }
}

#[tokio::test]
async fn a_stop_step_that_only_plans_is_told_to_implement_apply_and_all_is_undone() {
    let (host, workers) = (Host::new().await, Workers::new());
    let step = registration(StepDescriptor::new("plans", Phase::Stop), PlansOnly);
    let engine = stopping(&host, &workers).await.step(step);
    let engine = engine.build().await.unwrap();
    let (rows, files) = (dump(&host.pool).await, tree(&host.data()));
    let error = engine.reset(everything()).await.unwrap_err();
    assert!(matches!(error, ResetError::Failed { .. }), "{error:?}");
    let text = chain(&error);
    assert!(
        text.contains("`plans`") && text.contains("implement its `apply`"),
        "{text}"
    );
    assert_eq!(workers.names().await, ["a", "b", "c"]);
    assert_same(&dump(&host.pool).await, &rows);
    assert_eq!(tree(&host.data()), files);
}

#[tokio::test]
async fn a_forget_step_that_only_plans_is_pending_and_told_to_implement_apply() {
    let host = Host::new().await;
    let step = registration(StepDescriptor::new("plans", Phase::Forget), PlansOnly);
    let builder = host.media_builder().await.step(step);
    let engine = builder.build().await.unwrap();
    let report = engine.reset(everything()).await.unwrap();
    let [pending] = &report.pending[..] else {
        panic!("{:?}", report.pending);
    };
    assert_eq!(pending.work, "plans");
    assert!(
        pending.error.contains("implement its `apply`"),
        "{pending:?}"
    );
    assert_eq!(host.number("SELECT count(*) FROM posts").await, 1);
    drop(engine);
    let _without = host.engine().await;
    assert_eq!(
        own(&host.data()),
        ["lock"],
        "a step that is gone has forgotten"
    );
}

/// Writes files while it erases, as a writer would that the gate does not hold.
struct LateWriter(Vec<PathBuf>);

#[async_trait]
impl ResetStep for LateWriter {
    async fn apply(
        &self,
        _: &mut StepContext<'_>,
        plan: &StepPlan,
    ) -> Result<StepOutcome, StepError> {
        for path in &self.0 {
            let directory = path.parent().ok_or_else(|| StepError::other("no parent"))?;
            fs::create_dir_all(directory).map_err(StepError::other)?;
            fs::write(path, "late").map_err(StepError::other)?;
        }
        Ok(StepOutcome::as_planned(plan))
    }
}

/// Claims what is not there, and beside it what is.
struct Absent;

impl ResetStep for Absent {
    fn claims(&self, _: &Resources) -> Claims {
        ["absent", "absent-too", "cache/absent"]
            .iter()
            .fold(Claims::none(), Claims::path)
    }
}

#[tokio::test]
async fn what_a_late_writer_puts_at_a_claimed_path_goes_also_where_nothing_was_planned() {
    let host = Host::new().await;
    host.write("cache/nobodys", "stays");
    let late = [
        "absent",
        "absent-too/deep/file",
        "cache/absent",
        "media/late.jpg",
    ];
    let writer = LateWriter(late.map(|path| host.data().join(path)).into());
    let absent = registration(StepDescriptor::new("absent", Phase::Erase), Absent);
    let writer = registration(
        StepDescriptor::new("zz-writer", Phase::Erase).after(&["absent", "media"]),
        writer,
    );
    let builder = host.media_builder().await.step(absent).step(writer);
    let engine = builder.build().await.unwrap();
    let report = engine.reset(everything()).await.unwrap();
    assert!(report.pending.is_empty(), "{:?}", report.pending);
    let absent = report
        .steps
        .iter()
        .find(|step| step.id.as_str() == "absent");
    let items = &absent.unwrap().items;
    assert!(items.iter().all(|item| item.outcome == Outcome::Absent));
    let left = tree(&host.data());
    let left: Vec<_> = left.keys().map(String::as_str).collect();
    assert_eq!(left, ["cache", "cache/nobodys"]);
    assert_eq!(own(&host.data()), ["lock"]);
}
