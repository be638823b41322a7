//! How much longer it takes when there is more.

use super::goal::Measure;
use super::table::short;
use crate::ranking::{Ranking, Standing};

/// A table of how the whole time grows from size to size, or where only that was measured the
/// longest wait of others; nothing for one size alone.
pub(super) fn growth(rankings: &[&Ranking]) -> Option<String> {
    let (first, _) = rankings
        .split_first()
        .filter(|(_, rest)| !rest.is_empty())?;
    let is_whole = first
        .standings
        .iter()
        .any(|standing| standing.whole().is_some());
    let (what, measure): (_, Measure) = match is_whole {
        true => ("the whole time grows", Standing::whole),
        false => ("the longest wait grows", Standing::wait),
    };
    let mut text = format!("| {what} from |");
    for pair in rankings.windows(2) {
        text += &format!(" {} to {}, ×{} |", pair[0].size, pair[1].size, times(pair));
    }
    text += "\n|---|";
    text += &"---|".repeat(rankings.len() - 1);
    for standing in &first.standings {
        text += &format!("\n| {} |", standing.name);
        for pair in rankings.windows(2) {
            let median = |ranking: &Ranking| {
                let spread = ranking.standing(standing.name).and_then(measure);
                spread.map(|spread| spread.median)
            };
            let grown = median(pair[1]).zip(median(pair[0]));
            let grown = grown.map_or("–".to_owned(), |(more, less)| short(more / less));
            text += &format!(" ×{grown} |");
        }
    }
    Some(text + "\n")
}

fn times(pair: &[&Ranking]) -> String {
    let ratio = pair[1].size.0 as f64 / pair[0].size.0 as f64;
    format!("{}", (ratio * 10.0).round() / 10.0)
}
