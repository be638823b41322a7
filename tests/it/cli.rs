//! The command line, on an engine in the same process.

use std::error::Error;
use std::fs;
use std::sync::atomic::Ordering;

use axum::http::Method;
use factory_reset::cli::{Exit, Failure, Target};
use factory_reset::{BuildError, Engine, PathError, RunOutcome};
use factory_reset_steps::MediaDir;
use serde_json::{Value, json};

use crate::cli_command::{Written, command, command_on};
use crate::dump::{assert_same, dump};
use crate::fixture::{Host, everything, only, tree};
use crate::http_client::{full_engine, get, post, request, send};
use crate::steps::{Fault, Forgetful, Turnstile, faulty};

const PHRASE: &str = "RESET HOST";

/// An engine with a phrase and with backups.
async fn phrased(host: &Host) -> Engine {
    let builder = host.media_builder().await.backups("backups");
    builder.confirmation(PHRASE).build().await.unwrap()
}

/// Without what differs from one moment to the next.
fn timeless(mut value: Value) -> Value {
    let report = match value.get_mut("report") {
        Some(report) => report,
        None => &mut value,
    };
    for passing in ["started_at", "duration_ms", "run", "actor"] {
        report.as_object_mut().unwrap().remove(passing);
    }
    value
}

#[tokio::test]
async fn json_is_what_the_api_answers() {
    let host = Host::new().await;
    let engine = full_engine(&host).await;
    let told = command(&engine, &["options", "--json"]).await;
    assert_eq!(told.exit, Exit::Done);
    let (_, answer) = get(&engine, "/reset/options").await;
    assert_eq!(timeless(told.json()), timeless(answer));

    let told = command(&engine, &["--json", "preview", "--step", "media"]).await;
    let (_, answer) = post(&engine, "/reset/preview", json!({ "steps": ["media"] })).await;
    assert_eq!(timeless(told.json()), timeless(answer));

    let arguments = ["run", "--step", "media", "--confirm", "host", "--json"];
    let told = command(&engine, &arguments).await;
    assert_eq!(told.exit, Exit::Done, "{told:?}");
    host.write("media/cat.jpg", "meow");
    let body = json!({ "steps": ["media"], "confirm": true });
    let (_, answer) = post(&engine, "/reset/run", body).await;
    // The digest knows when a directory was made.
    let without_digest = |value: Value| {
        let mut value = timeless(value);
        assert!(
            value["report"]
                .as_object_mut()
                .unwrap()
                .remove("digest")
                .is_some()
        );
        value
    };
    assert_eq!(without_digest(told.json()), without_digest(answer));

    let told = command(&engine, &["history", "--json"]).await;
    let (_, answer) = get(&engine, "/reset/history").await;
    assert_eq!(told.json(), answer);
    let run = answer["runs"][0]["id"].as_str().unwrap();
    let told = command(&engine, &["history", run, "--json"]).await;
    let (_, answer) = get(&engine, &format!("/reset/history/{run}")).await;
    assert_eq!(told.json(), answer);
}

#[tokio::test]
async fn a_failure_is_told_in_the_json_of_the_api_and_in_one_line() {
    let host = Host::new().await;
    let builder = host.media_builder().await.step(faulty(Fault::Fails));
    let engine = builder.build().await.unwrap();
    let told = command(&engine, &["run", "--confirm", "host", "--json"]).await;
    assert_eq!(told.exit, Exit::Failed);
    assert!(
        told.error()
            .contains("step `zz-faulty` failed: the step broke")
    );
    let (_, answer) = post(&engine, "/reset/run", json!({ "confirm": true })).await;
    assert_eq!(timeless(told.json()), timeless(answer));
}

