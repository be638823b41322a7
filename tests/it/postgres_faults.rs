//! PostgreSQL breaks off: rows and files are both old, or both new.

use std::time::Duration;

use factory_reset::{Database, Decision, Postgres, chain};
use factory_reset_steps::MediaDir;
use sqlx::Connection;
use test_servers::{Fault, Postgres as Server, Proxy};
use uuid::Uuid;

use crate::fixture::{CLEARING, SHORT, everything, only, own};
use crate::postgres_fixture::{POSTS, PostgresHost, server};

fn posts() -> Vec<String> {
    vec!["posts".to_owned()]
}

#[tokio::test]
async fn a_commit_that_breaks_off_is_old_or_new_and_recovery_agrees() {
    for (fault, is_new) in [
        (Fault::Lost, Some(false)),
        (Fault::Half, Some(false)),
        (Fault::Unanswered, Some(true)),
        (Fault::Sent, None),
        (Fault::Late(Duration::from_secs(1)), Some(true)),
    ] {
        let proxy = Proxy::to(server().port()).await;
        let database = server().create_database_of(Server::CREATOR);
        let url = proxy.url(&database);
        let host = PostgresHost::at(&url, database, &[POSTS]).await;
        host.run("INSERT INTO posts (text) VALUES ('mine')").await;
        host.write("media/cat.jpg", "meow");
        let engine = host.engine().await;
        proxy.arm(fault);
        let result = engine.reset(everything()).await;
        assert!(!proxy.is_armed());
        let is_done = host.number("SELECT count(*) FROM posts").await == 1;
        assert_eq!(result.is_ok(), is_done, "{fault:?} {result:?}");
        assert_eq!(host.data().join("media").exists(), !is_done, "{fault:?}");
        assert!(is_new.is_none_or(|is_new| is_new == is_done), "{fault:?}");
        drop(engine);
        let engine = host.engine().await;
        assert_eq!(own(&host.data()), ["lock"]);
        assert_eq!(
            host.number("SELECT count(*) FROM posts").await == 1,
            is_done
        );
        assert_eq!(host.data().join("media").exists(), !is_done);
        engine.reset(everything()).await.unwrap();
        assert!(!host.data().join("media").exists());
    }
}

#[tokio::test]
async fn a_commit_that_comes_too_late_leaves_the_decision_to_the_next_start() {
    let proxy = Proxy::to(server().port()).await;
    let database = server().create_database_of(Server::CREATOR);
    let url = proxy.url(&database);
    let host = PostgresHost::at(&url, database, &[POSTS]).await;
    host.run("INSERT INTO posts (text) VALUES ('mine')").await;
    host.write("media/cat.jpg", "meow");
    let postgres = host.postgres().await.lock_timeout(SHORT);
    let engine = only(&["tables", "media"])
        .resource(MediaDir::new("media"))
        .data_dir(host.data())
        .database(postgres)
        .build()
        .await
        .unwrap();
    proxy.arm(Fault::Late(SHORT * 3));
    let text = chain(&engine.reset(everything()).await.unwrap_err());
    assert!(text.contains("lock_timeout"), "{text}");
    assert_eq!(
        host.number("SELECT count(*) FROM posts WHERE false").await,
        0
    );
    drop(engine);
    // It waits for the transaction in doubt.
    host.engine().await;
    assert_eq!(host.number("SELECT count(*) FROM posts").await, 1);
    assert!(!host.data().join("media").exists());
    assert_eq!(own(&host.data()), ["lock"]);
}

#[tokio::test]
async fn a_run_is_committed_or_fenced_and_never_both() {
    let host = PostgresHost::new().await;
    let postgres = host.postgres().await;
    let (one, two) = (Uuid::now_v7(), Uuid::now_v7());
    let mut transaction = postgres.write(&CLEARING).await.unwrap();
    transaction.clear(&posts()).await.unwrap();
    transaction.check().await.unwrap();
    transaction.commit(one).await.unwrap();
    assert_eq!(postgres.decide(one).await.unwrap(), Decision::Committed);
    assert_eq!(postgres.decide(two).await.unwrap(), Decision::Aborted);
    let mut transaction = postgres.write(&CLEARING).await.unwrap();
    transaction.clear(&posts()).await.unwrap();
    transaction.check().await.unwrap();
    let text = chain(&transaction.commit(two).await.unwrap_err());
    assert!(text.contains("given up"), "{text}");
    assert_eq!(postgres.decide(two).await.unwrap(), Decision::Aborted);
    assert_eq!(postgres.decide(one).await.unwrap(), Decision::Committed);
}

