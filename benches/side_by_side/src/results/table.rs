//! The contests of one kind as a table.

use crate::contestants::OURS;
use crate::ranking::{Ranking, Standing};
use crate::spread::Spread;

/// A column: its head, and what stands in it for a contestant, given ours of the same contest.
type Column = (&'static str, fn(&Standing, &Standing) -> Option<String>);

const COLUMNS: [Column; 10] = [
    ("gone after, ms", |standing, _| {
        standing.committed().map(milliseconds)
    }),
    ("÷ ours", |standing, ours| {
        ratio(standing.committed(), ours.committed())
    }),
    ("whole, ms", |standing, _| {
        standing.whole().map(milliseconds)
    }),
    ("÷ ours", |standing, ours| {
        ratio(standing.whole(), ours.whole())
    }),
    ("longest wait of others, ms", |standing, _| {
        standing.wait().map(milliseconds)
    }),
    ("peak memory, MiB", |standing, _| {
        standing.peak().map(|peak| short(peak.median))
    }),
    ("on disk after, MiB", |standing, _| {
        standing.left().map(|left| short(left.median))
    }),
    ("old bytes readable", |standing, _| {
        said(standing.rounds.first()?.is_readable?)
    }),
    ("factory rows", |standing, _| {
        said(standing.rounds.first()?.has_factory_rows?)
    }),
    ("way", |standing, _| Some(way(standing)?.0.to_owned())),
];

/// A table of `rankings`, which are of one kind.
pub(super) fn table(rankings: &[&Ranking]) -> String {
    let mut lines = Vec::new();
    for ranking in rankings {
        let ours = ranking.standing(OURS);
        for standing in &ranking.standings {
            let cells = COLUMNS.iter();
            let cells = cells.map(|(_, cell)| ours.and_then(|ours| cell(standing, ours)));
            let cells: Vec<_> = cells.collect();
            let rounds = standing.rounds();
            lines.push((ranking.size, standing.name, rounds, cells));
        }
    }
    // A column with nothing in it says nothing.
    let is_full = |column: &usize| lines.iter().any(|(.., cells)| cells[*column].is_some());
    let columns: Vec<_> = (0..COLUMNS.len()).filter(is_full).collect();
    let unit = rankings.first().map_or("", |ranking| ranking.unit);
    let mut text = format!("| {unit} | |");
    for &column in &columns {
        text += &format!(" {} |", COLUMNS[column].0);
    }
    text += " rounds |\n|---|---|";
    text += &"---|".repeat(columns.len() + 1);
    for (size, name, rounds, cells) in &lines {
        text += &format!("\n| {size} | {name} |");
        for &column in &columns {
            text += &format!(" {} |", cells[column].as_deref().unwrap_or("–"));
        }
        text += &format!(" {rounds} |");
    }
    text + "\n"
}

/// Why ours went the way that it went, and what it left for later, where it says so.
pub(super) fn notes(rankings: &[&Ranking]) -> String {
    let mut notes = String::new();
    for ranking in rankings {
        for standing in &ranking.standings {
            let (name, size) = (standing.name, ranking.size);
            if let Some((way, Some(reason))) = way(standing) {
                notes += &format!("- {name}, {size}: {way}, because {reason}\n");
            }
            let written = standing
                .rounds
                .iter()
                .filter(|round| round.wait_ms.is_some());
            let pending: Vec<_> = written
                .clone()
                .filter_map(|round| round.pending.as_ref())
                .collect();
            if let Some(first) = pending.first() {
                let (count, all) = (pending.len(), written.count());
                notes += &format!(
                    "- {name}, {size}: in {count} of {all} rounds with a writer, something was left \
                     to the background: {first}\n"
                );
            }
        }
    }
    notes
}

/// The way, and the reason for it.
fn way(standing: &Standing) -> Option<(&str, Option<&str>)> {
    let way = standing.rounds.first()?.way.as_deref()?;
    Some(match way.split_once(": ") {
        Some((way, reason)) => (way, Some(reason)),
        None => (way, None),
    })
}

fn milliseconds(spread: Spread) -> String {
    let Spread {
        median,
        least,
        most,
    } = spread;
    if short(least) == short(most) {
        return short(median);
    }
    format!("{} ({}–{})", short(median), short(least), short(most))
}

fn ratio(theirs: Option<Spread>, ours: Option<Spread>) -> Option<String> {
    let (theirs, ours) = (theirs?, ours?);
    Some(short(theirs.median / ours.median))
}

/// A number with as many places as say something.
pub(super) fn short(number: f64) -> String {
    match number {
        _ if number >= 100.0 => format!("{number:.0}"),
        _ if number >= 10.0 => format!("{number:.1}"),
        _ => format!("{number:.2}"),
    }
}

fn said(is_so: bool) -> Option<String> {
    Some(if is_so { "yes" } else { "no" }.to_owned())
}