#[tokio::test]
async fn a_plan_is_a_table_as_people_read_it() {
    let host = Host::new().await;
    host.run(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1232)
         INSERT INTO posts (text) SELECT 'more' FROM n",
    )
    .await;
    host.write("media/large.bin", &"x".repeat(3 * 1024 * 1024));
    host.write("stray.txt", "whose?");
    host.write("media/\u{1b}[31mred.txt", "");
    let engine = phrased(&host).await;
    let told = command(&engine, &["options"]).await;
    assert_eq!(told.exit, Exit::Done, "{told:?}");
    let line = |part: &str| {
        let mut lines = told.out.lines();
        lines
            .find(|line| line.contains(part))
            .unwrap_or_else(|| panic!("{}", told.out))
    };
    let ends = |part: &str| line(part).find(" rows").unwrap();
    assert!(line("posts").contains(" 1,235 rows"), "{}", told.out);
    assert_eq!(ends("posts"), ends("Database tables"));
    assert!(line("Media files").ends_with("3.00 MiB"));
    assert!(line("Data directory").contains(host.data().to_str().unwrap()));
    assert!(line("backups").contains("backups outlive"));
    let warning = told.out.split("Warning:").nth(1).unwrap();
    assert!(warning.contains("stray.txt"));
    assert!(!told.out.contains('\u{1b}'));
    // What the dry run of everything says, too.
    let dry = command(&engine, &["run", "--dry-run"]).await;
    assert!(dry.out.contains(" 1,235 rows"), "{dry:?}");
}

#[tokio::test]
async fn nothing_is_reset_without_the_phrase() {
    let host = Host::new().await;
    let engine = phrased(&host).await;
    let before = (dump(&host.pool).await, tree(&host.data()));
    let missing = command(&engine, &["run"]).await;
    assert_eq!(missing.exit, Exit::Refused);
    let remedy = format!("add `--confirm \"{PHRASE}\"`");
    assert!(missing.error().ends_with(&remedy), "{missing:?}");
    assert!(missing.out.contains("posts"), "the plan is shown first");
    for wrong in ["", "reset host", "RESET HOST ", "host"] {
        let told = command(&engine, &["run", "--confirm", wrong]).await;
        assert_eq!(told.exit, Exit::Refused);
        assert!(told.error().contains("incorrect confirmation phrase"));
    }
    assert_same(&dump(&host.pool).await, &before.0);
    assert_eq!(tree(&host.data()), before.1);

    let told = command(&engine, &["run", "--confirm", PHRASE]).await;
    assert_eq!(told.exit, Exit::Done, "{told:?}");
    assert!(told.err.contains("committed\n"));
    assert!(
        told.out
            .contains("3 rows of 2 tables deleted; 1 file deleted"),
        "{told:?}"
    );
    assert_eq!(host.number("SELECT count(*) FROM posts").await, 1);
    let entry = &engine.history()[0];
    assert_eq!(entry.actor.as_deref(), Some("command line"));
}

#[tokio::test]
async fn a_run_tells_of_rows_and_files_and_does_not_print_its_plan_again() {
    let host = Host::new().await;
    host.run("INSERT INTO posts (text) SELECT 'more' FROM posts")
        .await;
    let engine = phrased(&host).await;
    let told = command(&engine, &["run", "--confirm", PHRASE, "--backup", "first"]).await;
    assert_eq!(told.exit, Exit::Done, "{told:?}");
    let has_line = |line: &str| told.err.lines().any(|told| told == line);
    assert!(has_line("Database tables: 6 rows"), "{}", told.err);
    assert!(has_line("Media files: 1 file"), "{}", told.err);
    assert!(!told.err.contains("item"), "{}", told.err);

    let (plan, report) = told.out.split_once("\nGone\n").unwrap();
    assert!(plan.contains("posts"), "{plan}");
    for known in ["posts", "Stays", "Digest"] {
        assert!(!report.contains(known), "{report}");
    }
    let run = engine.history()[0].id.to_string();
    let details = format!("`history {run}`");
    for new in ["6 rows", "1 file", "Done in ", "`restore first`", &details] {
        assert!(report.contains(new), "{new}: {report}");
    }
    let told = command(&engine, &["history", &run]).await;
    assert!(told.out.contains("posts"), "{told:?}");
}

