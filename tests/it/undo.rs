//! What fails before the commit leaves rows, files and tasks as they were.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use factory_reset::{
    Engine, EventKind, Outcome, Phase, ResetError, ResetRequest, ResetStep, ResumeContext,
    RunOutcome, Selection, StepDescriptor, StepError, StepPlan, async_trait, chain,
};
use factory_reset_steps::MediaDir;

use crate::dump::{Dump, assert_same, dump};
use crate::fixture::{Host, SHORT, everything, only, own, step, tree, until};
use crate::steps::{Fault, Forgetful, Workers, faulty, registration};

struct Used {
    host: Host,
    workers: Arc<Workers>,
    rows: Dump,
    files: std::collections::BTreeMap<String, String>,
}

impl Used {
    async fn new() -> Self {
        let host = Host::new().await;
        host.write("media/deep/er/dog.jpg", "woof");
        host.write("media/private", "secret");
        let private = host.data().join("media/private");
        fs::set_permissions(private, fs::Permissions::from_mode(0o600)).unwrap();
        let deep = host.data().join("media/deep");
        fs::set_permissions(deep, fs::Permissions::from_mode(0o750)).unwrap();
        symlink("../media/cat.jpg", host.data().join("media/link")).unwrap();
        symlink("/nowhere", host.data().join("media/dangling")).unwrap();
        let (rows, files) = (dump(&host.pool).await, tree(&host.data()));
        Self {
            host,
            workers: Workers::new(),
            rows,
            files,
        }
    }

    async fn engine(&self, fault: Option<Fault>) -> Engine {
        let builder = only(&["tables", "media", "runtimes"])
            .data_dir(self.host.data())
            .database(self.host.sqlite().await)
            .resource(MediaDir::new("media"))
            .step_timeout(SHORT);
        let builder = fault
            .into_iter()
            .fold(builder, |builder, fault| builder.step(faulty(fault)));
        self.workers.offer(builder).build().await.unwrap()
    }

    async fn assert_untouched(&self) {
        assert_same(&dump(&self.host.pool).await, &self.rows);
        assert_eq!(tree(&self.host.data()), self.files);
        assert_eq!(self.workers.names().await, ["a", "b", "c"]);
        assert_eq!(own(&self.host.data()), ["lock"]);
    }
}

async fn fails(fault: Fault, says: &str) {
    let used = Used::new().await;
    let engine = used.engine(Some(fault)).await;
    let mut events = engine.events();
    let error = engine.reset(everything().actor("admin")).await.unwrap_err();
    assert!(matches!(error, ResetError::Failed { .. }), "{error:?}");
    let text = chain(&error);
    assert!(
        text.contains("`zz-faulty`") && text.contains(says),
        "{text}"
    );
    used.assert_untouched().await;

    let report = error.report().unwrap();
    assert_eq!(report.actor.as_deref(), Some("admin"));
    assert!(!report.dry_run && report.run.is_some());
    let applied: Vec<_> = report.steps.iter().map(|step| step.id.as_str()).collect();
    assert_eq!(applied, ["runtimes", "media", "tables", "zz-faulty"]);
    assert_eq!(step(report, "media").counts["files"], 5);

    let mut kinds = Vec::new();
    while let Some(event) = events.try_next() {
        kinds.push(event.kind);
    }
    assert!(kinds.contains(&EventKind::Undoing) && !kinds.contains(&EventKind::Committed));
    assert!(matches!(kinds.last(), Some(EventKind::ResetFailed { .. })));
    drop(engine);
    used.engine(None).await.reset(everything()).await.unwrap();
    assert_eq!(used.host.number("SELECT count(*) FROM posts").await, 1);
    assert!(!used.host.data().join("media").exists());
    assert!(used.workers.names().await.is_empty());
}

#[tokio::test]
async fn a_step_that_fails_undoes_the_reset() {
    fails(Fault::Fails, "the step broke").await;
}

#[tokio::test]
async fn a_step_that_panics_undoes_the_reset() {
    fails(Fault::Panics, "the step tripped").await;
}

#[tokio::test]
async fn a_step_that_never_ends_undoes_the_reset() {
    fails(Fault::NeverEnds, "did not end within 2 s").await;
}

#[tokio::test]
async fn what_was_half_stopped_runs_again() {
    let used = Used::new().await;
    used.workers.sticks.store(true, Ordering::SeqCst);
    let engine = used.engine(None).await;
    let error = engine.reset(everything()).await.unwrap_err();
    assert!(
        chain(&error).contains("one does not stop"),
        "{}",
        chain(&error)
    );
    let failed = &step(error.report().unwrap(), "runtimes").items;
    assert_eq!(failed.len(), 3);
    assert!(
        failed
            .iter()
            .all(|item| item.outcome == Outcome::Failed && item.message.is_some())
    );
    used.assert_untouched().await;
    assert!(
        engine.gate_handle().enter().is_some(),
        "the gate is open again"
    );
}

#[tokio::test]
async fn a_reset_after_an_undone_one_goes_through() {
    let used = Used::new().await;
    used.workers.sticks.store(true, Ordering::SeqCst);
    let engine = used.engine(None).await;
    engine.reset(everything()).await.unwrap_err();
    used.workers.sticks.store(false, Ordering::SeqCst);
    let report = engine.reset(everything()).await.unwrap();
    assert_eq!(report.cleared["runtimes_stopped"], 3);
    assert!(report.pending.is_empty(), "{:?}", report.pending);
    assert_eq!(own(&used.host.data()), ["lock"]);
}

