//! A reset that a crash has interrupted is ended by the next start.

use std::collections::BTreeMap;
use std::fs;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use factory_reset::{BuildError, Engine, EngineBuilder, RunOutcome, chain};
use serde_json::{Value, json};

use crate::dump::{assert_same, dump};
use crate::fixture::{Host, everything, only, own, tree};
use crate::steps::{Entries, paths};

const RUN: &str = "01890a5d-ac96-774b-bcce-b302099a8057";

struct Crashed {
    host: Host,
    entries: Arc<Entries>,
    files: BTreeMap<String, String>,
}

impl Crashed {
    async fn new() -> Self {
        let host = Host::new().await;
        host.write("thumbs/small.png", "tiny");
        drop(host.sqlite().await);
        let files = tree(&host.data());
        fs::create_dir_all(host.data().join(".factory-reset").join(RUN)).unwrap();
        Self {
            host,
            entries: Entries::new(2),
            files,
        }
    }

    fn journal(&self, state: &str, change: impl FnOnce(&mut Value)) {
        let mut journal = json!({
            "version": 4,
            "run": RUN,
            "database": "host.db",
            "paths": [
                { "path": "media", "stays": false },
                { "path": "thumbs", "stays": false },
            ],
            "steps": { "paths": [], "generators": [], "tables": [] },
            "rows": true,
            "earlier": { "forget": {}, "purge": [], "reclaim": false },
            "swept": false,
            "entry": {
                "id": RUN,
                "number": 0,
                "outcome": "completed",
                "recovered": false,
                "actor": "admin",
                "started_at": "2026-01-01T00:00:00Z",
                "duration_ms": 7,
                "selection": {},
                "pending": [],
                "report": { "cleared": { "rows_deleted": 3 }, "pending": [], "steps": [] },
            },
        });
        change(&mut journal);
        let path = self
            .host
            .data()
            .join(format!(".factory-reset/journal.{state}.json"));
        fs::write(path, journal.to_string()).unwrap();
    }

    fn stage(&self, path: &str, slot: &str) {
        let area = self.host.data().join(".factory-reset").join(RUN);
        fs::rename(self.host.data().join(path), area.join(slot)).unwrap();
    }

    async fn commit(&self) {
        let sql = format!(
            "DELETE FROM posts WHERE id > 1;
             INSERT INTO _factory_reset VALUES ('{RUN}', 'commit', '2026-01-01T00:00:00Z')"
        );
        self.host.run(&sql).await;
    }

    async fn builder(&self) -> EngineBuilder {
        let builder = only(&["tables", "generators"])
            .data_dir(self.host.data())
            .database(self.host.sqlite().await)
            .step(paths("paths", &["media", "thumbs"]));
        self.entries.offer(builder)
    }

    async fn start(&self) -> Engine {
        self.builder().await.build().await.unwrap()
    }

    async fn refuse(&self) -> String {
        let error = self.builder().await.build().await.unwrap_err();
        assert!(matches!(error, BuildError::Recovery(_)), "{error:?}");
        chain(&error)
    }

    fn assert_old(&self) {
        assert_eq!(tree(&self.host.data()), self.files);
        assert_eq!(own(&self.host.data()), ["lock"]);
        assert_eq!(self.entries.cleared.load(Ordering::SeqCst), 0);
    }

    fn assert_new(&self, cleared: u64) {
        assert_eq!(tree(&self.host.data()), BTreeMap::new());
        assert_eq!(own(&self.host.data()), ["lock"]);
        assert_eq!(self.entries.cleared.load(Ordering::SeqCst), cleared);
    }
}

#[tokio::test]
async fn without_a_commit_record_everything_comes_back_however_much_was_staged() {
    for staged in [&[][..], &["media"], &["thumbs"], &["media", "thumbs"]] {
        let crashed = Crashed::new().await;
        let rows = dump(&crashed.host.pool).await;
        crashed.journal("prepared", |_| {});
        for path in staged {
            crashed.stage(path, if *path == "media" { "0" } else { "1" });
        }
        let engine = crashed.start().await;
        crashed.assert_old();
        let run = engine.history().remove(0);
        assert_eq!((run.outcome, run.recovered), (RunOutcome::Failed, true));
        assert!(run.report.is_none(), "nothing of the plan has come about");
        assert_same(&dump(&crashed.host.pool).await, &rows);
        drop(engine);
        let _again = crashed.start().await;
        crashed.assert_old();
    }
}

#[tokio::test]
async fn with_a_commit_record_the_reset_is_finished() {
    let crashed = Crashed::new().await;
    crashed.journal("prepared", |_| {});
    crashed.stage("media", "0");
    crashed.stage("thumbs", "1");
    crashed.commit().await;
    let engine = crashed.start().await;
    crashed.assert_new(1);
    let run = engine.history().remove(0);
    assert_eq!((run.outcome, run.recovered), (RunOutcome::Completed, true));
    assert_eq!(run.actor.as_deref(), Some("admin"));
    let report = engine.history_entry(run.id).unwrap().report.unwrap();
    assert_eq!(report["cleared"]["rows_deleted"], 3);
    drop(engine);
    let _again = crashed.start().await;
    crashed.assert_new(1);
}