#[tokio::test]
async fn a_host_without_a_phrase_is_confirmed_by_its_name() {
    let host = Host::new().await;
    let engine = host.engine().await;
    let told = command(&engine, &["run"]).await;
    assert!(
        told.error().ends_with("add `--confirm \"host\"`"),
        "{told:?}"
    );
    let told = command(&engine, &["run", "--confirm", "host"]).await;
    assert_eq!(told.exit, Exit::Done, "{told:?}");
}

#[tokio::test]
async fn what_has_changed_since_it_was_looked_at_is_not_reset() {
    let host = Host::new().await;
    let engine = phrased(&host).await;
    let preview = command(&engine, &["preview", "--json"]).await.json();
    let digest = preview["digest"].as_str().unwrap();
    host.run("INSERT INTO posts (text) VALUES ('third')").await;
    let arguments = ["run", "--confirm", PHRASE, "--if-unchanged"];
    let told = command(&engine, &[&arguments[..], &[digest]].concat()).await;
    assert_eq!(told.exit, Exit::Refused);
    assert!(told.error().contains("has changed"), "{told:?}");
    assert_eq!(host.number("SELECT count(*) FROM posts").await, 4);

    let preview = command(&engine, &["preview", "--json"]).await.json();
    let digest = preview["digest"].as_str().unwrap();
    let told = command(&engine, &[&arguments[..], &[digest]].concat()).await;
    assert_eq!(told.exit, Exit::Done, "{told:?}");
}

#[tokio::test]
async fn dry_runs_change_nothing() {
    let host = Host::new().await;
    let engine = phrased(&host).await;
    assert_eq!(
        command(&engine, &["backup", "first"]).await.exit,
        Exit::Done
    );
    let before = (dump(&host.pool).await, tree(&host.data()), engine.history());
    for arguments in [
        &["run", "--backup", "second", "--confirm", PHRASE][..],
        &["backup", "second"],
        &["backups", "--delete", "first"],
        &["restore", "first", "--confirm", PHRASE],
        &["recover"],
    ] {
        for json in [&[][..], &["--json"]] {
            let arguments = [arguments, &["--dry-run"], json].concat();
            let told = command(&engine, &arguments).await;
            assert_eq!(told.exit, Exit::Done, "{arguments:?} {told:?}");
            if !json.is_empty() {
                assert!(told.json().is_object());
            }
        }
    }
    assert_same(&dump(&host.pool).await, &before.0);
    assert_eq!(tree(&host.data()), before.1);
    assert_eq!(engine.history(), before.2);

    // What would be refused is refused.
    for (arguments, exit) in [
        (&["run", "--backup", "first"][..], Exit::Refused),
        (&["backup", "first"], Exit::Refused),
        (&["backup", "a/b"], Exit::Usage),
        (&["backup", ".."], Exit::Usage),
        (&["backup", ".hidden"], Exit::Usage),
        (&["run", "--backup", ".."], Exit::Usage),
        (&["backups", "--delete", "second"], Exit::Usage),
        (&["restore", "second"], Exit::Usage),
    ] {
        let told = command(&engine, &[arguments, &["--dry-run"]].concat()).await;
        assert_eq!(told.exit, exit, "{arguments:?} {told:?}");
        told.error();
    }
}

