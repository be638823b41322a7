//! kill -9 of a reset, and then of the start that ends it.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use fault_sweeps::{
    Errno, Fault, Outcome, any, assert_whole, block_on, chance, is_long, sample, seed, sweep,
};
use uuid::Uuid;
use walkdir::WalkDir;

use super::fixture::{Fixture, Place};
use super::host::Host;

/// How many kills of a reset, and then of a start, are tried in the short form.
const SHORT_RESETS: usize = 100;
const SHORT: usize = 120;

#[test]
fn a_start_killed_while_it_ends_a_reset_is_made_good_by_the_next() {
    let fixture = Fixture::tuitbot();
    let interrupted = interrupted(fixture);
    let (mut kills, mut errors) = (Vec::new(), Vec::new());
    let mut chance = chance(seed());
    // As many of each: one that goes back makes far fewer calls than one that goes forward.
    let share = SHORT.div_ceil(interrupted.len());
    for (number, place) in interrupted.iter().enumerate() {
        let calls = 1..=count(fixture, place);
        let around = calls.clone();
        let around = around.flat_map(|call| [Fault::KillBefore(call), Fault::KillAfter(call)]);
        kills.extend(sample(around.map(|fault| (number, fault)).collect(), share));
        let failing =
            calls.map(|call| (number, Fault::FailOnce(call, any(&mut chance, &Errno::ALL))));
        errors.extend(sample(failing.collect(), share / 2));
    }
    let run = async |(number, fault): &(usize, Fault)| {
        start(fixture, &interrupted[*number], *fault).await
    };
    let killed = sweep(&kills, run);
    let failed = sweep(&errors, run);
    killed.print("kill -9 before and after each call of a recovery", None);
    failed.print("a call of a recovery fails once", None);
    assert_whole(&[killed, failed]);
}

/// Data directories with a journal: one for each way that the journal and the staging area can
/// look, and one more for so many calls that leave them like that.
pub(super) fn interrupted(fixture: &Fixture) -> Vec<Place> {
    let calls = block_on(fixture.count(false));
    let every = if is_long() { 100 } else { 25 };
    let mut seen: BTreeMap<String, u32> = BTreeMap::new();
    let mut places = Vec::new();
    for call in sample((1..=calls).collect(), SHORT_RESETS) {
        let place = fixture.place();
        let control = place.control();
        let host = Host::start(fixture.program, place.data(), Some(&control), &[]).unwrap();
        control.arm(Fault::KillBefore(call));
        block_on(host.reset());
        host.kill();
        let look = look(place.data());
        let count = seen.entry(look.clone()).or_default();
        if look.contains("journal.") && (*count).is_multiple_of(every) {
            places.push(place);
        }
        *count += 1;
    }
    assert!(!places.is_empty());
    places
}

/// Which files of the journal there are, and what is where; without the names of runs.
fn look(data: &Path) -> String {
    let own = WalkDir::new(data.join(".factory-reset")).max_depth(2);
    let entries = own.sort_by_file_name().into_iter();
    let names = entries
        .filter_entry(|entry| entry.file_name() != "history")
        .map(|entry| match entry.unwrap().file_name().to_str() {
            Some(name) if name.len() < Uuid::nil().to_string().len() => name.to_owned(),
            _ => "run".to_owned(),
        });
    let names: Vec<String> = names.collect();
    let log = fs::metadata(data.join("tuitbot.db-wal")).is_ok_and(|log| log.len() > 0);
    format!("{names:?} {log}")
}

async fn start(fixture: &Fixture, interrupted: &Place, fault: Fault) -> Outcome {
    let place = Place::of(interrupted.data());
    let control = place.control();
    control.arm(fault);
    // Killed, or refused, or come to listen.
    drop(Host::start(
        fixture.program,
        place.data(),
        Some(&control),
        &[],
    ));
    let hit = control.hit().map(|hit| format!("{hit} {fault:?}"));
    let end = fixture.settle(&place, None).await;
    Outcome {
        hit,
        answer: None,
        end,
    }
}

/// How many calls a start on it makes.
fn count(fixture: &Fixture, interrupted: &Place) -> u64 {
    let place = Place::of(interrupted.data());
    let control = place.control();
    control.arm(Fault::None);
    let host = Host::start(fixture.program, place.data(), Some(&control), &[]).unwrap();
    let count = control.count();
    host.kill();
    count
}
