//! State that must not be restored is in no backup, and every restore clears it.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use factory_reset::{
    BackupError, BackupRequest, BuildError, Category, Claims, Engine, EngineBuilder, ForgetContext,
    ItemKind, Outcome, Phase, Report, ResetError, ResetStep, Resources, RestoreRequest, Selection,
    StepDescriptor, StepError, async_trait, chain,
};

use crate::fixture::{Host, POSTS, everything, step};
use crate::rich::wal;
use crate::steps::{paths, registration};

const SESSIONS: &str = "
    CREATE TABLE sessions (id TEXT PRIMARY KEY, post INTEGER REFERENCES posts (id));
    CREATE INDEX sessions_post ON sessions (post);
    INSERT INTO sessions VALUES ('seeded', 1);
    CREATE TABLE visits (id INTEGER PRIMARY KEY, session TEXT REFERENCES sessions (id));
";

/// How often the key was made anew.
struct Made(Arc<AtomicU64>);

/// Claims a signing key.
struct Key;

#[async_trait]
impl ResetStep for Key {
    fn claims(&self, _: &Resources) -> Claims {
        Claims::none().ephemeral_path("key")
    }

    async fn forget(&self, context: &ForgetContext<'_>) -> Result<(), StepError> {
        let Made(made) = context.resource()?;
        made.fetch_add(1, Ordering::SeqCst);
        Ok(())
    }
}

struct Service {
    host: Host,
    made: Arc<AtomicU64>,
}

impl Service {
    async fn new() -> Self {
        let host = Host::with(&[POSTS, SESSIONS], wal()).await;
        host.write("media/cat.jpg", "meow");
        host.write("key", "the first key");
        host.run("INSERT INTO sessions VALUES ('signed in', 1)")
            .await;
        let made = Arc::default();
        Self { host, made }
    }

    /// One that knows nothing of what is ephemeral.
    async fn plain(&self) -> EngineBuilder {
        self.host.media_builder().await.backups("backups")
    }

    async fn builder(&self) -> EngineBuilder {
        let key = StepDescriptor::new("key", Phase::Erase)
            .category(Category::Config)
            .requires::<Made>();
        self.plain()
            .await
            .ephemeral_table("Sessions")
            .step(registration(key, Key))
            .resource(Made(self.made.clone()))
    }

    async fn engine(&self) -> Engine {
        self.builder().await.build().await.unwrap()
    }

    async fn sessions(&self) -> Vec<String> {
        sqlx::query_scalar("SELECT id FROM sessions ORDER BY id")
            .fetch_all(&self.host.pool)
            .await
            .unwrap()
    }

    fn has_key(&self) -> bool {
        self.host.data().join("key").exists()
    }
}

async fn restore(engine: &Engine, name: &str) -> Result<Report, ResetError> {
    let request = RestoreRequest::new(name).confirmed();
    let restored = engine.restore_behind_gate(request).await;
    restored.map(|(report, _)| report)
}

fn bundle(service: &Service, name: &str) -> Vec<u8> {
    let file = service.host.data().join(format!("backups/{name}.tar.zst"));
    zstd::decode_all(fs::File::open(file).unwrap()).unwrap()
}

fn contains(content: &[u8], part: &str) -> bool {
    content
        .windows(part.len())
        .any(|window| window == part.as_bytes())
}

#[tokio::test]
async fn a_restore_brings_no_ended_session_and_no_key_back() {
    let service = Service::new().await;
    let engine = service.engine().await;
    let backup = engine.backup(BackupRequest::new("one")).await.unwrap();
    let tables = backup.contents.iter().find(|of| of.step == "tables");
    let tables = tables.unwrap();
    assert_eq!(tables.ephemeral, ["sessions"]);
    assert!(tables.tables.iter().all(|table| table.name != "sessions"));
    assert!(backup.contents.iter().all(|of| of.step != "key"));
    let content = bundle(&service, "one");
    assert!(contains(&content, "\"ephemeral\""), "the manifest says so");
    assert!(!contains(&content, "signed in"));
    assert!(!contains(&content, "the first key"));

    // The session ends, another begins.
    service
        .host
        .run("UPDATE sessions SET id = 'later' WHERE id = 'signed in'")
        .await;
    service.host.run("UPDATE posts SET text = 'changed'").await;
    let report = restore(&engine, "one").await.unwrap();
    assert_eq!(service.sessions().await, ["seeded"], "the factory rows");
    let text = "SELECT count(*) FROM posts WHERE text = 'welcome'";
    assert_eq!(service.host.number(text).await, 1);
    assert!(!service.has_key());
    assert_eq!(service.made.load(Ordering::SeqCst), 1);
    let items = &step(&report, "tables").items;
    let sessions = items.iter().find(|item| item.name == "sessions").unwrap();
    assert!(sessions.ephemeral);
    assert_eq!((sessions.outcome, sessions.count), (Outcome::Removed, 2));
    let posts = items.iter().find(|item| item.name == "posts").unwrap();
    assert!(!posts.ephemeral);
    assert_eq!(posts.outcome, Outcome::Restored);
    let key = &step(&report, "key").items[0];
    assert!(key.ephemeral && key.outcome == Outcome::Removed);
    // The index of the cleared table is there and used.
    let sound: String = sqlx::query_scalar("PRAGMA integrity_check")
        .fetch_one(&service.host.pool)
        .await
        .unwrap();
    assert_eq!(sound, "ok");
}

