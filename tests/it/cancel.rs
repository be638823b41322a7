//! A reset is given up when its caller says so before the commit, and finished after it.

use std::time::Duration;

use factory_reset::{
    BackupError, BackupRequest, CancellationToken, Engine, EventKind, FailureCause, Phase, Report,
    ResetError, RestoreRequest, RunOutcome, StepDescriptor,
};
use tokio::task::JoinHandle;

use crate::dump::{assert_same, dump};
use crate::fixture::{Host, everything, tree, until};
use crate::steps::{Turnstile, registration};

type Running = JoinHandle<Result<Report, ResetError>>;

/// A host whose reset stands still in a step of `phase`, after everything else of that phase.
async fn standing(phase: Phase) -> (Host, Engine, Turnstile, CancellationToken, Running) {
    let (host, turnstile) = (Host::new().await, Turnstile::new());
    let descriptor = StepDescriptor::new("zz-turnstile", phase).after(match phase {
        Phase::Erase => &["tables", "media"],
        _ => &[],
    });
    let step = registration(descriptor, turnstile.clone());
    let builder = host.media_builder().await.backups("backups").step(step);
    let engine = builder.build().await.unwrap();
    engine.backup(BackupRequest::new("before")).await.unwrap();
    let cancellation = CancellationToken::new();
    let running = tokio::spawn({
        let (engine, cancellation) = (engine.clone(), cancellation.clone());
        async move { engine.reset(everything().cancelled_by(cancellation)).await }
    });
    (host, engine, turnstile, cancellation, running)
}

#[tokio::test]
async fn what_is_cancelled_before_the_commit_is_undone() {
    for phase in [Phase::Stop, Phase::Erase] {
        let (host, engine, turnstile, cancellation, running) = standing(phase).await;
        turnstile.reached().await;
        // A reader sees what is committed.
        let before = dump(&host.pool).await;
        cancellation.cancel();
        let error = running.await.unwrap().unwrap_err();
        let is_cancelled = matches!(
            error,
            ResetError::Failed {
                cause: FailureCause::Cancelled,
                ..
            }
        );
        assert!(is_cancelled, "{error:?}");
        assert!(host.data().join("media/cat.jpg").exists());
        assert_same(&dump(&host.pool).await, &before);
        assert_eq!(engine.history()[0].outcome, RunOutcome::Failed);
        assert!(engine.gate_handle().enter().is_some());
        // Nothing of it stays: the next one succeeds.
        turnstile.let_go();
        let report = engine.reset(everything()).await.unwrap();
        assert!(report.pending.is_empty());
        assert!(!host.data().join("media").exists());
    }
}

#[tokio::test]
async fn what_is_cancelled_after_the_commit_is_finished() {
    let (host, _, turnstile, cancellation, running) = standing(Phase::Forget).await;
    turnstile.reached().await;
    cancellation.cancel();
    turnstile.let_go();
    let report = running.await.unwrap().unwrap();
    assert!(report.pending.is_empty());
    assert!(!host.data().join("media").exists());
}

#[tokio::test]
async fn what_is_cancelled_before_it_begins_touches_nothing() {
    let host = Host::new().await;
    let builder = host.media_builder().await.backups("backups");
    let engine = builder.build().await.unwrap();
    let made = engine.backup(BackupRequest::new("before")).await;
    made.unwrap();
    let files = tree(&host.data());
    let cancelled = CancellationToken::new();
    cancelled.cancel();
    let error = engine
        .reset(everything().cancelled_by(cancelled.clone()))
        .await;
    assert!(matches!(error, Err(ResetError::Cancelled)), "{error:?}");
    let backup = BackupRequest::new("cancelled").cancelled_by(cancelled.clone());
    let error = engine.backup(backup).await;
    assert!(matches!(error, Err(BackupError::Cancelled)), "{error:?}");
    let restore = RestoreRequest::new("before")
        .confirmed()
        .cancelled_by(cancelled);
    let error = engine.restore_behind_gate(restore).await;
    assert!(matches!(error, Err(ResetError::Cancelled)), "{error:?}");
    assert_eq!(tree(&host.data()), files);
    let backups = engine.backups().await.unwrap();
    assert_eq!(backups.len(), 1);
}

#[tokio::test]
async fn waiting_for_requests_under_way_can_be_cancelled() {
    let host = Host::new().await;
    let builder = host.media_builder().await;
    let builder = builder.drain_timeout(Duration::from_secs(3600));
    let engine = builder.build().await.unwrap();
    let under_way = engine.gate_handle().enter().unwrap();
    let cancellation = CancellationToken::new();
    let mut events = engine.events();
    let running = tokio::spawn({
        let (engine, cancellation) = (engine.clone(), cancellation.clone());
        async move { engine.reset(everything().cancelled_by(cancellation)).await }
    });
    until(|| matches!(events.try_next(), Some(event) if matches!(event.kind, EventKind::Planned { .. }))).await;
    cancellation.cancel();
    let error = running.await.unwrap().unwrap_err();
    assert!(matches!(error, ResetError::Cancelled), "{error:?}");
    drop(under_way);
    assert!(engine.gate_handle().enter().is_some());
}