/// What a report tells of the media files.
fn media(item: &Value, files: u64, bytes: u64) -> Value {
    let mut item = item.clone();
    item["count"] = files.into();
    item["bytes"] = bytes.into();
    json!({ "id": "paths", "counts": { "files": files }, "bytes": bytes, "items": [item] })
}

#[tokio::test]
async fn files_that_an_interrupted_reset_has_not_come_to_count_are_counted_by_the_next_start() {
    let item = json!({ "kind": "path", "name": "media", "outcome": "removed", "unit": "files" });
    for (state, is_settled) in [
        ("prepared", false),
        ("committed", false),
        ("committed", true),
    ] {
        let crashed = Crashed::new().await;
        crashed.host.write("media/late/dog.jpg", "woof, woof");
        crashed.journal(state, |journal| {
            journal["uncounted"] = true.into();
            journal["entry"]["report"]["steps"] = json!([media(&item, 1, 4)]);
            if is_settled {
                journal["swept"] = true.into();
                journal["steps"] = json!({});
                journal["earlier"]["purge"] = json!([RUN]);
            }
        });
        crashed.stage("media", "0");
        crashed.stage("thumbs", "1");
        crashed.commit().await;
        let engine = crashed.start().await;
        crashed.assert_new(u64::from(!is_settled));
        let run = engine.history().remove(0);
        let report = engine.history_entry(run.id).unwrap().report.unwrap();
        let (told, expected) = (&report["steps"][0], media(&item, 2, 14));
        for key in ["id", "counts", "bytes", "items"] {
            assert_eq!(told[key], expected[key], "{state}: {report}");
        }
        assert_eq!(report["cleared"]["rows_deleted"], 3);
    }
}

#[tokio::test]
async fn files_that_were_counted_are_not_counted_again_when_some_are_unlinked() {
    let crashed = Crashed::new().await;
    let item = json!({ "kind": "path", "name": "media", "outcome": "removed", "unit": "files" });
    crashed.journal("committed", |journal| {
        journal["entry"]["report"]["steps"] = json!([media(&item, 7, 70)]);
    });
    crashed.stage("media", "0");
    crashed.commit().await;
    let engine = crashed.start().await;
    let run = engine.history().remove(0);
    let report = engine.history_entry(run.id).unwrap().report.unwrap();
    assert_eq!(report["steps"][0], media(&item, 7, 70));
}

#[tokio::test]
async fn a_committed_reset_is_finished_however_much_was_purged() {
    for purged in 0..3 {
        let crashed = Crashed::new().await;
        crashed.journal("committed", |_| {});
        crashed.stage("media", "0");
        crashed.stage("thumbs", "1");
        crashed.commit().await;
        let area = crashed.host.data().join(".factory-reset").join(RUN);
        match purged {
            0 => {}
            1 => fs::remove_dir_all(area.join("0")).unwrap(),
            _ => fs::remove_dir_all(area).unwrap(),
        }
        let _engine = crashed.start().await;
        crashed.assert_new(1);
    }
}

#[tokio::test]
async fn the_journal_outweighs_a_database_that_was_restored_from_a_backup() {
    let crashed = Crashed::new().await;
    crashed.journal("committed", |_| {});
    crashed.stage("media", "0");
    crashed.stage("thumbs", "1");
    let _engine = crashed.start().await;
    crashed.assert_new(1);
}

#[tokio::test]
async fn what_was_forgotten_is_not_forgotten_again() {
    let crashed = Crashed::new().await;
    crashed.journal("committed", |journal| journal["steps"] = json!({}));
    crashed.stage("media", "0");
    crashed.stage("thumbs", "1");
    crashed.commit().await;
    let _engine = crashed.start().await;
    crashed.assert_new(0);
}

#[tokio::test]
async fn an_aborted_run_can_never_commit_any_more() {
    let crashed = Crashed::new().await;
    crashed.journal("prepared", |_| {});
    let _engine = crashed.start().await;
    let fence =
        format!("SELECT count(*) FROM _factory_reset WHERE run = '{RUN}' AND outcome = 'abort'");
    assert_eq!(crashed.host.number(&fence).await, 1);
}

#[tokio::test]
async fn only_the_steps_of_the_interrupted_reset_forget() {
    let crashed = Crashed::new().await;
    crashed.journal("committed", |journal| {
        journal["steps"] = json!({ "paths": [] });
    });
    crashed.stage("media", "0");
    crashed.stage("thumbs", "1");
    let _engine = crashed.start().await;
    crashed.assert_new(0);
}

