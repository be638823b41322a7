//! `tuitbot reset run`, killed; and what the next command says of it.

use std::path::Path;

use fault_sweeps::{Control, Fault, choose, copy, directory};

use crate::command::{Told, reset, told};
use crate::command_line::Bot;

/// How many points are tried.
const POINTS: usize = 24;
const RUN: [&str; 3] = ["run", "--confirm", "RESET TUITBOT"];

/// How many threads are left, and whether the media are.
async fn left(data: &Path) -> (i64, bool) {
    use sqlx::ConnectOptions;
    let file = data.join("tuitbot.db");
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(file);
    let mut connection = options.connect().await.unwrap();
    let threads = sqlx::query_scalar("SELECT count(*) FROM threads")
        .fetch_one(&mut connection)
        .await
        .unwrap();
    (threads, data.join("media").exists())
}

/// Makes `fault` happen to a run on a copy of the bot; returns what became of the run, and the
/// directory.
fn run(bot: &Bot, fault: Fault) -> (Told, u64, tempfile::TempDir) {
    let place = directory();
    let data = place.path().join("data");
    copy(&bot.directory, &data);
    let control = Control::create(place.path());
    control.arm(fault);
    let mut command = reset(&data);
    command.envs(control.environment(&data));
    let told = told(&mut command, &RUN);
    (told, control.count(), place)
}

#[tokio::test]
async fn whenever_a_run_is_killed_the_next_command_ends_it_and_says_how() {
    let bot = Bot::new();
    let (whole, calls, place) = run(&bot, Fault::None);
    whole.succeeds();
    assert_eq!(left(&place.path().join("data")).await, (0, false));
    let (mut undone, mut finished) = (0, 0);
    for call in choose((1..=calls).collect(), POINTS) {
        let (killed, _, place) = run(&bot, Fault::KillBefore(call));
        assert_eq!(killed.code, None, "killed before call {call}: {killed:?}");
        let data = place.path().join("data");
        let dry = told(&mut reset(&data), &["recover", "--dry-run"]);
        dry.succeeds();
        let next = told(&mut reset(&data), &["recover"]);
        next.succeeds();
        let (old, factory) = ((24, true), (0, false));
        let left = left(&data).await;
        let says = |text: &str| next.err.contains(text);
        if says("is undone: everything is as it was") {
            undone += 1;
            assert_eq!(left, old, "before call {call}: {next:?}");
            assert!(dry.out.contains("was interrupted"), "{dry:?}");
        } else if says("was committed, and is finished now") || says("it is done") {
            finished += 1;
            assert_eq!(left, factory, "before call {call}: {next:?}");
        } else {
            assert!(
                left == old || left == factory,
                "before call {call}: {left:?}"
            );
            assert_eq!(next.out, "there was nothing to recover\n", "{next:?}");
            assert_eq!(dry.out, "there is nothing to recover\n", "{dry:?}");
        }
        assert!(told(&mut reset(&data), &["recover"]).err.is_empty());
    }
    assert!(
        undone > 0 && finished > 0,
        "{undone} undone, {finished} finished"
    );
}
