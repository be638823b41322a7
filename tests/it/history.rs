//! Every run is told of afterwards: also those that were refused, and those that failed.

use std::sync::Arc;

use factory_reset::{
    Engine, HistoryEntry, Phase, ResetRequest, RunOutcome, Selection, StepDescriptor,
};
use serde_json::Value;

use crate::fixture::{Host, everything};
use crate::steps::{Forgetful, Turnstile, registration};

async fn engine(host: &Host, fault: &Forgetful) -> Engine {
    let descriptor = StepDescriptor::new("zz-fault", Phase::Erase);
    let builder = host.media_builder().await.confirmation("RESET");
    let builder = builder.step(registration(descriptor, fault.clone()));
    builder.build().await.unwrap()
}

#[tokio::test]
async fn completed_failed_and_refused_runs_are_told_in_their_order_and_survive_a_start() {
    let (host, fault) = (Host::new().await, Forgetful::default());
    let first = engine(&host, &fault).await;
    let wrong = ResetRequest::new(Selection::all()).phrase("reset");
    first.reset(wrong.actor("mallory")).await.unwrap_err();
    fault.fails.store(true, std::sync::atomic::Ordering::SeqCst);
    first.reset(everything()).await.unwrap_err();
    fault
        .fails
        .store(false, std::sync::atomic::Ordering::SeqCst);
    let report = first.reset(everything().actor("admin")).await.unwrap();

    let told = first.history();
    let full = |run: &HistoryEntry| first.history_entry(run.id).unwrap();
    let outcomes: Vec<_> = told.iter().map(|run| run.outcome).collect();
    use RunOutcome::{Completed, Failed, Refused};
    assert_eq!(outcomes, [Completed, Failed, Refused]);
    let [completed, failed, refused] = &told[..] else {
        unreachable!()
    };
    assert_eq!(Some(completed.id), report.run);
    assert_eq!(completed.actor.as_deref(), Some("admin"));
    assert_eq!(
        full(completed).report.unwrap(),
        serde_json::to_value(&report).unwrap()
    );
    assert!(failed.error.as_ref().unwrap().contains("zz-fault"));
    let items = &full(failed).report.unwrap()["steps"];
    assert!(
        items
            .as_array()
            .unwrap()
            .iter()
            .any(|step| step["id"] == "media")
    );
    assert_eq!(refused.actor.as_deref(), Some("mallory"));
    assert_eq!(full(refused).report, None);

    drop(first);
    assert_eq!(engine(&host, &fault).await.history(), told);
}

#[tokio::test]
async fn a_run_that_found_another_one_running_is_told_as_refused() {
    let (host, turnstile) = (Host::new().await, Turnstile::new());
    let builder = host.media_builder().await.step(turnstile.registration());
    let engine = Arc::new(builder.build().await.unwrap());
    let running = tokio::spawn({
        let engine = engine.clone();
        async move { engine.reset(everything()).await }
    });
    turnstile.reached().await;
    engine.reset(everything()).await.unwrap_err();
    assert_eq!(engine.history()[0].outcome, RunOutcome::Refused);
    turnstile.let_go();
    running.await.unwrap().unwrap();
    let outcomes: Vec<_> = engine.history().iter().map(|run| run.outcome).collect();
    assert_eq!(outcomes, [RunOutcome::Completed, RunOutcome::Refused]);
}

#[tokio::test]
async fn what_somebody_sends_does_not_fill_the_history() {
    let host = Host::new().await;
    let engine = host.engine().await;
    let absurd = "x".repeat(100_000);
    let request = ResetRequest::new(Selection::steps([absurd]));
    engine.reset(request.confirmed()).await.unwrap_err();
    let run = engine.history().remove(0);
    assert_eq!(run.selection, None);
    assert!(serde_json::to_string(&run).unwrap().len() < 10_000);
}

#[tokio::test]
async fn each_step_says_what_kind_of_erasure_it_was() {
    let host = Host::new().await;
    let report = host.engine().await.reset(everything()).await.unwrap();
    let report: Value = serde_json::to_value(report).unwrap();
    let kinds = report["steps"].as_array().unwrap().iter();
    let kinds: Vec<_> = kinds
        .map(|step| format!("{}: {}", step["id"], step["erasure"]))
        .collect();
    assert_eq!(
        kinds,
        [r#""media": ["unlinked"]"#, r#""tables": ["rewritten"]"#]
    );
}