#[tokio::test]
async fn a_recovered_host_can_be_reset() {
    let crashed = Crashed::new().await;
    crashed.journal("prepared", |_| {});
    crashed.stage("media", "0");
    let engine = crashed.start().await;
    engine.reset(everything()).await.unwrap();
    crashed.assert_new(1);
    assert_eq!(crashed.host.number("SELECT count(*) FROM posts").await, 1);
}

#[tokio::test]
async fn a_journal_of_another_database_refuses_the_start_and_names_both() {
    let crashed = Crashed::new().await;
    crashed.journal("prepared", |journal| {
        journal["database"] = json!("/elsewhere/other.db");
    });
    crashed.stage("media", "0");
    let (files, text) = (tree(&crashed.host.data()), crashed.refuse().await);
    assert!(
        text.contains("/elsewhere/other.db") && text.contains("`host.db`"),
        "{text}"
    );
    assert_eq!(tree(&crashed.host.data()), files);
    crashed.journal("prepared", |_| {});
    let _engine = crashed.start().await;
    crashed.assert_old();
}

#[tokio::test]
async fn a_journal_of_a_later_version_or_of_no_version_refuses_the_start() {
    let crashed = Crashed::new().await;
    crashed.journal("prepared", |journal| journal["version"] = json!(5));
    let text = crashed.refuse().await;
    assert!(
        text.contains("has version 5") && text.contains("journal.prepared.json"),
        "{text}"
    );
    crashed.journal("prepared", |journal| *journal = json!({}));
    assert!(
        crashed
            .refuse()
            .await
            .contains("could not read the journal")
    );
}

#[tokio::test]
async fn a_journal_that_leads_out_of_the_data_directory_refuses_the_start() {
    let crashed = Crashed::new().await;
    let outside = crashed.host.outside("outside");
    fs::write(&outside, "kept").unwrap();
    crashed.stage("media", "0");
    let absolute = outside.to_str().unwrap();
    for path in [
        "",
        ".",
        "..",
        "../outside",
        "media/../../outside",
        "media/..",
        "./media",
        absolute,
        "/",
        "media\0",
        "media\0/../../outside",
        ".factory-reset",
        ".factory-reset/lock",
        ".FACTORY-RESET/lock",
    ] {
        for state in ["prepared", "committed"] {
            crashed.journal(state, |journal| {
                journal["paths"] = json!([{ "path": path, "stays": false }]);
            });
            let text = crashed.refuse().await;
            assert!(text.contains(&format!("journal.{state}.json")), "{text}");
            let own = crashed.host.data().join(".factory-reset");
            fs::remove_file(own.join(format!("journal.{state}.json"))).unwrap();
        }
    }
    for run in [
        "../outside",
        "..",
        "",
        "01890a5d-ac96-774b-bcce-b302099a8057/..",
    ] {
        for at in ["/run", "/earlier/purge/0"] {
            crashed.journal("committed", |journal| {
                journal["earlier"]["purge"] = json!([RUN]);
                *journal.pointer_mut(at).unwrap() = json!(run);
            });
            let text = crashed.refuse().await;
            assert!(text.contains("could not read the journal"), "{text}");
        }
    }
    assert_eq!(fs::read_to_string(outside).unwrap(), "kept");
    crashed.journal("prepared", |_| {});
    let _engine = crashed.start().await;
    crashed.assert_old();
}

#[tokio::test]
async fn a_journal_that_was_half_written_aside_is_no_journal() {
    let crashed = Crashed::new().await;
    fs::remove_dir(crashed.host.data().join(".factory-reset").join(RUN)).unwrap();
    let aside = crashed.host.data().join(".factory-reset/journal.new.json");
    fs::write(&aside, "{ \"version\":").unwrap();
    let engine = crashed.start().await;
    engine.reset(everything()).await.unwrap();
    crashed.assert_new(1);
}

#[tokio::test]
async fn a_host_without_a_database_goes_by_its_journal() {
    for (state, back) in [("prepared", true), ("committed", false)] {
        let crashed = Crashed::new().await;
        crashed.journal(state, |journal| journal["database"] = Value::Null);
        crashed.stage("media", "0");
        crashed.stage("thumbs", "1");
        let builder = only(&[]).data_dir(crashed.host.data());
        let engine = builder
            .step(paths("paths", &["media", "thumbs"]))
            .build()
            .await
            .unwrap();
        assert_eq!(crashed.host.data().join("media/cat.jpg").exists(), back);
        assert_eq!(own(&crashed.host.data()), ["lock"]);
        engine.reset(everything()).await.unwrap();
        assert!(!crashed.host.data().join("media").exists());
    }
}

#[tokio::test]
async fn a_second_engine_on_the_same_data_directory_is_refused_naming_the_process() {
    let host = Host::new().await;
    let engine = host.engine().await;
    let error = host.media_builder().await.build().await.unwrap_err();
    let text = chain(&error);
    assert!(
        text.contains(&format!("process {}", std::process::id())),
        "{text}"
    );
    drop(engine);
    host.engine().await;
}
