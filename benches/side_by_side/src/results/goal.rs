//! What this project goes for, and whether it is reached.

use super::table::short;
use crate::amount::Amount;
use crate::contestants::OURS;
use crate::ranking::{Ranking, Standing};
use crate::spread::Spread;

/// What is compared.
type Measure = fn(&Standing) -> Option<Spread>;

/// How ours is to stand.
#[derive(Clone, Copy)]
enum Bound {
    /// At least so many times faster than the others.
    Faster(f64),
    /// At most so many times what the others take.
    AtMost(f64),
    /// At most so much, whatever others take.
    Below(f64),
}

struct Goal {
    work: &'static str,
    contest: &'static str,
    /// At this size, or the largest measured; at every one where none is named.
    size: Option<Amount>,
    measure: Measure,
    /// The best of these counts.
    against: &'static [&'static str],
    bound: Bound,
}

const MILLION: Option<Amount> = Some(Amount(1_000_000));

const GOALS: [Goal; 12] = [
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

impl Goal {
    fn line(&self, rankings: &[Ranking]) -> Option<String> {
        let of_kind = || rankings.iter().filter(|ranking| ranking.id == self.contest);
        let exact = of_kind().find(|ranking| Some(ranking.size) == self.size);
        let largest = of_kind().max_by_key(|ranking| ranking.size);
        let considered: Vec<&Ranking> = match self.size {
            Some(_) => exact.or(largest).into_iter().collect(),
            None => of_kind().collect(),
        };
        let measured = considered
            .iter()
            .filter_map(|ranking| Some((self.measured(ranking)?, ranking.size)));
        let (measured, size) = match self.bound {
            Bound::Faster(_) => measured.min_by(|one, other| one.0.total_cmp(&other.0)),
            _ => measured.max_by(|one, other| one.0.total_cmp(&other.0)),
        }?;
        let (goal, said, is_met) = match self.bound {
            Bound::Faster(times) => (
                format!("≥ {times}× faster"),
                format!("{}×", short(measured)),
                measured >= times,
            ),
            Bound::AtMost(times) => (
                format!("≤ {times:.1}×"),
                format!("{}×", short(measured)),
                measured <= times,
            ),
            Bound::Below(most) => (format!("< {most}"), short(measured), measured < most),
        };
        let met = if is_met { "met" } else { "**not met**" };
        let against = match self.against {
            [] => "–".to_owned(),
            [one] => (*one).to_owned(),
            several => format!("the better of {}", several.join(" and ")),
        };
        let work = self.work;
        Some(format!(
            "| {work} | {size} | {against} | {goal} | {said} | {met} |\n"
        ))
    }

    /// Ours as it is bound: a quotient, or for itself.
    fn measured(&self, ranking: &Ranking) -> Option<f64> {
        let median = |name| Some((self.measure)(ranking.standing(name)?)?.median);
        let ours = median(OURS)?;
        let best = self
            .against
            .iter()
            .filter_map(|&name| median(name))
            .min_by(f64::total_cmp);
        match self.bound {
            Bound::Faster(_) => Some(best? / ours),
            Bound::AtMost(_) => Some(ours / best?),
            Bound::Below(_) => Some(ours),
        }
    }
}