#[tokio::test]
async fn a_backend_that_is_terminated_leaves_everything_as_it_was() {
    let host = PostgresHost::new().await;
    let postgres = host.postgres().await;
    let mut transaction = postgres.write(&CLEARING).await.unwrap();
    transaction.clear(&posts()).await.unwrap();
    let connection = transaction.postgres().await.unwrap().unwrap();
    let backend: i32 = sqlx::query_scalar("SELECT pg_backend_pid()")
        .fetch_one(connection)
        .await
        .unwrap();
    server().execute(
        "postgres",
        &format!("SELECT pg_terminate_backend({backend})"),
    );
    let run = Uuid::now_v7();
    transaction.commit(run).await.unwrap_err();
    assert_eq!(postgres.decide(run).await.unwrap(), Decision::Aborted);
    assert_eq!(host.number("SELECT count(*) FROM posts").await, 3);
}

#[tokio::test]
async fn a_server_that_stops_before_the_commit_leaves_everything_as_it_was() {
    let server = Server::start();
    let database = server.create_database();
    let url = database.url.clone();
    let host = PostgresHost::at(&url, database, &[POSTS]).await;
    host.run("INSERT INTO posts (text) VALUES ('mine')").await;
    let postgres = host.postgres().await;
    let mut transaction = postgres.write(&CLEARING).await.unwrap();
    transaction.clear(&posts()).await.unwrap();
    transaction.check().await.unwrap();
    server.stop_immediate();
    let run = Uuid::now_v7();
    transaction.commit(run).await.unwrap_err();
    let text = chain(&postgres.decide(run).await.unwrap_err());
    assert!(text.contains("connect to the database"), "{text}");
    server.start_again();
    assert_eq!(postgres.decide(run).await.unwrap(), Decision::Aborted);
    let rows = server.execute(&host.database.name, "SELECT count(*) FROM posts");
    assert_eq!(rows.trim(), "2");
}

#[tokio::test]
async fn a_table_that_another_session_reads_is_a_bounded_error() {
    let host = PostgresHost::new().await;
    let engine = only(&["tables", "media"])
        .resource(MediaDir::new("media"))
        .data_dir(host.data())
        .database(host.postgres().await.lock_timeout(SHORT))
        .build()
        .await
        .unwrap();
    let mut other = host.connect().await;
    for hold in ["SELECT count(*) FROM posts", "LOCK TABLE drafts"] {
        let begin = format!("BEGIN; {hold}");
        sqlx::raw_sql(sqlx::AssertSqlSafe(begin))
            .execute(&mut other)
            .await
            .unwrap();
        let text = chain(&engine.reset(everything()).await.unwrap_err());
        assert!(text.contains("raise `.lock_timeout(…)`"), "{text}");
        assert!(host.data().join("media/cat.jpg").exists());
        sqlx::raw_sql("ROLLBACK").execute(&mut other).await.unwrap();
        assert_eq!(host.number("SELECT count(*) FROM posts").await, 3);
    }
    other.close().await.unwrap();
    engine.reset(everything()).await.unwrap();
}

#[tokio::test]
async fn one_lock_excludes_every_other_process_until_it_is_given_back() {
    let host = PostgresHost::new().await;
    let (one, two) = (host.postgres().await, host.postgres().await);
    let held = one.lock().await.unwrap().unwrap();
    assert!(two.lock().await.unwrap().is_none());
    assert!(one.lock().await.unwrap().is_none());
    let elsewhere = PostgresHost::new().await.postgres().await;
    assert!(elsewhere.lock().await.unwrap().is_some());
    drop(held);
    // The server has to notice first.
    let mut turn = tokio::time::interval(Duration::from_millis(20));
    let free = async {
        while two.lock().await.unwrap().is_none() {
            turn.tick().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), free)
        .await
        .unwrap();
}

#[tokio::test]
async fn rows_that_another_session_may_still_read_are_pending_until_it_ends() {
    let host = PostgresHost::new().await;
    let mut other = host.connect().await;
    sqlx::raw_sql("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM pg_class")
        .execute(&mut other)
        .await
        .unwrap();
    let engine = host.tables_engine().await;
    let report = engine.reset(everything()).await.unwrap();
    assert!(!report.pending.is_empty());
    other.close().await.unwrap();
    let postgres: Postgres = host.postgres().await;
    let mut turn = tokio::time::interval(Duration::from_millis(20));
    let done = async {
        while postgres.reclaim().await.is_err() {
            turn.tick().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), done)
        .await
        .unwrap();
    let left = "SELECT count(*) FROM _factory_reset WHERE rewrite IS NOT NULL";
    assert_eq!(host.number(left).await, 0);
}
