//! A reset of many files opens the gate before they are unlinked. kill -9 then, while others
//! write.

use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use fault_sweeps::{End, Fault, State, block_on, choose};
use futures::future::{join, join_all};
use reqwest::Method;
use serde_json::{Value, json};

use super::fixture::{Fixture, Place};
use super::host::{Host, Program};
use crate::server::until;

/// More than those for which the gate stays closed.
const FILES: usize = 1200;

/// How many points are tried.
const POINTS: usize = 24;

/// How many write at a time.
const WRITERS: usize = 3;

/// A used install with many files.
fn install() -> Place {
    let place = Fixture::tuitbot().place();
    let directory = place.data().join("media/uploads");
    fs::create_dir_all(&directory).unwrap();
    for number in 0..FILES {
        fs::write(directory.join(number.to_string()), "picture").unwrap();
    }
    place
}

/// What is unlinked lies there until it is.
fn has_trash(data: &Path) -> bool {
    let own = fs::read_dir(data.join(".factory-reset")).unwrap();
    let names = own.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names
        .into_iter()
        .any(|name| name.parse::<uuid::Uuid>().is_ok())
}

/// How many media files the history says are gone.
fn told(data: &Path) -> u64 {
    let history = fs::read_dir(data.join(".factory-reset/history")).unwrap();
    let runs = history.map(|entry| fs::read_to_string(entry.unwrap().path()).unwrap());
    let mut runs = runs.map(|text| serde_json::from_str::<Value>(&text).unwrap());
    let run = runs.find(|run| run["outcome"] == "completed").unwrap();
    let mut steps = run["report"]["steps"].as_array().unwrap().iter();
    let media = steps.find(|step| step["id"] == "media").unwrap();
    media["counts"]["files"].as_u64().unwrap()
}

/// Resets while others write; returns what was accepted after the gate had opened again.
async fn reset(host: &Host) -> Vec<String> {
    let is_over = AtomicBool::new(false);
    let resetting = async {
        host.reset().await;
        is_over.store(true, Ordering::SeqCst);
    };
    let write = async |writer: usize| {
        let (mut was_closed, mut accepted) = (false, Vec::new());
        while !is_over.load(Ordering::SeqCst) {
            let name = format!("later{writer}x{}", accepted.len());
            let body = json!({ "username": name });
            match host.ask(Method::POST, "/api/targets", &body).await {
                Some(answer) if answer.status == 503 => was_closed = true,
                Some(answer) if answer.status == 201 && was_closed => accepted.push(name),
                Some(_) => {}
                None => break,
            }
        }
        accepted
    };
    let (_, accepted) = join(resetting, join_all((0..WRITERS).map(write))).await;
    accepted.concat()
}

/// Kills a reset before `call`. Returns how it has ended, and how much that was accepted between
/// the opening of the gate and the kill has survived: all of it. The history tells of all `files`,
/// however many of them were unlinked before the kill.
async fn kill(install: &Place, files: u64, call: u64) -> (End, usize) {
    let place = Place::of(install.data());
    let control = place.control();
    let host = Host::start(Program::Tuitbot, place.data(), Some(&control), &[]).unwrap();
    control.arm(Fault::KillBefore(call));
    let accepted = reset(&host).await;
    host.kill();
    let host = Host::start(Program::Tuitbot, place.data(), None, &[]).unwrap();
    until(async || !has_trash(place.data())).await;
    host.kill();
    let state = State::of_sqlite(place.data(), "tuitbot.db").await;
    let left = state.files("media/uploads").count();
    let threads = state.rows("threads").len();
    if left > 0 {
        assert_eq!(left, FILES, "killed before call {call}: half reset");
        assert!(threads > 0, "killed before call {call}: half reset");
        assert!(accepted.is_empty(), "{accepted:?}, and no commit");
        return (End::Old, 0);
    }
    assert_eq!(threads, 0, "killed before call {call}: half reset");
    assert_eq!(told(place.data()), files, "killed before call {call}");
    let targets = state.rows("target_accounts").join("\n");
    for name in &accepted {
        assert!(targets.contains(name), "`{name}` is lost: {targets}");
    }
    let was_killed = control.hit().is_some();
    (End::New, if was_killed { accepted.len() } else { 0 })
}

#[test]
fn what_is_accepted_while_files_are_unlinked_survives_a_kill() {
    let install = install();
    block_on(async {
        let place = Place::of(install.data());
        let control = place.control();
        let host = Host::start(Program::Tuitbot, place.data(), Some(&control), &[]).unwrap();
        control.arm(Fault::None);
        assert_eq!(host.reset().await.unwrap().status, 200);
        host.kill();
        let (calls, files) = (control.count(), told(place.data()));
        let mut ends = Vec::new();
        for call in choose((1..=calls).collect(), POINTS) {
            ends.push(kill(&install, files, call).await);
        }
        assert!(ends.iter().any(|(end, _)| *end == End::New), "{ends:?}");
        // From the end, which is later than that of an undisturbed reset, for what is accepted makes
        // calls, too, to where half of all files are unlinked; and so on, until it was hit.
        let late = calls - u64::try_from(FILES / 2).unwrap()..calls + 100;
        let late = late.rev().step_by(7);
        let mut late = std::iter::repeat_n(late, 3).flatten();
        while ends.iter().all(|(_, survivors)| *survivors == 0) {
            let call = late.next();
            let call = call.unwrap_or_else(|| panic!("never was anything accepted: {ends:?}"));
            ends.push(kill(&install, files, call).await);
        }
    });
}
