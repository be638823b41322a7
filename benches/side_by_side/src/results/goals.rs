//! What this project goes for.

use super::goal::{Bound, Goal};
use crate::amount::Amount;
use crate::ranking::{Ranking, Standing};

const MILLION: Option<Amount> = Some(Amount(1_000_000));

const GOALS: [Goal; 13] = [
    Goal {
        work: "full reset, until commit",
        contest: "sqlite",
        size: MILLION,
        measure: Standing::committed,
        against: &["the ancestor's way"],
        bound: Bound::Faster(500.0),
    },
    Goal {
        work: "full reset, counted, shrunk, no residue, whole",
        contest: "sqlite",
        size: MILLION,
        measure: Standing::whole,
        against: &["expert's script, whole"],
        bound: Bound::AtMost(1.0),
    },
    Goal {
        work: "the same, against a script that neither counts nor shrinks",
        contest: "sqlite",
        size: MILLION,
        measure: Standing::whole,
        against: &["expert's script, bare"],
        bound: Bound::AtMost(1.0),
    },
    Goal {
        work: "selection of tables, whole",
        contest: "selection",
        size: MILLION,
        measure: Standing::whole,
        against: &["expert's script, whole"],
        bound: Bound::AtMost(1.2),
    },
    Goal {
        work: "full reset, whole",
        contest: "sqlite",
        size: MILLION,
        measure: Standing::whole,
        against: &["Django flush"],
        bound: Bound::Faster(50.0),
    },
    Goal {
        work: "writer blocked during a full reset",
        contest: "sqlite",
        size: MILLION,
        measure: Standing::wait,
        against: &["the ancestor's way"],
        bound: Bound::AtMost(0.1),
    },
    Goal {
        work: "media, whole",
        contest: "files",
        size: Some(Amount(100_000)),
        measure: Standing::whole,
        against: &["rm -rf"],
        bound: Bound::AtMost(0.6),
    },
    Goal {
        work: "preview of files",
        contest: "survey",
        size: Some(Amount(100_000)),
        measure: Standing::whole,
        against: &["du -s"],
        bound: Bound::AtMost(1.0),
    },
    Goal {
        work: "preview of 30 tables",
        contest: "preview",
        size: MILLION,
        measure: Standing::whole,
        against: &["bare counts"],
        bound: Bound::AtMost(1.2),
    },
    Goal {
        work: "PostgreSQL, the worst size",
        contest: "postgres",
        size: None,
        measure: Standing::whole,
        against: &["psql, DELETE", "psql, count + TRUNCATE"],
        bound: Bound::AtMost(1.2),
    },
    Goal {
        work: "memory over the idle host, full reset, MiB",
        contest: "memory-reset",
        size: None,
        measure: Standing::peak,
        against: &[],
        bound: Bound::Below(64.0),
    },
    Goal {
        work: "memory over the idle host, preview, MiB",
        contest: "memory-preview",
        size: None,
        measure: Standing::peak,
        against: &[],
        bound: Bound::Below(64.0),
    },
    Goal {
        work: "memory over the idle host, selection, MiB",
        contest: "memory-selection",
        size: None,
        measure: Standing::peak,
        against: &[],
        bound: Bound::Below(64.0),
    },
];

/// The goals that something was measured for.
pub(super) fn goals(rankings: &[Ranking]) -> String {
    let mut text =
        "| work | size | against | goal | measured | |\n|---|---|---|---|---|---|\n".to_owned();
    for goal in &GOALS {
        if let Some(line) = goal.line(rankings) {
            text += &line;
        }
    }
    text
}