/// Does not resume the first time.
struct Stubborn(Arc<AtomicBool>);

#[async_trait]
impl ResetStep for Stubborn {
    async fn resume(&self, _: &ResumeContext<'_>, _: &StepPlan) -> Result<(), StepError> {
        if self.0.swap(true, Ordering::SeqCst) {
            Ok(())
        } else {
            Err(StepError::other("not now"))
        }
    }
}

#[tokio::test]
async fn what_does_not_resume_is_resumed_later_while_everybody_gets_in() {
    let (host, tried) = (Host::new().await, Arc::<AtomicBool>::default());
    let stubborn = StepDescriptor::new("stubborn", Phase::Stop);
    let builder = host.media_builder().await;
    let builder = builder.step(registration(stubborn, Stubborn(tried)));
    let engine = builder.step(faulty(Fault::Fails)).build().await.unwrap();
    let error = engine.reset(everything()).await.unwrap_err();
    assert!(matches!(error, ResetError::NotUndone { .. }), "{error:?}");
    assert!(chain(&error).contains("not now"), "{}", chain(&error));
    assert!(engine.gate_handle().enter().is_some());
    assert_eq!(engine.history()[0].outcome, RunOutcome::NotUndone);
    until(|| engine.history()[0].outcome == RunOutcome::Failed).await;
    engine.recover().await.unwrap();
}

#[tokio::test]
async fn what_does_not_resume_is_resumed_also_after_a_reset_of_something_else() {
    let (host, tried) = (Host::new().await, Arc::<AtomicBool>::default());
    let stubborn = StepDescriptor::new("stubborn", Phase::Stop);
    let fault = Forgetful::default();
    fault.fails.store(true, Ordering::SeqCst);
    let builder = host.media_builder().await;
    let builder = builder.step(registration(stubborn, Stubborn(tried.clone())));
    let descriptor = StepDescriptor::new("zz-fault", Phase::Erase);
    let builder = builder.step(registration(descriptor, fault));
    let engine = builder.build().await.unwrap();
    engine.reset(everything()).await.unwrap_err();
    let failed = engine.history()[0].id;
    // Once more it does not.
    tried.store(false, Ordering::SeqCst);
    let media = ResetRequest::new(Selection::steps(["media"]));
    engine.reset(media.confirmed()).await.unwrap();
    let outcome = || engine.history_entry(failed).unwrap().outcome;
    until(|| outcome() == RunOutcome::Failed).await;
    assert!(tried.load(Ordering::SeqCst));
}

#[tokio::test]
async fn what_a_writer_put_in_the_way_does_not_stop_the_undoing() {
    use crate::steps::registration;
    use factory_reset::{
        Phase, ResetStep, StepContext, StepDescriptor, StepError, StepOutcome, StepPlan,
        async_trait,
    };

    struct Writer(std::path::PathBuf);
    #[async_trait]
    impl ResetStep for Writer {
        async fn apply(
            &self,
            _: &mut StepContext<'_>,
            _: &StepPlan,
        ) -> Result<StepOutcome, StepError> {
            fs::create_dir(&self.0).map_err(StepError::other)?;
            fs::write(self.0.join("late"), "late").map_err(StepError::other)?;
            Err(StepError::other("after writing"))
        }
    }

    let host = Host::new().await;
    let files = tree(&host.data());
    let writer = Writer(host.data().join("media"));
    let writer = registration(
        StepDescriptor::new("writer", Phase::Erase).after(&["media"]),
        writer,
    );
    let engine = host
        .media_builder()
        .await
        .step(writer)
        .build()
        .await
        .unwrap();
    engine.reset(everything()).await.unwrap_err();
    assert_eq!(tree(&host.data()), files);
    assert_eq!(own(&host.data()), ["lock"]);
}

#[tokio::test]
async fn what_does_not_resume_is_told_and_everything_else_is_put_back() {
    use crate::steps::registration;
    use factory_reset::{
        Phase, ResetStep, ResumeContext, StepDescriptor, StepError, StepPlan, async_trait,
    };

    struct Stubborn;
    #[async_trait]
    impl ResetStep for Stubborn {
        async fn resume(&self, _: &ResumeContext<'_>, _: &StepPlan) -> Result<(), StepError> {
            Err(StepError::other("it sulks"))
        }
    }

    let used = Used::new().await;
    let stubborn = registration(StepDescriptor::new("stubborn", Phase::Stop), Stubborn);
    let builder = used.host.builder(&["tables", "media", "runtimes"]).await;
    let builder = builder
        .resource(MediaDir::new("media"))
        .step(stubborn)
        .step(faulty(Fault::Fails));
    let engine = used.workers.offer(builder).build().await.unwrap();
    let error = engine.reset(everything()).await.unwrap_err();
    assert!(matches!(error, ResetError::NotUndone { .. }), "{error:?}");
    let text = chain(&error);
    assert!(
        text.contains("`stubborn` did not resume: it sulks"),
        "{text}"
    );
    assert!(text.contains("the step broke"), "{text}");
    used.assert_untouched().await;
    assert!(engine.gate_handle().enter().is_some());
}