#[tokio::test]
async fn every_restore_clears_ephemeral_state_whatever_the_backup_holds() {
    let service = Service::new().await;
    let engine = service.engine().await;
    let files = BackupRequest::new("files").include([Category::Files]);
    let backup = engine.backup(files).await.unwrap();
    assert_eq!(backup.contents.len(), 1);
    service
        .host
        .run("INSERT INTO posts (text) VALUES ('kept')")
        .await;
    restore(&engine, "files").await.unwrap();
    assert_eq!(service.sessions().await, ["seeded"]);
    assert!(!service.has_key());
    assert_eq!(service.host.number("SELECT count(*) FROM posts").await, 2);
}

#[tokio::test]
async fn an_older_backup_is_restored_without_what_has_become_ephemeral() {
    let service = Service::new().await;
    let engine = service
        .plain()
        .await
        .preserve_secret("key", "signs tokens")
        .build()
        .await
        .unwrap();
    engine.backup(BackupRequest::new("all")).await.unwrap();
    let config = [Category::Database, Category::Files, Category::Config];
    let request = BackupRequest::new("secrets").include(config);
    engine.backup(request).await.unwrap();
    drop(engine);
    assert!(contains(&bundle(&service, "secrets"), "the first key"));
    let engine = service.engine().await;
    for name in ["all", "secrets"] {
        service.host.write("key", "the second key");
        service
            .host
            .run("INSERT INTO sessions VALUES ('now', 1)")
            .await;
        restore(&engine, name).await.unwrap();
        assert_eq!(service.sessions().await, ["seeded"], "{name}");
        assert!(!service.has_key(), "{name}");
    }
}

#[tokio::test]
async fn a_failed_restore_leaves_sessions_and_keys_as_they_were() {
    let service = Service::new().await;
    let engine = service.engine().await;
    engine.backup(BackupRequest::new("one")).await.unwrap();
    // A row that refers to a session breaks the restore, which would remove that session.
    service
        .host
        .run("INSERT INTO visits (session) VALUES ('signed in')")
        .await;
    drop(engine);
    let engine = service
        .builder()
        .await
        .preserve_table("visits", "counted for ever")
        .build()
        .await
        .unwrap();
    assert!(restore(&engine, "one").await.is_err());
    assert_eq!(service.sessions().await, ["seeded", "signed in"]);
    assert!(service.has_key());
    assert_eq!(service.made.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_reset_clears_ephemeral_state_and_the_preview_marks_it() {
    let service = Service::new().await;
    let engine = service.engine().await;
    let preview = engine.plan(&Selection::all()).await.unwrap().preview();
    let report = engine.reset(everything()).await.unwrap();
    for report in [&preview, &report] {
        let steps = report.steps.iter().flat_map(|step| &step.items);
        let marked = steps.filter(|item| item.ephemeral);
        let marked: Vec<_> = marked.map(|item| (item.kind, item.name.as_str())).collect();
        assert_eq!(
            marked,
            [(ItemKind::Path, "key"), (ItemKind::Table, "sessions")]
        );
    }
    assert_eq!(service.sessions().await, ["seeded"]);
    assert!(!service.has_key());
}

#[tokio::test]
async fn rows_that_refer_to_ephemeral_rows_are_refused_by_name_before_a_backup_is_made() {
    let service = Service::new().await;
    let engine = service.engine().await;
    let visits = "INSERT INTO visits (session) VALUES (NULL), ('seeded')";
    service.host.run(visits).await;
    engine.backup(BackupRequest::new("factory")).await.unwrap();
    service
        .host
        .run("INSERT INTO visits (session) VALUES ('signed in')")
        .await;
    let error = engine.backup(BackupRequest::new("two")).await.unwrap_err();
    let BackupError::RefersToEphemeral { table, rows, .. } = &error else {
        panic!("{error:?}")
    };
    assert_eq!((table.as_str(), *rows), ("visits", 1));
    assert!(chain(&error).contains("`sessions`"), "{error}");
    let reset = engine.reset(everything().backup("three")).await;
    assert!(reset.is_err());
    assert_eq!(service.sessions().await, ["seeded", "signed in"]);
    drop(engine);
    let engine = service.builder().await.ephemeral_table("visits");
    let engine = engine.build().await.unwrap();
    engine.backup(BackupRequest::new("four")).await.unwrap();
    restore(&engine, "four").await.unwrap();
    assert_eq!(service.host.number("SELECT count(*) FROM visits").await, 0);
}

#[tokio::test]
async fn what_no_step_clears_cannot_be_ephemeral() {
    let service = Service::new().await;
    let builder = || async { service.plain().await.step(paths("own", &["own"])) };
    for (builder, name) in [
        (builder().await.ephemeral_table("session"), "session"),
        (
            builder().await.ephemeral_path("media/cat.jpg"),
            "media/cat.jpg",
        ),
        (builder().await.ephemeral_path("../own"), "../own"),
        (
            builder()
                .await
                .preserve("kept", "why")
                .ephemeral_path("kept"),
            "kept",
        ),
        (
            builder()
                .await
                .preserve_table("drafts", "why")
                .ephemeral_table("drafts"),
            "drafts",
        ),
    ] {
        let error = builder.build().await.unwrap_err();
        assert!(
            matches!(&error, BuildError::UnclaimedEphemeral { name: told } if told == name),
            "{error:?}"
        );
    }
    builder().await.ephemeral_path("own").build().await.unwrap();
}
