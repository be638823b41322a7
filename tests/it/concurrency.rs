//! Resets beside resets, and listeners that come and go.

use factory_reset::{
    Event, EventKind, Events, Phase, ResetError, ResetStep, StepDescriptor, StepRegistration,
};
use futures::poll;
use tokio::task::JoinSet;

use crate::fixture::{Host, everything, only};
use crate::steps::{Fault, Turnstile, faulty, registration};

/// Every event up to the one that closes the run.
async fn run(events: &mut Events) -> Vec<Event> {
    let mut all = Vec::new();
    loop {
        let event = events.next().await.unwrap();
        let closes = event.kind.is_terminal();
        all.push(event);
        if closes {
            return all;
        }
    }
}

fn assert_well_formed(events: &[Event]) {
    for (number, event) in (0..).zip(events) {
        assert_eq!(event.index, number);
        assert_eq!(event.run, events[0].run);
    }
    assert!(
        matches!(events[0].kind, EventKind::ResetStarted),
        "{events:#?}"
    );
    assert_eq!(
        events
            .iter()
            .filter(|event| event.kind.is_terminal())
            .count(),
        1
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_24_resets_at_once_one_runs_and_the_others_are_refused() {
    let (host, turnstile) = (Host::new().await, Turnstile::new());
    let builder = host.media_builder().await.step(turnstile.registration());
    let engine = builder.build().await.unwrap();
    let mut resets = JoinSet::new();
    for _ in 0..24 {
        let engine = engine.clone();
        resets.spawn(async move { engine.reset(everything()).await });
    }
    turnstile.reached().await;
    for _ in 0..23 {
        let refused = resets.join_next().await.unwrap().unwrap();
        assert!(
            matches!(refused, Err(ResetError::AlreadyRunning)),
            "{refused:?}"
        );
    }
    assert_eq!(
        turnstile.reached.available_permits(),
        0,
        "no other one has begun"
    );
    turnstile.let_go();
    resets.join_next().await.unwrap().unwrap().unwrap();
    turnstile.let_go();
    engine.reset(everything()).await.unwrap();
}

#[tokio::test]
async fn a_reset_that_nobody_waits_for_finishes_all_the_same() {
    let (host, turnstile) = (Host::new().await, Turnstile::new());
    let builder = host.media_builder().await.step(turnstile.registration());
    let engine = builder.build().await.unwrap();
    let mut events = engine.events();
    {
        let mut reset = Box::pin(engine.reset(everything()));
        assert!(poll!(&mut reset).is_pending());
    }
    turnstile.reached().await;
    assert!(matches!(
        engine.reset(everything()).await,
        Err(ResetError::AlreadyRunning)
    ));
    turnstile.let_go();
    let all = run(&mut events).await;
    assert!(matches!(
        all.last().unwrap().kind,
        EventKind::ResetFinished { pending: 0 }
    ));
    assert_eq!(host.number("SELECT count(*) FROM posts").await, 1);
    assert!(!host.data().join("media").exists());
}

#[tokio::test]
async fn events_are_numbered_open_with_the_start_and_close_with_the_end() {
    let host = Host::new().await;
    let engine = host.engine().await;
    let mut events = engine.events();
    let report = engine.reset(everything()).await.unwrap();
    let all = run(&mut events).await;
    assert_well_formed(&all);
    assert_eq!(Some(all[0].run), report.run);
    assert!(all.iter().any(|event| event.kind == EventKind::Committed));
    assert_eq!(all[1].kind, EventKind::Planned { steps: 2 });
    let text = serde_json::to_value(&all[1]).unwrap();
    assert_eq!(
        (&text["kind"], &text["steps"]),
        (&"planned".into(), &2.into())
    );
    assert_eq!(
        (&text["index"], &text["run"]),
        (&1.into(), &all[1].run.to_string().into())
    );
}

#[tokio::test]
async fn a_failed_reset_is_told_from_start_to_end_as_well() {
    let host = Host::new().await;
    let builder = host.media_builder().await.step(faulty(Fault::Fails));
    let engine = builder.build().await.unwrap();
    let mut events = engine.events();
    engine.reset(everything()).await.unwrap_err();
    assert_well_formed(&run(&mut events).await);
}

#[tokio::test]
async fn a_refused_reset_does_not_end_a_run_that_never_began() {
    let host = Host::new().await;
    let engine = host.engine().await;
    let mut events = engine.events();
    engine.reset(everything().digest("old")).await.unwrap_err();
    let mut all = Vec::new();
    while let Some(event) = events.try_next() {
        all.push(event);
    }
    if !all.is_empty() {
        assert_well_formed(&all);
    }
}

struct Nothing;
impl ResetStep for Nothing {}

fn many(count: usize) -> Vec<StepRegistration> {
    let step = |number| {
        let id: &'static str = Box::leak(format!("noop-{number}").into_boxed_str());
        registration(StepDescriptor::new(id, Phase::Forget), Nothing)
    };
    (0..count).map(step).collect()
}

#[tokio::test]
async fn a_listener_that_is_too_slow_misses_events_and_changes_nothing() {
    let host = Host::new().await;
    let builder = only(&[]).data_dir(host.data());
    let builder = many(2100)
        .into_iter()
        .fold(builder, factory_reset::EngineBuilder::step);
    let engine = builder.build().await.unwrap();
    let (mut slow, gone) = (engine.events(), engine.events());
    drop(gone);
    let report = engine.reset(everything()).await.unwrap();
    assert_eq!(report.steps.len(), 2100);
    assert_ne!(slow.next().await.unwrap().index, 0);
    let last = run(&mut slow).await.pop().unwrap();
    assert!(
        matches!(last.kind, EventKind::ResetFinished { .. }),
        "the end is never missed"
    );
}

#[tokio::test]
async fn two_engines_in_one_process_share_nothing() {
    let (one, other) = (Host::new().await, Host::new().await);
    let (first, second) = (one.engine().await, other.engine().await);
    let mut events = second.events();
    first.reset(everything()).await.unwrap();
    assert!(events.try_next().is_none());
    assert_eq!(other.number("SELECT count(*) FROM posts").await, 3);
    assert!(other.data().join("media/cat.jpg").exists());
    second.reset(everything()).await.unwrap();
}

#[tokio::test]
async fn a_reset_needs_the_phrase_byte_for_byte() {
    let host = Host::new().await;
    let builder = host.media_builder().await.confirmation("RESET HOST");
    let engine = builder.build().await.unwrap();
    let request = || factory_reset::ResetRequest::new(factory_reset::Selection::all());
    for unconfirmed in [
        request(),
        request().phrase("reset host"),
        request().phrase("RESET HOST "),
        request().phrase(""),
    ] {
        let refused = engine.reset(unconfirmed).await;
        assert!(
            matches!(refused, Err(ResetError::Confirmation)),
            "{refused:?}"
        );
    }
    assert_eq!(host.number("SELECT count(*) FROM posts").await, 3);
    engine.reset(request().phrase("RESET HOST")).await.unwrap();
}
