//! One thing that this project goes for, and whether it is reached.

use super::table::short;
use crate::amount::Amount;
use crate::contestants::OURS;
use crate::ranking::{Ranking, Standing};
use crate::spread::Spread;

/// What is compared.
pub(super) type Measure = fn(&Standing) -> Option<Spread>;

/// How ours is to stand.
#[derive(Clone, Copy)]
pub(super) enum Bound {
    /// At least so many times faster than the others.
    Faster(f64),
    /// At most so many times what the others take.
    AtMost(f64),
    /// At most so much, whatever others take.
    Below(f64),
}

/// What identifies the contests of a kind, and what the line says of their data.
pub(super) type Kind = (&'static str, &'static str);

/// One goal.
pub(super) struct Goal {
    /// What is done.
    pub(super) work: &'static str,
    /// In which kinds of contests; each has a line.
    pub(super) contests: &'static [Kind],
    /// At this size, or the largest measured; at every one where none is named.
    pub(super) size: Option<Amount>,
    /// What counts.
    pub(super) measure: Measure,
    /// The best of these counts.
    pub(super) against: &'static [&'static str],
    /// How ours is to stand.
    pub(super) bound: Bound,
}

impl Goal {
    /// Its line of the table for the contests of one kind; none where nothing was measured for it.
    pub(super) fn line(&self, (id, data): &Kind, rankings: &[Ranking]) -> Option<String> {
        let of_kind = || rankings.iter().filter(|ranking| ranking.id == *id);
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
            "| {work}{data} | {size} | {against} | {goal} | {said} | {met} |\n"
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