#[tokio::test]
async fn backups_are_made_listed_restored_and_removed() {
    let host = Host::new().await;
    let engine = phrased(&host).await;
    let none = command(&engine, &["backups"]).await;
    assert_eq!(none.out, "There are no backups.\n");
    let made = command(&engine, &["backup", "before", "--json"]).await;
    assert_eq!(made.json()["backup"]["name"], "before");
    let again = command(&engine, &["backup", "before"]).await;
    assert_eq!(again.exit, Exit::Refused);
    let listed = command(&engine, &["backups", "--json"]).await;
    assert_eq!(listed.json()["backups"][0], made.json()["backup"]);

    let before = dump(&host.pool).await;
    let told = command(&engine, &["run", "--confirm", PHRASE, "--backup", "second"]).await;
    assert_eq!(told.exit, Exit::Done, "{told:?}");
    assert!(told.err.contains("backup `second` made"));
    let told = command(&engine, &["restore", "before"]).await;
    assert_eq!(told.exit, Exit::Refused);
    assert!(told.out.contains("Backup `before`"));
    let told = command(&engine, &["restore", "before", "--confirm", PHRASE]).await;
    assert_eq!(told.exit, Exit::Done, "{told:?}");
    assert!(told.out.contains("Restored"));
    assert_same(&dump(&host.pool).await, &before);

    let told = command(&engine, &["backups", "--delete", "before"]).await;
    assert_eq!(told.out, "the backup `before` is removed\n");
    let told = command(&engine, &["restore", "before", "--confirm", PHRASE]).await;
    assert_eq!(told.exit, Exit::Usage);
    assert!(told.error().contains("there is: `second`"), "{told:?}");
}

#[tokio::test]
async fn parts_are_selected() {
    let host = Host::new().await;
    host.run("INSERT INTO drafts (text) VALUES ('one')").await;
    let engine = phrased(&host).await;
    let arguments = ["run", "--only", "tables=drafts", "--confirm", PHRASE];
    let told = command(&engine, &arguments).await;
    assert_eq!(told.exit, Exit::Done, "{told:?}");
    let rows = async |table| host.number(&format!("SELECT count(*) FROM {table}")).await;
    assert_eq!((rows("drafts").await, rows("posts").await), (0, 3));
    assert!(host.data().join("media/cat.jpg").exists());
    for unknown in [
        &["--step", "moods"][..],
        &["--only", "tables=moods"],
        &["--keep", "moods"],
    ] {
        let told = command(&engine, &[&["preview"], unknown].concat()).await;
        assert_eq!(told.exit, Exit::Usage);
        assert!(told.error().contains("`moods`"), "{told:?}");
        assert!(!told.error().ends_with(": "), "{told:?}");
    }
}

#[tokio::test]
async fn what_is_pending_is_told_and_ends_with_6() {
    let (host, cache) = (Host::new().await, Forgetful::default());
    let builder = host.media_builder().await.step(cache.registration());
    let engine = builder.build().await.unwrap();
    cache.fails.store(true, Ordering::SeqCst);
    let told = command(&engine, &["run", "--confirm", "host"]).await;
    assert_eq!(told.exit, Exit::Pending, "{told:?}");
    assert!(told.out.contains("the cache does not answer"));
    assert!(told.err.contains("still pending: cache"));
}

#[tokio::test]
async fn a_guard_refuses_and_a_reset_under_way_keeps_others_waiting() {
    let (host, turnstile) = (Host::new().await, Turnstile::new());
    let builder = host.media_builder().await.step(turnstile.registration());
    let engine = builder.strict_coverage().build().await.unwrap();
    let first = tokio::spawn({
        let engine = engine.clone();
        async move { engine.reset(everything()).await }
    });
    turnstile.reached().await;
    for arguments in [&["run", "--confirm", "host"][..], &["recover"]] {
        let told = command(&engine, arguments).await;
        assert_eq!(told.exit, Exit::Busy, "{told:?}");
    }
    turnstile.let_go();
    first.await.unwrap().unwrap();

    host.write("stray.txt", "whose?");
    let told = command(&engine, &["run", "--confirm", "host"]).await;
    assert_eq!(told.exit, Exit::Refused);
    assert!(told.error().contains("stray.txt"), "{told:?}");
    let runs = engine.history();
    assert_eq!(runs[0].outcome, RunOutcome::Refused);
}

