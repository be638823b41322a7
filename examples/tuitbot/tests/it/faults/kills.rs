//! kill -9.

use fault_sweeps::{Fault, Outcome, Tally, assert_whole, block_on, sample, sweep};

use super::fixture::Fixture;
use super::host::{Host, Program};

/// How many points beside those before each call are tried in the short form.
const SHORT: usize = 60;
const SHORT_NAIVE: usize = 120;

#[test]
fn a_reset_killed_at_any_call_is_whole_after_the_next_start() {
    let (product, naive) = (kills(Fixture::tuitbot()), kills(Fixture::naive()));
    let names = [
        "kill -9 before each call",
        "kill -9 after each call",
        "kill -9 in the middle of each write",
    ];
    for (number, name) in names.iter().enumerate() {
        product[number].print(name, Some(&naive[number]));
    }
    assert_whole(&product);
    naive[0].assert_half();
}

/// Around each call, and half-way through each write.
fn kills(fixture: &Fixture) -> [Tally; 3] {
    let calls = block_on(fixture.count(false));
    let is_product = fixture.program == Program::Tuitbot;
    let run = async |fault: &Fault| kill(fixture, *fault, 0).await;
    let before: Vec<Fault> = (1..=calls).map(Fault::KillBefore).collect();
    let before = if is_product {
        before
    } else {
        sample(before, SHORT_NAIVE)
    };
    let killed_before = sweep(&before, run);
    // What is on disk then is what is there before the next call.
    let after = sample((1..=calls).map(Fault::KillAfter).collect(), SHORT);
    let is_write = |outcome: &Outcome| {
        let hit = outcome.hit.as_deref();
        hit.is_some_and(|hit| hit.starts_with("write") || hit.starts_with("pwrite"))
    };
    let writes = before.iter().zip(&killed_before.0);
    let writes = writes.filter_map(|(fault, outcome)| match fault {
        Fault::KillBefore(call) if is_write(outcome) => Some(Fault::KillHalfway(*call)),
        _ => None,
    });
    let halfway = sample(writes.collect(), SHORT);
    [killed_before, sweep(&after, run), sweep(&halfway, run)]
}

/// The restart has the right time again.
pub(super) async fn kill(fixture: &Fixture, fault: Fault, clock: i64) -> Outcome {
    let place = fixture.place();
    let control = place.control();
    control.move_clock(clock);
    let host = Host::start(fixture.program, place.data(), Some(&control), &[]).unwrap();
    control.arm(fault);
    let answer = host.reset().await;
    host.kill();
    let hit = control.hit().map(|hit| format!("{hit} {fault:?}"));
    let end = fixture.settle(&place, answer.as_ref()).await;
    Outcome {
        hit,
        answer: answer.map(|answer| answer.status),
        end,
    }
}
