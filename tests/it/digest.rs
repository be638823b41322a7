//! The digest of a plan changes with what would be cleared, and with nothing else.

use std::fs;

use factory_reset::{
    Engine, EventKind, Phase, ResetError, ResetStep, Selection, StepContext, StepDescriptor,
    StepError, StepOutcome, StepPlan, async_trait,
};
use factory_reset_steps::MediaDir;

use crate::dump::{assert_same, dump};
use crate::fixture::{Host, counts, everything, own, tree};
use crate::steps::{Workers, paths, registration};

async fn digest(engine: &Engine, selection: &Selection) -> String {
    engine.plan(selection).await.unwrap().digest().to_owned()
}

async fn of_all(engine: &Engine) -> String {
    digest(engine, &Selection::all()).await
}

#[tokio::test]
async fn it_stays_the_same_while_nothing_is_written() {
    let host = Host::new().await;
    let engine = host.engine().await;
    for selection in [
        Selection::all(),
        Selection::steps(["tables"]),
        Selection::steps(["tables"]).only("tables", ["posts"]),
        Selection::steps(["media"]),
    ] {
        let first = digest(&engine, &selection).await;
        for _ in 0..5 {
            assert_eq!(digest(&engine, &selection).await, first, "{selection:?}");
            assert_eq!(host.number("SELECT count(*) FROM posts").await, 3);
        }
    }
}

#[tokio::test]
async fn a_checkpoint_and_a_new_connection_are_no_change() {
    let host = Host::new().await;
    let engine = host.engine().await;
    let first = of_all(&engine).await;
    sqlx::Connection::close(host.connect().await).await.unwrap();
    assert_eq!(of_all(&engine).await, first);
}

#[tokio::test]
async fn it_outlives_the_process_and_sees_what_was_written_in_between() {
    let host = Host::new().await;
    // As of one process after the other: the last connection to close empties the log.
    let of_a_start = async || {
        let engine = host.engine().await;
        let digest = of_all(&engine).await;
        drop(engine);
        digest
    };
    host.pool.close().await;
    let first = of_a_start().await;
    assert_eq!(of_a_start().await, first);
    let mut connection = host.connect().await;
    sqlx::raw_sql("UPDATE posts SET text = 'other' WHERE id = 1")
        .execute(&mut connection)
        .await
        .unwrap();
    sqlx::Connection::close(connection).await.unwrap();
    let second = of_a_start().await;
    assert_ne!(second, first);
    assert_eq!(of_a_start().await, second);
}

#[tokio::test]
async fn every_write_to_the_database_changes_it() {
    let host = Host::new().await;
    let engine = host.engine().await;
    let mut last = of_all(&engine).await;
    for sql in [
        "INSERT INTO posts (text) VALUES ('third')",
        "UPDATE posts SET text = 'other' WHERE id = 1",
        "DELETE FROM posts WHERE id = 2; INSERT INTO posts (id, text) VALUES (2, 'another')",
        "UPDATE posts SET text = 'welcome' WHERE id = 1",
    ] {
        host.run(sql).await;
        let next = of_all(&engine).await;
        assert_ne!(next, last, "{sql}");
        last = next;
    }
}

#[tokio::test]
async fn every_change_of_a_file_changes_it() {
    let host = Host::new().await;
    host.write("media/deep/a", "aaaa");
    host.write("media/deep/b", "bbbb");
    let engine = host.engine().await;
    let media = host.data().join("media");
    let later = std::time::SystemTime::UNIX_EPOCH;
    let changes: [(&str, &dyn Fn()); 6] = [
        ("content of another length", &|| {
            fs::write(media.join("deep/a"), "aaaaaa").unwrap();
        }),
        ("touch", &|| {
            let file = fs::File::options()
                .write(true)
                .open(media.join("deep/b"))
                .unwrap();
            file.set_modified(later).unwrap();
        }),
        ("rename", &|| {
            fs::rename(media.join("deep/a"), media.join("deep/c")).unwrap();
        }),
        ("move", &|| {
            fs::rename(media.join("deep/c"), media.join("c")).unwrap();
        }),
        ("two names exchanged", &|| {
            fs::rename(media.join("c"), media.join("x")).unwrap();
            fs::rename(media.join("deep/b"), media.join("c")).unwrap();
            fs::rename(media.join("x"), media.join("deep/b")).unwrap();
        }),
        ("an empty directory", &|| {
            fs::create_dir(media.join("empty")).unwrap();
        }),
    ];
    let mut last = of_all(&engine).await;
    for (what, change) in changes {
        change();
        let next = of_all(&engine).await;
        assert_ne!(next, last, "{what}");
        last = next;
    }
}