#[tokio::test]
async fn whoever_holds_the_data_is_named() {
    let host = Host::new().await;
    let engine = host.engine().await;
    let open = async || host.media_builder().await.build().await;
    let target = Target::new("host").data_dir(host.data());
    let told = command_on(&Written::default(), target, open, &["options"]).await;
    assert_eq!(told.exit, Exit::Busy);
    let name = fs::read_to_string("/proc/self/comm").unwrap();
    let process = format!("process {} (`{}`)", std::process::id(), name.trim());
    assert!(told.error().contains(&process), "{told:?}");
    assert!(told.error().contains("`--url`"));
    drop(engine);
}

/// Why a host does not open its engine.
#[derive(Debug, thiserror::Error)]
#[error("failed to open the host")]
struct Unopened(#[source] Box<dyn Error + Send + Sync>);

#[tokio::test]
async fn what_cannot_be_opened_ends_as_its_cause_says() {
    let manifest = Failure::new(Exit::Usage, "`host.toml`: `database` is missing: name it");
    let builder = only(&["media"]).resource(MediaDir::new("media"));
    let nowhere: BuildError = builder.data_dir("/nowhere/data").build().await.unwrap_err();
    assert!(matches!(nowhere, BuildError::Path(PathError::Io { .. })));
    for (cause, exit, says) in [
        (
            Box::new(manifest) as Box<dyn Error + Send + Sync>,
            Exit::Usage,
            "host.toml",
        ),
        (Box::new(nowhere), Exit::Unreachable, "/nowhere/data"),
    ] {
        let open = async || Err::<Engine, _>(Unopened(cause));
        let target = Target::new("host");
        let told = command_on(&Written::default(), target, open, &["options", "--json"]).await;
        assert_eq!(told.exit, exit);
        assert!(told.error().contains(says), "{told:?}");
        assert_eq!(told.json()["success"], false);
    }
}

#[tokio::test]
async fn references_that_would_break_are_refused_with_the_remedy_of_the_command() {
    let host = Host::with(
        &["CREATE TABLE parents (id INTEGER PRIMARY KEY);
           CREATE TABLE children (id INTEGER PRIMARY KEY, parent INTEGER NOT NULL REFERENCES parents);"],
        sqlx::sqlite::SqliteConnectOptions::new(),
    )
    .await;
    host.run("INSERT INTO parents VALUES (1); INSERT INTO children VALUES (1, 1)")
        .await;
    let engine = host.tables_engine().await;
    let only = ["preview", "--only", "tables=parents"];
    for name in ["preview", "run"] {
        let told = command(&engine, &[&[name], &only[1..]].concat()).await;
        assert_eq!(told.exit, Exit::Refused);
        assert!(told.error().contains("add `--cascade`"), "{told:?}");
        assert!(!told.error().contains('"'), "{told:?}");
    }
    let told = command(&engine, &[&only[..], &["--cascade"]].concat()).await;
    assert!(told.out.contains("children"), "{told:?}");
    // The API's own words are others.
    let body = json!({ "only": { "tables": ["parents"] } }).to_string();
    let (status, _, _) = send(&engine, request(Method::POST, "/reset/preview", body)).await;
    assert_eq!(status, 422);
}

#[tokio::test]
async fn backups_whose_names_no_address_has_are_removed() {
    let host = Host::new().await;
    let engine = phrased(&host).await;
    fs::create_dir(host.data().join("backups")).unwrap();
    for name in [".", "..", ".hidden", "-x"] {
        let file = host.data().join(format!("backups/{name}.tar.zst"));
        fs::write(&file, "of an earlier version").unwrap();
        let told = command(&engine, &["backups", &format!("--delete={name}")]).await;
        assert_eq!(told.exit, Exit::Done, "{told:?}");
        assert!(!file.exists());
    }
}
