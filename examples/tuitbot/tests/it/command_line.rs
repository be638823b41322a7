//! `tuitbot reset` on a bot that does not run, and on one that does.

use std::fs;
use std::io::Read;
use std::path::PathBuf;
use std::process::Stdio;

use rustix::process::Signal;
use serde_json::Value;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, Connection, SqliteConnection};
use tempfile::TempDir;

use crate::command::{Running, Told, reset, told, tuitbot};
use crate::server::{Server, contents, until};

const PHRASE: &str = "RESET TUITBOT";

/// The data of a bot that has been used, and does not run.
pub(crate) struct Bot {
    _owned: TempDir,
    pub(crate) directory: PathBuf,
}

impl Bot {
    pub(crate) fn new() -> Self {
        let owned = tempfile::tempdir().unwrap();
        let directory = owned.path().join("data");
        let mut server = Server::open(&directory, &["--demo"]);
        server.end();
        Self {
            _owned: owned,
            directory,
        }
    }

    fn told(&self, arguments: &[&str]) -> Told {
        told(&mut reset(&self.directory), arguments)
    }

    async fn database(&self) -> SqliteConnection {
        let file = self.directory.join("tuitbot.db");
        SqliteConnectOptions::new()
            .filename(file)
            .connect()
            .await
            .unwrap()
    }

    async fn rows(&self, table: &str) -> i64 {
        let sql = sqlx::AssertSqlSafe(format!("SELECT count(*) FROM {table}"));
        let mut database = self.database().await;
        sqlx::query_scalar(sql)
            .fetch_one(&mut database)
            .await
            .unwrap()
    }

    /// What is in the files, and how much in the tables. The framework's own and
    /// the backups change, and the database moves pages about.
    fn state(&self) -> (Vec<(PathBuf, Vec<u8>)>, Vec<Value>) {
        let mut files = contents(&self.directory);
        files.retain(|(path, _)| {
            let name = path.strip_prefix(&self.directory).unwrap();
            let name = name.to_str().unwrap();
            let passing = [".factory-reset", "tuitbot.db", "backups"];
            !passing.iter().any(|passing| name.starts_with(passing))
        });
        assert_eq!(files.len(), 63);
        (files, durable(&self.told(&["options", "--json"]).json()))
    }
}

/// What goes of tables and files: what is in the memory of a server is there only.
fn durable(report: &Value) -> Vec<Value> {
    let steps = report["steps"].as_array().unwrap().iter();
    let items = steps.flat_map(|step| step["items"].as_array().unwrap().clone());
    let is_durable = |item: &Value| item["kind"] == "table" || item["kind"] == "path";
    items.filter(is_durable).collect()
}

fn keys(value: &Value) -> Vec<&String> {
    value.as_object().unwrap().keys().collect()
}

#[tokio::test]
async fn a_bot_that_runs_is_asked_by_url_and_told_of_alike_once_it_does_not() {
    let mut server = Server::quiet_demo().await;
    let directory = server.directory().to_owned();
    let held = told(&mut reset(&directory), &["options"]);
    held.fails(4, &format!("process {} (`tuitbot`)", server.pid()));
    held.fails(4, "`--url`");

    let url = format!("{}/api/reset", server.address);
    let asked = |token: &str, arguments: &[&str]| {
        let mut command = tuitbot();
        command.args(["reset", "--url", &url]);
        told(command.env("FACTORY_RESET_TOKEN", token), arguments)
    };
    asked("wrong", &["options"]).fails(5, "--token");
    let answer = server.get("/api/reset/options").await.json();
    let remote = asked(&server.token(), &["options", "--json"]);
    remote.succeeds();
    assert_eq!(keys(&remote.json()), keys(&answer));
    assert_eq!(remote.json()["steps"], answer["steps"]);
    let help = told(&mut tuitbot(), &["reset", "run", "--help"]);
    assert!(!help.out.contains(&server.token()));

    server.end();
    let local = told(&mut reset(&directory), &["options", "--json"]);
    local.succeeds();
    assert_eq!(keys(&local.json()), keys(&answer));
    assert_eq!(durable(&local.json()), durable(&answer));
}

