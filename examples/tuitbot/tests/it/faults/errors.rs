//! A call fails, once or from then on, and the host lives on.

use fault_sweeps::{
    End, Errno, Fault, Outcome, Tally, any, assert_whole, block_on, chance, choose, is_long,
    sample, seed, sweep,
};
use serde_json::{Value, json};

use super::fixture::{Fixture, Place};
use super::host::{Answer, Host, Program};
use crate::server::until;

/// How many points of each kind are tried in the short form.
const SHORT: usize = 130;
const SHORT_NAIVE: usize = 32;
/// How many are tried while the automation runs, in either form: the host gets the time to mend
/// what it can.
const SHORT_RUNNING: usize = 16;
const LONG_RUNNING: usize = 300;

/// Whether the host's automation runs when the reset begins.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Automation {
    Running,
    Stopped,
}

#[test]
fn a_call_that_fails_is_told_and_leaves_the_reset_whole() {
    let (product, naive) = (errors(Fixture::tuitbot()), errors(Fixture::naive()));
    let names = ["a call fails once", "all calls fail from one on"];
    for (number, name) in names.iter().enumerate() {
        let name = format!("{name}: EIO, ENOSPC, EACCES");
        product[number].print(&name, Some(&naive[number]));
    }
    assert_whole(&product);
    naive[0].assert_half();
}

#[test]
fn the_automation_runs_again_after_a_reset_that_failed() {
    let fixture = Fixture::tuitbot();
    let points = faults(block_on(fixture.count(true))).concat();
    let count = if is_long() {
        LONG_RUNNING
    } else {
        SHORT_RUNNING
    };
    let points = choose(points, count);
    let tally = sweep(&points, async |fault| {
        fail(fixture, *fault, Automation::Running).await
    });
    tally.print("calls fail while the automation runs", None);
    assert_whole(&[tally]);
}

/// Once, and from then on.
fn errors(fixture: &Fixture) -> [Tally; 2] {
    let short = match fixture.program {
        Program::Tuitbot => SHORT,
        Program::Naive => SHORT_NAIVE,
    };
    faults(block_on(fixture.count(true))).map(|faults| {
        let faults = sample(faults, short);
        sweep(&faults, async |fault| {
            fail(fixture, *fault, Automation::Stopped).await
        })
    })
}

/// Each call with each error; in the short form with one by chance.
fn faults(calls: u64) -> [Vec<Fault>; 2] {
    let mut chance = chance(seed());
    let mut errors = || {
        if is_long() {
            Errno::ALL.to_vec()
        } else {
            vec![any(&mut chance, &Errno::ALL)]
        }
    };
    let points = (1..=calls).flat_map(|call| errors().into_iter().map(move |error| (call, error)));
    let points: Vec<_> = points.collect();
    let once = points
        .iter()
        .map(|(call, error)| Fault::FailOnce(*call, *error));
    let from = points
        .iter()
        .map(|(call, error)| Fault::FailFromThenOn(*call, *error));
    [once.collect(), from.collect()]
}

async fn fail(fixture: &Fixture, fault: Fault, automation: Automation) -> Outcome {
    let running = automation == Automation::Running;
    let place = fixture.place();
    let control = place.control();
    control.count_reads();
    let host = Host::start(fixture.program, place.data(), Some(&control), &[]).unwrap();
    if running {
        let started = host.post("/api/runtime/start", Value::Null).await;
        assert_eq!(started.status, 200);
    }
    control.arm(fault);
    let answer = host.reset().await;
    let hit = control.hit().map(|hit| format!("{hit} {fault:?}"));
    control.disarm();
    let Some(answer) = answer else {
        let end = Err("the host does not answer".to_owned());
        return Outcome {
            hit,
            answer: None,
            end,
        };
    };
    let shown = match fixture.program {
        Program::Tuitbot => look(&host, &answer, automation).await,
        Program::Naive => Ok(None),
    };
    host.kill();
    let end = match shown {
        Ok(Some(End::Old)) if running => is_old(fixture, &place).await,
        Ok(_) => fixture.settle(&place, Some(&answer)).await,
        Err(error) => Err(format!("{error}; answered {answer:?}")),
    };
    Outcome {
        hit,
        answer: Some(answer.status),
        end,
    }
}

/// What a client sees of the host now that no call fails any more; nothing where the host lets
/// nobody in until the reset is ended. It ends it by itself, which is waited for where the
/// automation was running. After a 200 the gate opens when the answer has been sent, and not
/// before.
async fn look(host: &Host, answer: &Answer, automation: Automation) -> Result<Option<End>, String> {
    let running = automation == Automation::Running;
    let status = async || host.get("/api/settings/status").await;
    if running || answer.status == 200 {
        until(async || status().await.status != 503).await;
    }
    let status = status().await;
    if status.status == 503 {
        return Ok(None);
    }
    let targets = host.get("/api/targets").await.json();
    let runtime = host.get("/api/runtime/status").await.json();
    let (status, used) = (status.json(), targets != json!([]));
    let shown = [
        &status["configured"],
        &status["claimed"],
        &runtime["running"],
    ];
    if shown != [&json!(used), &json!(used), &json!(used && running)] {
        return Err(format!("the host shows {status}, {targets}, {runtime}"));
    }
    let end = if used { End::Old } else { End::New };
    if !answer.allows(end) {
        return Err(format!("the host shows {end:?}"));
    }
    Ok(Some(end))
}

/// Where the automation runs rows come and go; what it does not touch is the same.
async fn is_old(fixture: &Fixture, place: &Place) -> Result<End, String> {
    let state = place.restart(fixture).await?;
    let old = fixture.old();
    let table = "target_accounts";
    if state.has_same_files(old) && state.rows(table) == old.rows(table) {
        return Ok(End::Old);
    }
    Err(format!("not the old state: {}", state.difference(old)))
}
