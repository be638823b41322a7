//! The line to PostgreSQL breaks in the middle of the COMMIT.

use std::sync::LazyLock;
use std::time::Duration;

use fault_sweeps::{Outcome, Tally, assert_whole, is_long, sweep};
use test_servers::{Fault, Proxy};
use tokio::runtime::Runtime;

use super::fixture::{Action, Fixture, postgres};
use crate::install::Backend;

/// How often each fault is tried in the long form.
const LONG: usize = 20;

const FAULTS: [(&str, Fault); 6] = [
    ("COMMIT is lost", Fault::Lost),
    ("COMMIT arrives by half", Fault::Half),
    ("the answer to COMMIT is lost", Fault::Unanswered),
    ("COMMIT is sent, and the line breaks at once", Fault::Sent),
    (
        "COMMIT arrives late",
        Fault::Late(Duration::from_millis(300)),
    ),
    (
        "COMMIT arrives when nobody waits any more",
        Fault::Late(Duration::from_secs(8)),
    ),
];

/// Passes on what is sent while a test waits for its host to start.
static LINES: LazyLock<Runtime> = LazyLock::new(|| Runtime::new().unwrap());

#[test]
fn a_commit_that_breaks_off_is_old_or_new() {
    let fixtures =
        [Action::Complete, Action::Restore].map(|action| Fixture::of(Backend::Postgres, action));
    let repeats = if is_long() { LONG } else { 1 };
    let mut all = Vec::new();
    for (name, fault) in FAULTS {
        let points: Vec<&Fixture> = fixtures.iter().cycle().take(2 * repeats).collect();
        let tally: Tally = sweep(&points, async |fixture| break_off(fixture, fault).await);
        tally.print(name, None);
        all.push(tally);
    }
    assert_whole(&all);
}

async fn break_off(fixture: &Fixture, fault: Fault) -> Outcome {
    let mut place = fixture.place();
    let line = LINES.spawn(Proxy::to(postgres().port())).await.unwrap();
    place.install.line = place
        .install
        .database
        .as_ref()
        .map(|database| line.url(database));
    let mut server = place.install.host().start();
    line.arm(fault);
    let answer = fixture.action.ask(&server, &fixture.token).await.unwrap();
    let hit = (!line.is_armed()).then(|| format!("{:?} {fault:?}", fixture.action));
    server.kill();
    place.install.line = None;
    let end = fixture.settle(&place, Some(&answer)).await;
    Outcome {
        hit,
        answer: Some(answer.status.as_u16()),
        end,
    }
}