#[tokio::test]
async fn a_server_is_reset_by_url() {
    let server = Server::quiet_demo().await;
    let url = format!("{}/api/reset", server.address);
    let token = server.token();
    let asked = |arguments: &[&str]| {
        let mut command = tuitbot();
        command.args(["reset", "--url", &url, "--token", &token]);
        told(&mut command, arguments)
    };
    asked(&["run", "--confirm", "reset"]).fails(3, "incorrect confirmation phrase");
    assert_eq!(server.count("threads").await, 24);
    let done = asked(&["run", "--confirm", PHRASE, "--backup", "before", "--json"]);
    done.succeeds();
    assert_eq!(done.json()["report"]["actor"], "bearer");
    assert_eq!(server.count("threads").await, 0);
    asked(&["restore", "before", "--confirm", PHRASE]).succeeds();
    assert_eq!(server.count("threads").await, 24);
    let runs = asked(&["history", "--json"]).json();
    assert_eq!(runs["runs"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn nothing_happens_to_a_bot_without_its_phrase() {
    let bot = Bot::new();
    let before = bot.state();
    bot.told(&["run"])
        .fails(3, &format!("add `--confirm \"{PHRASE}\"`"));
    bot.told(&["run", "--confirm", "RESET"])
        .fails(3, "incorrect confirmation phrase");
    bot.told(&["run", "--if-unchanged", "0", "--confirm", PHRASE])
        .fails(3, "has changed");
    bot.told(&["run", "--dry-run"]).succeeds();
    bot.told(&["recover", "--dry-run"]).succeeds();
    bot.told(&["preview", "--step", "moods"])
        .fails(2, "`moods`");
    assert_eq!(bot.told(&["preview", "--only", "media"]).code, Some(2));
    bot.told(&["run", "--backup", "a/b", "--confirm", PHRASE])
        .fails(2, "`a/b`");
    assert_eq!(bot.state(), before);
}

#[tokio::test]
async fn a_bot_that_does_not_run_is_reset_backed_up_and_restored() {
    let bot = Bot::new();
    let before = bot.state();
    let done = bot.told(&["run", "--backup", "before", "--confirm", PHRASE]);
    done.succeeds();
    assert!(done.out.contains(bot.directory.to_str().unwrap()));
    assert!(done.err.contains("committed\n"), "{done:?}");
    assert_eq!(bot.rows("threads").await, 0);
    assert!(!bot.directory.join("media").exists());
    assert!(bot.directory.join("api_token").exists());
    // Nobody has started anything.
    assert_eq!(bot.rows("action_log").await, 0);

    bot.told(&["run", "--backup", "before", "--confirm", PHRASE])
        .fails(3, "`before`");
    bot.told(&["restore", "before", "--confirm", PHRASE])
        .succeeds();
    assert_eq!(bot.rows("threads").await, 24);
    assert_eq!(bot.state().0, before.0);
    bot.told(&["backups", "--delete", "before"]).succeeds();
    bot.told(&["restore", "before", "--confirm", PHRASE])
        .fails(2, "`before`");
    let listed = bot.told(&["history"]);
    assert!(listed.out.contains("restore `before`"), "{listed:?}");
}

#[tokio::test]
async fn a_folder_without_a_bot_is_named_and_left_as_it_is() {
    let owned = tempfile::tempdir().unwrap();
    let empty = owned.path().join("empty");
    fs::create_dir(&empty).unwrap();
    for name in ["nowhere", "empty"] {
        let directory = owned.path().join(name);
        let told = told(&mut reset(&directory), &["run", "--confirm", PHRASE]);
        told.fails(5, "`--data-dir");
        told.fails(5, directory.to_str().unwrap());
    }
    assert!(!owned.path().join("nowhere").exists());
    assert_eq!(fs::read_dir(empty).unwrap().count(), 0);
}

/// Holds the lock that a reset needs next.
async fn locked(bot: &Bot) -> SqliteConnection {
    let mut connection = bot.database().await;
    sqlx::query("BEGIN IMMEDIATE")
        .execute(&mut connection)
        .await
        .unwrap();
    connection
}

#[tokio::test]
async fn a_signal_before_the_commit_undoes() {
    let bot = Bot::new();
    let before = bot.state();
    for signal in [Signal::INT, Signal::TERM, Signal::HUP] {
        let lock = locked(&bot).await;
        let mut running = Running::start(&mut reset(&bot.directory), &["run", "--confirm", PHRASE]);
        running.says("steps to do");
        running.signal(signal);
        running.says("giving up");
        running.signal(signal);
        let (code, err) = running.end();
        assert_eq!(code, Some(130), "{err}");
        assert!(err.contains("everything is as it was"), "{err}");
        lock.close().await.unwrap();
        assert_eq!(bot.state(), before);
    }
    bot.told(&["run", "--confirm", PHRASE]).succeeds();
}

#[tokio::test]
async fn a_signal_after_the_commit_changes_nothing_and_what_is_pending_is_done_by_the_next() {
    let bot = Bot::new();
    // Whoever reads an old state keeps freed pages from being given back.
    let mut reader = bot.database().await;
    let mut reading = reader.begin().await.unwrap();
    sqlx::query("SELECT count(*) FROM threads")
        .execute(&mut *reading)
        .await
        .unwrap();
    let mut running = Running::start(&mut reset(&bot.directory), &["run", "--confirm", PHRASE]);
    running.says("committed");
    running.signal(Signal::INT);
    running.says("it is committed: finishing it");
    running.signal(Signal::INT);
    let (code, err) = running.end();
    assert_eq!(code, Some(6), "{err}");
    assert!(err.contains("pending: reclaim"), "{err}");
    reading.rollback().await.unwrap();
    drop(reader);
    assert_eq!(bot.rows("threads").await, 0);

    let next = bot.told(&["history"]);
    assert!(
        next.err.contains("had left something to do: it is done"),
        "{next:?}"
    );
    assert!(bot.told(&["history"]).err.is_empty());
}

#[tokio::test]
async fn a_server_goes_on_when_nobody_waits_any_longer() {
    let server = Server::quiet_demo().await;
    let mut connection = server.database().await;
    let lock = connection.begin_with("BEGIN IMMEDIATE").await.unwrap();
    let mut command = tuitbot();
    command.args(["reset", "--token", &server.token(), "--url"]);
    command.arg(format!("{}/api/reset", server.address));
    let running = Running::start(&mut command, &["run", "--confirm", PHRASE]);
    until(async || server.is_held_off().await).await;
    running.signal(Signal::INT);
    let (code, err) = running.end();
    assert_eq!(code, Some(7), "{err}");
    assert!(
        err.contains("the server goes on") && err.contains("history"),
        "{err}"
    );
    lock.rollback().await.unwrap();
    until(async || server.count("threads").await == 0).await;
}

#[test]
fn an_end_that_is_closed_stops_nothing() {
    let bot = Bot::new();
    for arguments in [&["options"][..], &["run", "--confirm", PHRASE]] {
        let mut command = reset(&bot.directory);
        let command = command.args(arguments).stdout(Stdio::piped());
        let mut process = command.stderr(Stdio::piped()).spawn().unwrap();
        drop(process.stdout.take());
        let mut err = String::new();
        let stderr = process.stderr.as_mut().unwrap();
        stderr.read_to_string(&mut err).unwrap();
        assert_eq!(process.wait().unwrap().code(), Some(0), "{err}");
        assert!(!err.contains("panicked"), "{err}");
    }
    assert!(!bot.directory.join("media").exists());
}

#[test]
fn the_help_documents_the_exit_codes() {
    for command in [&["reset", "--help"][..], &["reset", "run", "--help"]] {
        let help = told(&mut tuitbot(), command);
        help.succeeds();
        for code in ["0  done", "3  refused", "7  nobody", "130  given up"] {
            assert!(help.out.contains(code), "{}", help.out);
        }
    }
}
