//! kill -9 of the host.

use fault_sweeps::{Fault, Outcome, Tally, assert_whole, block_on, sample, sweep};

use super::fixture::{Action, Fixture};
use crate::install::Backend;

/// How many points of each kind are tried in the short form.
const SHORT: usize = 24;

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
