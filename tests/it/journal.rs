//! What gets in the way of the journal is an obstacle for as long as it is there, and no longer.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;

use factory_reset::{
    Claims, Engine, Item, Outcome, Phase, PlanContext, ResetError, ResetRequest, ResetStep,
    Resources, Selection, StepContext, StepDescriptor, StepError, StepOutcome, StepPlan,
    StepRegistration, async_trait,
};
use factory_reset_steps::MediaDir;

use crate::dump::{assert_same, dump};
use crate::fixture::{Host, everything, only, own, tree};
use crate::steps::{Entries, paths, registration};

/// Where the journal of a committed reset belongs.
fn committed(data: &Path) -> PathBuf {
    data.join(".factory-reset/journal.committed.json")
}

/// Puts a directory where the journal of a committed reset belongs, so that it can be neither
/// written nor removed; does so once, and then succeeds or fails.
struct Obstacle {
    place: PathBuf,
    fails: bool,
}

#[async_trait]
impl ResetStep for Obstacle {
    async fn apply(
        &self,
        _: &mut StepContext<'_>,
        plan: &StepPlan,
    ) -> Result<StepOutcome, StepError> {
        match fs::create_dir(&self.place) {
            Ok(()) if self.fails => Err(StepError::other("the step broke")),
            _ => Ok(StepOutcome::as_planned(plan)),
        }
    }
}

fn obstacle(data: &Path, fails: bool) -> StepRegistration {
    let step = Obstacle {
        place: committed(data),
        fails,
    };
    registration(StepDescriptor::new("zz-obstacle", Phase::Erase), step)
}

async fn engine(host: &Host, fails: bool) -> Engine {
    let builder = host.media_builder().await;
    let builder = builder.step(obstacle(&host.data(), fails));
    builder.build().await.unwrap()
}

#[tokio::test]
async fn once_the_obstacle_to_an_undoing_is_gone_the_next_reset_goes_through() {
    let host = Host::new().await;
    let (rows, files) = (dump(&host.pool).await, tree(&host.data()));
    let engine = engine(&host, true).await;
    let error = engine.reset(everything()).await.unwrap_err();
    assert!(matches!(error, ResetError::NotUndone { .. }), "{error:?}");
    assert!(engine.gate_handle().enter().is_none());
    assert_same(&dump(&host.pool).await, &rows);
    assert_eq!(tree(&host.data()), files);

    fs::remove_dir(committed(&host.data())).unwrap();
    let error = engine.reset(everything().digest("old")).await.unwrap_err();
    assert!(matches!(error, ResetError::Changed { .. }), "{error:?}");
    assert!(engine.gate_handle().enter().is_some(), "all is undone");
    assert_eq!(own(&host.data()), ["lock"]);
    assert_eq!(tree(&host.data()), files);
}

#[tokio::test]
async fn a_commit_that_could_not_be_written_down_is_not_lost_through_a_second_one() {
    let host = Host::new().await;
    let engine = engine(&host, false).await;
    let report = engine.reset(everything()).await.unwrap();
    assert_eq!(report.pending[0].work, "journal", "{:?}", report.pending);
    let first = report.run.unwrap().to_string();
    assert!(own(&host.data()).contains(&first), "not purged yet");

    host.write("media/dog.jpg", "woof");
    let report = engine.reset(everything()).await.unwrap();
    assert_eq!(report.pending[0].work, "journal", "{:?}", report.pending);
    assert!(own(&host.data()).contains(&first), "not purged yet");
    assert!(!host.data().join("media").exists());
    fs::remove_dir(committed(&host.data())).unwrap();
    drop(engine);
    let _started = host.engine().await;
    assert_eq!(own(&host.data()), ["lock"], "{first} is purged");
}

#[tokio::test]
async fn what_was_forgotten_stays_so_although_the_commit_could_not_be_written_down() {
    for restart in [true, false] {
        let (host, entries) = (Host::new().await, Entries::new(2));
        let builder = host.builder(&["media", "generators"]).await;
        let builder = builder.resource(MediaDir::new("media"));
        let builder = builder.step(obstacle(&host.data(), false));
        let engine = entries.offer(builder).build().await.unwrap();
        let report = engine.reset(everything()).await.unwrap();
        assert_eq!(report.pending[0].work, "journal", "{:?}", report.pending);
        assert_eq!(entries.cleared.load(Ordering::SeqCst), 1);
        // The service is in use again.
        entries.count.store(7, Ordering::SeqCst);
        fs::remove_dir(committed(&host.data())).unwrap();
        let _engine = if restart {
            drop(engine);
            let builder = host.builder(&["media", "generators"]).await;
            let builder = builder.resource(MediaDir::new("media"));
            entries.offer(builder).build().await.unwrap()
        } else {
            let media = ResetRequest::new(Selection::steps(["media"])).confirmed();
            engine.reset(media).await.unwrap();
            engine
        };
        assert_eq!(entries.count.load(Ordering::SeqCst), 7, "not selected");
        assert_eq!(own(&host.data()), ["lock"]);
    }
}

#[tokio::test]
async fn without_a_database_a_commit_that_could_not_be_written_down_is_undone() {
    let host = Host::new().await;
    let files = tree(&host.data());
    let builder = only(&[]).data_dir(host.data());
    let builder = builder.step(paths("paths", &["media"]));
    let engine = builder
        .step(obstacle(&host.data(), false))
        .build()
        .await
        .unwrap();
    let error = engine.reset(everything()).await.unwrap_err();
    assert!(matches!(error, ResetError::NotUndone { .. }), "{error:?}");
    assert!(engine.gate_handle().enter().is_none());
    fs::remove_dir(committed(&host.data())).unwrap();
    drop(engine);
    let builder = only(&[]).data_dir(host.data());
    let builder = builder.step(paths("paths", &["media"]));
    let engine = builder.build().await.unwrap();
    assert_eq!(tree(&host.data()), files);
    assert_eq!(own(&host.data()), ["lock"]);
    engine.reset(everything()).await.unwrap();
    assert!(!host.data().join("media").exists());
}

/// Keeps one of its two paths, and says so in its plan.
struct Keeps;

#[async_trait]
impl ResetStep for Keeps {
    fn claims(&self, _: &Resources) -> Claims {
        Claims::none().path("media").path("kept")
    }

    async fn plan(&self, context: &PlanContext<'_>) -> Result<StepPlan, StepError> {
        let plan = context.plan_claims().await?;
        let items = plan.items().iter().cloned().map(|mut item: Item| {
            if item.name == "kept" {
                item.outcome = Outcome::Preserved;
            }
            item
        });
        Ok(StepPlan::new(items))
    }
}

#[tokio::test]
async fn a_path_that_a_step_plans_to_preserve_is_preserved() {
    let host = Host::new().await;
    host.write("kept", "kept");
    let keeps = registration(StepDescriptor::new("keeps", Phase::Erase), Keeps);
    let builder = only(&[]).data_dir(host.data()).step(keeps);
    let engine = builder.build().await.unwrap();
    let report = engine.reset(everything()).await.unwrap();
    let outcomes: Vec<_> = report.steps[0]
        .items
        .iter()
        .map(|item| (item.name.as_str(), item.outcome))
        .collect();
    assert_eq!(
        outcomes,
        [("kept", Outcome::Preserved), ("media", Outcome::Removed)]
    );
    let kept = fs::read_to_string(host.data().join("kept"));
    assert!(kept.is_ok_and(|text| text == "kept"), "as the report says");
}
