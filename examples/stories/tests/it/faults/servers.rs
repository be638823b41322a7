//! PostgreSQL ends connections, stops, or has a table locked by somebody else.

use std::sync::LazyLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use fault_sweeps::{Control, End, Fault, Outcome, Tally, assert_whole, block_on, sample, sweep};
use sqlx::{Connection, PgConnection};
use test_servers::{Database, Postgres};
use tokio::sync::Mutex;

use super::fixture::{Action, Fixture, Place};
use crate::install::Backend;
use crate::server::Answer;

/// How many points are tried in the short form.
const SHORT_TERMINATIONS: usize = 16;
const SHORT_STOPS: usize = 6;

#[test]
fn connections_that_are_terminated_leave_a_whole_reset() {
    for (action, name) in [
        (Action::Complete, "a reset"),
        (Action::Restore, "a restoration"),
    ] {
        let fixture = Fixture::of(Backend::Postgres, action);
        let calls = block_on(fixture.count());
        let points = sample((0..calls).collect(), SHORT_TERMINATIONS);
        let tally: Tally = sweep(&points, async |call: &u64| {
            disturb(
                &fixture,
                *call,
                async |database| {
                    let url = super::fixture::postgres().url("postgres");
                    let mut connection = PgConnection::connect(&url).await.unwrap();
                    sqlx::query(
                        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1",
                    )
                    .bind(&database.name)
                    .execute(&mut connection)
                    .await
                    .unwrap();
                    connection.close().await.unwrap();
                },
                async || {},
            )
            .await
        });
        tally.print(
            &format!("all connections are terminated during {name}"),
            None,
        );
        assert_whole(&[tally]);
    }
}

#[test]
fn a_server_that_stops_leaves_a_whole_reset() {
    // Its own: nobody else is to be disturbed.
    static SERVER: LazyLock<Postgres> = LazyLock::new(Postgres::start);
    // One at a time.
    let turn = Mutex::new(());
    for (action, name) in [
        (Action::Complete, "a reset"),
        (Action::Restore, "a restoration"),
    ] {
        let fixture = Fixture::on(&SERVER, action);
        let calls = block_on(fixture.count());
        let points = sample((0..calls).collect(), SHORT_STOPS);
        let tally: Tally = sweep(&points, async |call: &u64| {
            let _turn = turn.lock().await;
            disturb(
                &fixture,
                *call,
                async |_| SERVER.stop_immediate(),
                async || SERVER.start_again(),
            )
            .await
        });
        tally.print(
            &format!("PostgreSQL stops like in a crash during {name}"),
            None,
        );
        assert_whole(&[tally]);
    }
}

/// Does something to the server once the host has made so many calls on its data directory,
/// and makes it good when the host has answered.
async fn disturb(
    fixture: &Fixture,
    call: u64,
    disturb: impl AsyncFn(&Database),
    mend: impl AsyncFn(),
) -> Outcome {
    let place: Place = fixture.place();
    let database = place.install.database.as_ref().unwrap();
    let control = place.control();
    let mut server = place.install.host().under(&control).start();
    control.arm(Fault::None);
    let is_answered = AtomicBool::new(false);
    let asking = async {
        let answer = fixture.action.ask(&server, &fixture.token).await;
        is_answered.store(true, Ordering::SeqCst);
        answer
    };
    let meanwhile = async {
        reached(&control, call, &is_answered).await;
        disturb(database).await;
    };
    let (answer, ()): (Option<Answer>, ()) = futures::join!(asking, meanwhile);
    let answer = answer.unwrap();
    mend().await;
    server.kill();
    let end = fixture.settle(&place, Some(&answer)).await;
    Outcome {
        hit: Some(format!("{:?} after call {call}", fixture.action)),
        answer: Some(answer.status.as_u16()),
        end,
    }
}

/// The number of calls differs from run to run: there may be fewer.
async fn reached(control: &Control, call: u64, is_answered: &AtomicBool) {
    let mut turn = tokio::time::interval(Duration::from_millis(1));
    while control.count() < call && !is_answered.load(Ordering::SeqCst) {
        turn.tick().await;
    }
}

#[test]
fn a_table_that_is_locked_elsewhere_is_an_error_in_bounded_time_and_changes_nothing() {
    for action in [Action::Complete, Action::Restore] {
        let fixture = Fixture::of(Backend::Postgres, action);
        block_on(async {
            for hold in ["LOCK TABLE tags", "SELECT count(*) FROM tags"] {
                let place = fixture.place();
                let url = &place.install.database.as_ref().unwrap().url;
                let mut other = PgConnection::connect(url).await.unwrap();
                let mut server = place.install.host().start();
                let begin = sqlx::AssertSqlSafe(format!("BEGIN; {hold}"));
                sqlx::raw_sql(begin).execute(&mut other).await.unwrap();
                let answer = fixture.action.ask(&server, &fixture.token).await.unwrap();
                assert_eq!(answer.status, 500, "{}", answer.text);
                assert!(answer.text.contains("lock"), "{}", answer.text);
                other.close().await.unwrap();
                server.kill();
                let end = fixture.settle(&place, Some(&answer)).await;
                assert_eq!(end, Ok(End::Old), "{hold}");
                let server = place.install.host().start();
                let answer = fixture.action.ask(&server, &fixture.token).await.unwrap();
                assert_eq!(answer.status, 200, "{}", answer.text);
            }
        });
    }
}
