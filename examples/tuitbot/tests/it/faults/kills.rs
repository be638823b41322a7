//! kill -9.

use super::control::Fault;
use super::fixture::Fixture;
use super::host::Host;
use super::sweep::{Outcome, Tally, block_on, sweep};

#[test]
fn a_reset_killed_at_any_call_is_whole_after_the_next_start() {
    let (product, naive) = (kills(Fixture::tuitbot()), kills(Fixture::naive()));
    for (name, product, naive) in [
        ("kill -9 before and after each call", &product.0, &naive.0),
        ("kill -9 in the middle of each write", &product.1, &naive.1),
    ] {
        product.print(name, Some(naive));
    }
    product.0.assert_whole();
    product.1.assert_whole();
    naive.0.assert_half();
}

/// Around each call, and half-way through each write.
fn kills(fixture: &Fixture) -> (Tally, Tally) {
    let calls = block_on(fixture.count(false));
    let around = (1..=calls).flat_map(|call| [Fault::KillBefore(call), Fault::KillAfter(call)]);
    let around: Vec<Fault> = around.collect();
    let tally = sweep(&around, async |fault| kill(fixture, *fault).await);
    let is_write = |outcome: &Outcome| {
        let hit = outcome.hit.as_deref();
        hit.is_some_and(|hit| hit.starts_with("write") || hit.starts_with("pwrite"))
    };
    let writes = around
        .iter()
        .zip(&tally.0)
        .filter_map(|(fault, outcome)| match fault {
            Fault::KillBefore(call) if is_write(outcome) => Some(Fault::KillHalfway(*call)),
            _ => None,
        });
    let halfway: Vec<Fault> = writes.collect();
    let halfway = sweep(&halfway, async |fault| kill(fixture, *fault).await);
    (tally, halfway)
}

async fn kill(fixture: &Fixture, fault: Fault) -> Outcome {
    let place = fixture.place();
    let control = place.control();
    let host = Host::start(fixture.program, place.data(), Some(&control), &[]).unwrap();
    control.arm(fault);
    let answer = host.reset().await;
    host.kill();
    let hit = control.hit().map(|hit| format!("{hit} {fault:?}"));
    let end = fixture.settle(&place, answer.as_ref()).await;
    Outcome { hit, end }
}
