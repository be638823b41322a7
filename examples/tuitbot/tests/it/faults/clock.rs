//! The wall clock is ten years off.

use fault_sweeps::{Fault, assert_whole, block_on, sample, sweep};

use super::fixture::Fixture;
use super::kills::kill;

const TEN_YEARS: i64 = 10 * 365 * 24 * 60 * 60;
/// How many points are tried in the short form.
const SHORT: usize = 40;

#[test]
fn a_clock_that_is_ten_years_off_changes_nothing() {
    let fixture = Fixture::tuitbot();
    let calls = block_on(fixture.count(false));
    let points = (1..=calls + 1).flat_map(|call| [(-TEN_YEARS, call), (TEN_YEARS, call)]);
    let points = sample(points.collect(), SHORT);
    let tally = sweep(&points, async |(clock, call)| {
        kill(fixture, Fault::KillBefore(*call), *clock).await
    });
    tally.print("kill -9 with the clock ten years back, or ahead", None);
    assert_whole(&[tally]);
}
