//! Backups are made whole, and put back whole.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;

use factory_reset::{
    BackupError, BackupRequest, Category, Claims, Engine, EngineBuilder, EventKind, FailureCause,
    Phase, Report, ResetError, ResetStep, Resources, RestoreContext, RestoreRequest, RunOutcome,
    SaveContext, StepDescriptor, StepError, StepOutcome, StepRegistration, async_trait, chain,
};
use tokio::io::AsyncReadExt;

use crate::dump::{assert_same, dump};
use crate::fixture::{Host, counts, everything, own, tree};
use crate::rich;

/// Everything there is but for the backups themselves.
fn files(host: &Host) -> BTreeMap<String, String> {
    let mut files = tree(&host.data());
    files.retain(|path, _| !path.starts_with("backups"));
    files
}

async fn builder(host: &Host) -> EngineBuilder {
    host.media_builder().await.backups("backups")
}

async fn engine(host: &Host) -> Engine {
    builder(host).await.build().await.unwrap()
}

async fn restore(engine: &Engine, name: &str) -> Result<Report, ResetError> {
    let request = RestoreRequest::new(name).confirmed().actor("admin");
    engine
        .restore_behind_gate(request)
        .await
        .map(|(report, _)| report)
}

/// What was wrong with the backup.
fn backup(error: ResetError) -> BackupError {
    match error {
        ResetError::Backup(error) => *error,
        other => panic!("{other:?}"),
    }
}

fn fill(host: &Host) {
    host.write("media/deep/ünïcödé/dog.jpg", "woof");
    fs::create_dir(host.data().join("media/empty")).unwrap();
    for (path, mode) in [
        ("media", 0o750),
        ("media/cat.jpg", 0o640),
        ("media/empty", 0o700),
    ] {
        fs::set_permissions(host.data().join(path), fs::Permissions::from_mode(mode)).unwrap();
    }
}

#[tokio::test]
async fn what_is_saved_comes_back_to_the_last_row_and_mode() {
    let host = rich::used(rich::wal()).await;
    host.write("media/cat.jpg", "meow");
    fill(&host);
    let engine = engine(&host).await;
    let (rows, before) = (dump(&host.pool).await, files(&host));
    let backup = engine.backup(BackupRequest::new("before")).await.unwrap();
    assert_eq!(backup.contents.len(), 2);
    engine.reset(everything()).await.unwrap();
    assert_ne!(dump(&host.pool).await, rows);
    assert!(!host.data().join("media").exists());

    let report = restore(&engine, "before").await.unwrap();
    assert_same(&dump(&host.pool).await, &rows);
    assert_eq!(files(&host), before);
    assert_eq!(counts(&report, "media")["media"], 2);
    assert!(report.pending.is_empty(), "{:?}", report.pending);
    assert_eq!(own(&host.data()), ["lock"]);
    let entry = &engine.history()[0];
    assert_eq!(entry.outcome, RunOutcome::Completed);
    assert_eq!(entry.backup.as_deref(), Some("before"));
    assert_eq!(entry.actor.as_deref(), Some("admin"));
    let listed = engine.backups().await.unwrap();
    assert_eq!(
        listed,
        [backup],
        "a reset and a restoration leave backups alone"
    );
}

#[tokio::test]
async fn a_restoration_takes_away_what_came_later() {
    let host = Host::new().await;
    let engine = engine(&host).await;
    fs::remove_dir_all(host.data().join("media")).unwrap();
    let rows = dump(&host.pool).await;
    engine.backup(BackupRequest::new("bare")).await.unwrap();
    host.run("INSERT INTO posts (text) VALUES ('later')").await;
    host.write("media/later.jpg", "later");
    restore(&engine, "bare").await.unwrap();
    assert_same(&dump(&host.pool).await, &rows);
    assert!(!host.data().join("media").exists());
}

