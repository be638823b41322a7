//! What this project goes for.

use super::goal::{Bound, Goal, Kind};
use crate::amount::Amount;
use crate::ranking::{Ranking, Standing};

const MILLION: Option<Amount> = Some(Amount(1_000_000));

/// On the demo service, and on linked tables.
const FULL_RESETS: &[Kind] = &[("sqlite", ""), ("linked", ", linked tables")];

/// The same for what is looked at.
const PREVIEWS: &[Kind] = &[("preview", ""), ("linked-preview", ", linked tables")];

const GOALS: [Goal; 14] = [
    Goal {
        work: "full reset, until commit",
        contests: FULL_RESETS,
        size: MILLION,
        measure: Standing::committed,
        against: &["the ancestor's way"],
        bound: Bound::Faster(500.0),
    },
    Goal {
        work: "full reset, counted, shrunk, no residue, whole",
        contests: FULL_RESETS,
        size: MILLION,
        measure: Standing::whole,
        against: &["expert's script, whole"],
        bound: Bound::AtMost(1.0),
    },
    Goal {
        work: "full reset, whole, against a script that neither counts nor shrinks",
        contests: FULL_RESETS,
        size: MILLION,
        measure: Standing::whole,
        against: &["expert's script, bare"],
        bound: Bound::AtMost(1.0),
    },
    Goal {
        work: "selection of tables, whole",
        contests: &[("selection", "")],
        size: MILLION,
        measure: Standing::whole,
        against: &["expert's script, whole"],
        bound: Bound::AtMost(1.2),
    },
    Goal {
        work: "full reset, whole",
        contests: FULL_RESETS,
        size: MILLION,
        measure: Standing::whole,
        against: &["Django flush"],
        bound: Bound::Faster(50.0),
    },
    Goal {
        work: "writer blocked during a full reset",
        contests: FULL_RESETS,
        size: MILLION,
        measure: Standing::wait,
        against: &["the ancestor's way"],
        bound: Bound::AtMost(0.1),
    },
    Goal {
        work: "media, whole",
        contests: &[("files", "")],
        size: Some(Amount(100_000)),
        measure: Standing::whole,
        against: &["rm -rf"],
        bound: Bound::AtMost(0.6),
    },
    Goal {
        work: "preview of files",
        contests: &[("survey", "")],
        size: Some(Amount(100_000)),
        measure: Standing::whole,
        against: &["du -s"],
        bound: Bound::AtMost(1.0),
    },
    Goal {
        work: "preview of 30 tables",
        contests: PREVIEWS,
        size: MILLION,
        measure: Standing::whole,
        against: &["bare counts"],
        bound: Bound::AtMost(1.2),
    },
    Goal {
        work: "PostgreSQL, until commit, the worst size",
        contests: &[("postgres", "")],
        size: None,
        measure: Standing::committed,
        against: &["psql, DELETE", "psql, count + TRUNCATE"],
        bound: Bound::AtMost(1.2),
    },
    Goal {
        work: "PostgreSQL, no residue, whole, the worst size",
        contests: &[("postgres", "")],
        size: None,
        measure: Standing::whole,
        against: &["psql, DELETE + VACUUM FULL", "psql, count + TRUNCATE"],
        bound: Bound::AtMost(1.2),
    },
    Goal {
        work: "memory over the idle host, full reset, MiB",
        contests: &[("memory-reset", "")],
        size: None,
        measure: Standing::peak,
        against: &[],
        bound: Bound::Below(64.0),
    },
    Goal {
        work: "memory over the idle host, preview, MiB",
        contests: &[("memory-preview", "")],
        size: None,
        measure: Standing::peak,
        against: &[],
        bound: Bound::Below(64.0),
    },
    Goal {
        work: "memory over the idle host, selection, MiB",
        contests: &[("memory-selection", "")],
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
        for kind in goal.contests {
            text += &goal.line(kind, rankings).unwrap_or_default();
        }
    }
    text
}