#[tokio::test]
async fn what_is_not_selected_does_not_change_it() {
    let host = Host::new().await;
    let engine = host.engine().await;
    let (media, tables) = (Selection::steps(["media"]), Selection::steps(["tables"]));
    let (before_media, before_tables) = (
        digest(&engine, &media).await,
        digest(&engine, &tables).await,
    );
    host.write("media/dog.jpg", "woof");
    assert_eq!(digest(&engine, &tables).await, before_tables);
    let after_media = digest(&engine, &media).await;
    assert_ne!(after_media, before_media);
    host.run("DELETE FROM drafts WHERE id = 0; INSERT INTO posts (text) VALUES ('x')")
        .await;
    assert_eq!(digest(&engine, &media).await, after_media);
}

#[tokio::test]
async fn the_digest_of_an_old_plan_refuses_the_reset_and_stops_nothing() {
    let host = Host::new().await;
    let workers = Workers::new();
    let builder = host.builder(&["tables", "media", "runtimes"]).await;
    let builder = builder.resource(MediaDir::new("media"));
    let engine = workers.offer(builder).build().await.unwrap();
    let old = of_all(&engine).await;
    host.run("UPDATE posts SET text = 'other' WHERE id = 1")
        .await;
    let (rows, files) = (dump(&host.pool).await, tree(&host.data()));
    let error = engine.reset(everything().digest(&old)).await.unwrap_err();
    let ResetError::Changed { digest } = error else {
        panic!("{error:?}");
    };
    assert_eq!(digest, of_all(&engine).await);
    assert_same(&dump(&host.pool).await, &rows);
    assert_eq!(tree(&host.data()), files);
    assert_eq!(workers.stops.load(std::sync::atomic::Ordering::SeqCst), 0);
    assert_eq!(own(&host.data()), ["lock"]);
    let report = engine.reset(everything().digest(&digest)).await.unwrap();
    assert_eq!(report.digest, digest);
}

#[tokio::test]
async fn an_undone_reset_leaves_the_digest_of_files_as_it_was() {
    let host = Host::new().await;
    let failing = crate::steps::faulty(crate::steps::Fault::Fails);
    let builder = host
        .media_builder()
        .await
        .step(failing)
        .step(paths("more", &["more"]));
    let engine = builder.build().await.unwrap();
    let media = Selection::steps(["media"]);
    let before = digest(&engine, &media).await;
    engine.reset(everything()).await.unwrap_err();
    assert_eq!(digest(&engine, &media).await, before);
}

/// Writes down that it stops.
struct Diary(sqlx::SqlitePool);

#[async_trait]
impl ResetStep for Diary {
    async fn apply(
        &self,
        _: &mut StepContext<'_>,
        plan: &StepPlan,
    ) -> Result<StepOutcome, StepError> {
        sqlx::query("INSERT INTO posts (text) VALUES ('stopping')")
            .execute(&self.0)
            .await
            .map_err(StepError::other)?;
        Ok(StepOutcome::as_planned(plan))
    }
}

#[tokio::test]
async fn what_a_step_writes_while_it_stops_does_not_refuse_the_reset_and_goes_too() {
    let host = Host::new().await;
    let diary = StepDescriptor::new("diary", Phase::Stop);
    let builder = host.media_builder().await;
    let builder = builder.step(registration(diary, Diary(host.pool.clone())));
    let engine = builder.build().await.unwrap();
    let seen = of_all(&engine).await;
    let report = engine.reset(everything().digest(&seen)).await.unwrap();
    assert_eq!(
        counts(&report, "tables")["posts"],
        4,
        "what went is counted"
    );
    assert_eq!(host.number("SELECT count(*) FROM posts").await, 1);
}

#[tokio::test]
async fn what_a_request_under_way_still_writes_refuses_the_reset_and_stops_nothing() {
    let host = Host::new().await;
    let workers = Workers::new();
    let builder = host.builder(&["tables", "media", "runtimes"]).await;
    let builder = builder.resource(MediaDir::new("media"));
    let engine = workers.offer(builder).build().await.unwrap();
    let seen = of_all(&engine).await;
    let under_way = engine.gate_handle().enter().unwrap();
    let mut events = engine.events();
    let reset = {
        let (engine, request) = (engine.clone(), everything().digest(&seen));
        tokio::spawn(async move { engine.reset(request).await })
    };
    while !matches!(events.next().await.unwrap().kind, EventKind::Planned { .. }) {}
    host.run("INSERT INTO posts (text) VALUES ('under way')")
        .await;
    drop(under_way);
    let error = reset.await.unwrap().unwrap_err();
    let ResetError::Changed { digest } = error else {
        panic!("{error:?}");
    };
    assert_eq!(workers.stops.load(std::sync::atomic::Ordering::SeqCst), 0);
    assert_eq!(host.number("SELECT count(*) FROM posts").await, 4);
    assert!(host.data().join("media/cat.jpg").exists());
    assert_eq!(own(&host.data()), ["lock"]);
    assert!(engine.gate_handle().enter().is_some());
    engine.reset(everything().digest(&digest)).await.unwrap();
}