#[tokio::test]
async fn a_backup_comes_before_the_reset_or_there_is_none() {
    let host = Host::new().await;
    let engine = engine(&host).await;
    let rows = dump(&host.pool).await;
    engine.reset(everything().backup("first")).await.unwrap();
    assert_eq!(host.number("SELECT count(*) FROM posts").await, 1);
    restore(&engine, "first").await.unwrap();
    assert_same(&dump(&host.pool).await, &rows);

    let error = engine
        .reset(everything().backup("first"))
        .await
        .unwrap_err();
    assert!(matches!(backup(error), BackupError::Exists(_)));
    let error = engine.reset(everything().backup("a/b")).await.unwrap_err();
    assert!(matches!(backup(error), BackupError::Name(_)));
    assert_same(&dump(&host.pool).await, &rows);

    // A link is nothing that a backup can hold.
    std::os::unix::fs::symlink("/etc", host.data().join("media/link")).unwrap();
    let error = engine
        .reset(everything().backup("second"))
        .await
        .unwrap_err();
    let ResetError::Failed { cause, .. } = &error else {
        panic!("{error:?}")
    };
    assert!(matches!(cause, FailureCause::Backup(_)));
    assert!(chain(&error).contains("media/link"), "{}", chain(&error));
    assert_same(&dump(&host.pool).await, &rows);
    assert_eq!(own(&host.data()), ["lock"]);
    assert_eq!(engine.backups().await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_damaged_backup_changes_nothing() {
    let host = Host::new().await;
    let engine = engine(&host).await;
    engine.backup(BackupRequest::new("good")).await.unwrap();
    let (rows, before) = (dump(&host.pool).await, files(&host));
    let path = host.data().join("backups/good.tar.zst");
    let good = fs::read(&path).unwrap();
    for place in [good.len() / 3, good.len() / 2, good.len() - 5] {
        let mut bad = good.clone();
        bad[place] ^= 0x10;
        fs::write(&path, &bad).unwrap();
        let error = restore(&engine, "good").await.unwrap_err();
        assert!(matches!(backup(error), BackupError::Invalid { .. }));
    }
    assert_same(&dump(&host.pool).await, &rows);
    assert_eq!(files(&host), before);
    assert_eq!(own(&host.data()), ["lock"]);
    let error = restore(&engine, "absent").await.unwrap_err();
    assert!(matches!(backup(error), BackupError::NotFound(_)));
    let unconfirmed = RestoreRequest::new("good");
    let error = engine.restore_behind_gate(unconfirmed).await.unwrap_err();
    assert!(matches!(error, ResetError::Confirmation));
}

#[tokio::test]
async fn a_backup_of_other_columns_is_refused() {
    let host = Host::new().await;
    let engine = engine(&host).await;
    engine.backup(BackupRequest::new("old")).await.unwrap();
    host.run("ALTER TABLE drafts ADD COLUMN later TEXT").await;
    let error = restore(&engine, "old").await.unwrap_err();
    assert!(chain(&error).contains("`drafts`"), "{}", chain(&error));
    assert!(matches!(backup(error), BackupError::Unfit { .. }));
}

#[tokio::test]
async fn secrets_stay_out_unless_they_are_asked_for() {
    let host = Host::new().await;
    host.write("api_token", "secret");
    let engine = builder(&host)
        .await
        .preserve_secret("api_token", "signed in");
    let engine = engine.build().await.unwrap();
    engine.backup(BackupRequest::new("plain")).await.unwrap();
    let with_secrets = BackupRequest::new("whole").include([
        Category::Database,
        Category::Files,
        Category::Config,
    ]);
    let whole = engine.backup(with_secrets).await.unwrap();
    assert!(
        whole
            .contents
            .iter()
            .any(|step| step.paths == ["api_token"])
    );
    host.write("api_token", "changed");
    restore(&engine, "plain").await.unwrap();
    let token = || fs::read_to_string(host.data().join("api_token")).unwrap();
    assert_eq!(token(), "changed");
    restore(&engine, "whole").await.unwrap();
    assert_eq!(token(), "secret");

    let nothing = BackupRequest::new("cache").include([Category::Cache]);
    let error = engine.backup(nothing).await.unwrap_err();
    assert!(matches!(error, BackupError::Nothing(_)));
    let part = BackupRequest::new("rows").include([Category::Database]);
    engine.backup(part).await.unwrap();
    host.write("media/later.jpg", "later");
    restore(&engine, "rows").await.unwrap();
    assert!(
        host.data().join("media/later.jpg").exists(),
        "what it does not hold stays as it is"
    );
}

/// A step of somebody else, with something to save that is neither a table nor a path; it can
/// be made to fail when that is put back.
struct Index;

static INDEX: std::sync::Mutex<String> = std::sync::Mutex::new(String::new());

#[async_trait]
impl ResetStep for Index {
    fn claims(&self, _: &Resources) -> Claims {
        Claims::none().path("index")
    }

    async fn save(&self, context: &mut SaveContext<'_>) -> Result<(), StepError> {
        context.save_claims().await?;
        let note = INDEX.lock().unwrap().clone().into_bytes();
        context.save_entry("note", std::io::Cursor::new(note)).await
    }

    async fn restore(&self, context: &mut RestoreContext<'_>) -> Result<StepOutcome, StepError> {
        let outcome = context.restore_claims().await?;
        let mut note = String::new();
        let entry = context.entry("note").await?;
        let mut entry = entry.ok_or_else(|| StepError::other("there is no note"))?;
        entry
            .read_to_string(&mut note)
            .await
            .map_err(StepError::other)?;
        assert!(context.entry("other").await?.is_none());
        if note == "poison" {
            return Err(StepError::other("the note is poison"));
        }
        *INDEX.lock().unwrap() = note;
        Ok(outcome)
    }
}

#[tokio::test]
async fn a_step_saves_what_it_likes_and_its_failure_undoes_the_whole_restoration() {
    let host = Host::new().await;
    host.write("index/words", "one two");
    let step = StepDescriptor::new("z-index", Phase::Erase);
    let engine = builder(&host)
        .await
        .step(StepRegistration::new(step, &Index));
    let engine = engine.build().await.unwrap();
    "fine".clone_into(&mut INDEX.lock().unwrap());
    engine.backup(BackupRequest::new("fine")).await.unwrap();
    "poison".clone_into(&mut INDEX.lock().unwrap());
    engine.backup(BackupRequest::new("poison")).await.unwrap();

    fs::remove_dir_all(host.data().join("media")).unwrap();
    host.run("INSERT INTO posts (text) VALUES ('later')").await;
    host.write("index/words", "three");
    let (rows, before) = (dump(&host.pool).await, files(&host));
    let error = restore(&engine, "poison").await.unwrap_err();
    assert!(
        chain(&error).contains("the note is poison"),
        "{}",
        chain(&error)
    );
    assert_same(&dump(&host.pool).await, &rows);
    assert_eq!(files(&host), before);
    assert_eq!(own(&host.data()), ["lock"]);

    restore(&engine, "fine").await.unwrap();
    assert_eq!(*INDEX.lock().unwrap(), "fine");
    assert!(host.data().join("media/cat.jpg").exists());
    let words = fs::read_to_string(host.data().join("index/words")).unwrap();
    assert_eq!(words, "one two");
}

#[tokio::test]
async fn what_a_crash_leaves_of_a_backup_goes_at_the_next_start() {
    let host = Host::new().await;
    drop(engine(&host).await);
    host.write(
        ".factory-reset/unpacked/steps/media/files/media/cat.jpg",
        "old",
    );
    let engine = engine(&host).await;
    assert_eq!(own(&host.data()), ["lock"]);
    engine.backup(BackupRequest::new("one")).await.unwrap();
    engine.remove_backup("one").await.unwrap();
    assert!(engine.backups().await.unwrap().is_empty());
    assert!(matches!(
        engine.remove_backup("one").await,
        Err(BackupError::NotFound(_))
    ));
    let left: Vec<_> = fs::read_dir(host.data().join("backups")).unwrap().collect();
    assert!(left.is_empty(), "{left:?}");
}

#[tokio::test]
async fn a_backup_by_itself_is_told_from_its_beginning_to_its_end() {
    let host = Host::new().await;
    let engine = engine(&host).await;
    let mut events = engine.events();
    engine.backup(BackupRequest::new("one")).await.unwrap();
    let again = engine.backup(BackupRequest::new("one")).await;
    let error = chain(&again.unwrap_err());
    let name = || "one".to_owned();
    let kinds: Vec<_> = std::iter::from_fn(|| events.try_next())
        .map(|event| event.kind)
        .collect();
    let expected = [
        EventKind::BackupStarted { name: name() },
        EventKind::BackupFinished { name: name() },
        EventKind::BackupStarted { name: name() },
        EventKind::BackupFailed { error },
    ];
    assert_eq!(kinds, expected);
    assert!(engine.history().is_empty());
}

#[tokio::test]
async fn no_new_backup_has_a_name_that_no_client_can_address() {
    let host = Host::new().await;
    let engine = engine(&host).await;
    let rows = dump(&host.pool).await;
    for name in [".", "..", ".hidden", "-", "--delete"] {
        let error = engine.backup(BackupRequest::new(name)).await.unwrap_err();
        assert!(matches!(error, BackupError::Name(_)), "{name}: {error:?}");
        assert!(error.to_string().contains("begin with none of . and -"));
        let error = engine.reset(everything().backup(name)).await.unwrap_err();
        assert!(matches!(backup(error), BackupError::Name(_)), "{name}");
    }
    assert_same(&dump(&host.pool).await, &rows);
    assert!(engine.backups().await.unwrap().is_empty());
}

#[tokio::test]
async fn backups_that_have_such_names_are_still_listed_and_removed() {
    let host = Host::new().await;
    let engine = engine(&host).await;
    engine.backup(BackupRequest::new("made")).await.unwrap();
    let names = [".", "..", ".hidden", "-", "--delete"];
    for name in names {
        let file = |name: &str| host.data().join(format!("backups/{name}.tar.zst"));
        fs::copy(file("made"), file(name)).unwrap();
    }
    let listed = engine.backups().await.unwrap();
    for name in names {
        assert!(listed.iter().any(|backup| backup.name == name), "{name}");
        engine.remove_backup(name).await.unwrap();
        let error = engine.remove_backup(name).await.unwrap_err();
        assert!(matches!(error, BackupError::NotFound(_)), "{error:?}");
    }
    assert_eq!(engine.backups().await.unwrap().len(), 1);
}
