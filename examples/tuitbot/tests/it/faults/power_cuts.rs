//! The power goes.

use std::collections::HashSet;

use rand::RngExt;

use super::control::Fault;
use super::disk::{Disk, Remains, restore};
use super::fixture::{Fixture, Place};
use super::host::{Answer, Host};
use super::log;
use super::sweep::{Outcome, Tally, block_on, chance, is_long, sample, seed, sweep};

/// How many draws of what was not synced there are for each instant.
const DRAWS: u64 = 6;
/// How many disks are tried in the short form.
const SHORT: usize = 160;

#[test]
fn a_power_cut_at_any_instant_leaves_a_whole_reset() {
    let product = PowerCuts::record(Fixture::tuitbot());
    let naive = PowerCuts::record(Fixture::naive());
    let (lost, naive_lost) = (product.lose_all(), naive.lose_all());
    lost.print(
        "power cut, all that was not synced is lost",
        Some(&naive_lost),
    );
    let (drawn, naive_drawn) = (product.draw(), naive.draw());
    drawn.print("power cut, parts of it are lost", Some(&naive_drawn));
    let (after, naive_after) = (product.after(), naive.after());
    after.print("power cut after the 200", Some(&naive_after));
    for tally in [lost, drawn, after] {
        tally.assert_whole();
    }
    naive_drawn.assert_half();
    naive_after.assert_half();
}

/// The disk at every instant of one reset.
struct PowerCuts {
    fixture: &'static Fixture,
    /// From the start of the host on, with what has just happened.
    instants: Vec<(String, Disk)>,
    answer: Answer,
}

/// A disk after a cut.
struct Cut {
    name: String,
    remains: Remains,
}

impl PowerCuts {
    fn record(fixture: &'static Fixture) -> Self {
        let place = fixture.place();
        let control = place.control();
        let log = control.keep_log();
        // From the start: nothing that the host changes may escape the model.
        control.arm(Fault::None);
        let program = fixture.program;
        let host = Host::start(program, place.data(), Some(&control), &[]).unwrap();
        let before = log::read(&log, place.data()).len();
        let answer = block_on(host.reset()).unwrap();
        assert_eq!(answer.status, 200, "{answer:?}");
        host.kill();
        let changes = log::read(&log, place.data());
        let mut disk = Disk::read(fixture.original());
        let mut instants = Vec::new();
        for (number, change) in changes.iter().enumerate() {
            disk.apply(change);
            if number + 1 >= before {
                let text: String = format!("{change:?}").chars().take(90).collect();
                instants.push((format!("after change {number}, {text}"), disk.clone()));
            }
        }
        Self {
            fixture,
            instants,
            answer,
        }
    }

    /// Each different disk of those on which only what was synced has remained.
    fn lose_all(&self) -> Tally {
        let cuts = self.instants.iter().map(|(name, disk)| Cut {
            name: format!("nothing unsynced {name}"),
            remains: disk.cut(|| false),
        });
        self.run(cuts.collect(), None)
    }

    /// Draws for each instant, of all kinds from nearly nothing to nearly everything.
    fn draw(&self) -> Tally {
        let mut cuts = Vec::new();
        for draw in 0..DRAWS {
            for (number, (name, disk)) in self.instants.iter().enumerate() {
                let seed = seed().wrapping_add(draw << 32).wrapping_add(number as u64);
                cuts.push(self.drawn(seed, name, disk));
            }
        }
        self.run(cuts, None)
    }

    /// Once it was answered that the reset has happened, it has.
    fn after(&self) -> Tally {
        let (name, disk) = self.instants.last().unwrap();
        let draws = if is_long() { 200 } else { 20 };
        let mut cuts = vec![Cut {
            name: format!("nothing unsynced {name}"),
            remains: disk.cut(|| false),
        }];
        cuts.extend((0..draws).map(|draw| self.drawn(seed().wrapping_sub(draw), name, disk)));
        self.run(cuts, Some(&self.answer))
    }

    fn drawn(&self, seed: u64, name: &str, disk: &Disk) -> Cut {
        let mut chance = chance(seed);
        let share = chance.random_range(0.05..0.95);
        Cut {
            name: format!("seed {seed} {name}"),
            remains: disk.cut(|| chance.random_bool(share)),
        }
    }

    fn run(&self, mut cuts: Vec<Cut>, answer: Option<&Answer>) -> Tally {
        let mut known = HashSet::new();
        cuts.retain(|cut| known.insert(cut.remains.clone()));
        let chosen = sample((0..cuts.len()).collect(), SHORT);
        sweep(&chosen, async |number: &usize| {
            let cut = &cuts[*number];
            let place = Place::empty();
            restore(&cut.remains, place.data());
            let end = self.fixture.settle(&place, answer).await;
            let hit = Some(cut.name.clone());
            Outcome { hit, end }
        })
    }
}
