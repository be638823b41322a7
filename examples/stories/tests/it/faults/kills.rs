//! kill -9 of the host.

use fault_sweeps::{Control, End, Fault, Outcome, Tally, assert_whole, block_on, sample, sweep};

use reqwest::Method;
use serde_json::{Value, json};

use super::fixture::{Action, Fixture, Place};
use crate::install::Backend;
use crate::server::{Answer, Server, try_send};

/// How many points of each kind are tried in the short form.
const SHORT: usize = 24;
const SHORT_REPEATS: usize = 16;

#[test]
fn a_reset_on_postgres_that_is_killed_at_any_call_is_whole_after_the_next_start() {
    check(Backend::Postgres, Action::Complete, "a reset on PostgreSQL");
}

#[test]
fn a_restoration_on_postgres_that_is_killed_at_any_call_is_whole_after_the_next_start() {
    check(
        Backend::Postgres,
        Action::Restore,
        "a restoration on PostgreSQL",
    );
}

#[test]
fn a_restoration_on_sqlite_that_is_killed_at_any_call_is_whole_after_the_next_start() {
    check(Backend::Sqlite, Action::Restore, "a restoration on SQLite");
}

fn check(backend: Backend, action: Action, name: &str) {
    let fixture = Fixture::of(backend, action);
    let calls = block_on(fixture.count());
    let around = (1..=calls).flat_map(|call| [Fault::KillBefore(call), Fault::KillAfter(call)]);
    let tally: Tally = sweep(&sample(around.collect(), SHORT), async |fault: &Fault| {
        kill(&fixture, *fault).await
    });
    tally.print(
        &format!("kill -9 before and after each call of {name}"),
        None,
    );
    assert_whole(&[tally]);
}

async fn kill(fixture: &Fixture, fault: Fault) -> Outcome {
    let place = fixture.place();
    let control = place.control();
    let mut server = place.install.host().under(&control).start();
    control.arm(fault);
    let answer = fixture.action.ask(&server, &fixture.token).await;
    server.kill();
    let hit = control.hit().map(|hit| format!("{hit} {fault:?}"));
    let end = fixture.settle(&place, answer.as_ref()).await;
    Outcome {
        hit,
        answer: answer.map(|answer| answer.status.as_u16()),
        end,
    }
}

#[test]
fn a_request_whose_host_is_killed_is_done_once_when_it_is_repeated() {
    for (backend, name) in [
        (Backend::Sqlite, "SQLite"),
        (Backend::Postgres, "PostgreSQL"),
    ] {
        let fixture = Fixture::of(backend, Action::Complete);
        let place = fixture.place();
        let control = place.control();
        let server = start(&place, &control, Fault::None);
        block_on(ask(&server, &fixture)).unwrap();
        let calls = control.count();
        drop(server);
        let around = (1..=calls).flat_map(|call| [Fault::KillBefore(call), Fault::KillAfter(call)]);
        let points = sample(around.collect(), SHORT_REPEATS);
        let tally: Tally = sweep(&points, async |fault| repeat(&fixture, *fault).await);
        let fault =
            format!("kill -9 of a request with an `Idempotency-Key` on {name}, and its repeat");
        tally.print(&fault, None);
        assert_whole(&[tally]);
    }
}

fn start(place: &Place, control: &Control, fault: Fault) -> Server {
    let server = place.install.host().under(control).start();
    control.arm(fault);
    server
}

/// Resets one table, under one key.
async fn ask(server: &Server, fixture: &Fixture) -> Option<Answer> {
    let request = server.request(Method::POST, "/api/reset/database");
    let request = request
        .bearer_auth(&fixture.token)
        .header("idempotency-key", "one");
    try_send(request.json(&json!({ "confirm": true, "tables": ["comments"] }))).await
}

/// What comes between a reset and its repeat survives; what was there before does not.
async fn repeat(fixture: &Fixture, fault: Fault) -> Outcome {
    let place = fixture.place();
    let control = place.control();
    let mut server = start(&place, &control, fault);
    let first = ask(&server, fixture).await;
    server.kill();
    let hit = control.hit().map(|hit| format!("{hit} {fault:?}"));
    let server = place.install.host().start();
    let is_done = place.install.count("comments").await == 0;
    let path = "/api/stories/1/comments";
    let comment = server
        .post(path, &fixture.token, json!({ "text": "Later" }))
        .await;
    assert_eq!(comment.status, 201, "{}", comment.text);
    let answer = ask(&server, fixture).await.unwrap();
    let left = place.install.count("comments").await;
    let history = server
        .get("/api/reset/history", &fixture.token)
        .await
        .json();
    let is_completed = |run: &&Value| run["outcome"] == "completed";
    let completed = history["runs"]
        .as_array()
        .unwrap()
        .iter()
        .filter(is_completed)
        .count();
    let is_right = answer.status == 200
        && left == u64::from(is_done)
        && completed == 1
        && first.is_none_or(|first| first.text == answer.text);
    Outcome {
        hit,
        answer: Some(answer.status.as_u16()),
        end: match (is_right, is_done) {
            (true, true) => Ok(End::New),
            (true, false) => Ok(End::Old),
            (false, _) => Err(format!(
                "done before the repeat: {is_done}; then {left} comments, {completed} resets, {answer:?}"
            )),
        },
    }
}
