//! Tables and quantities as people read them.

use std::collections::BTreeMap;

use comfy_table::{Cell, CellAlignment, ContentArrangement, Table, presets};
use indicatif::{HumanBytes, HumanCount};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use super::untrusted::Untrusted;
use crate::printable::Printable;

/// How many characters a cell shows. All lines of a table are as long as the longest one, so a
/// server could otherwise fill the memory with blanks.
const LONGEST: usize = 1000;

/// Lines of the same columns, set in by two blanks.
pub(super) fn table(columns: &[(&str, CellAlignment)], rows: Vec<Vec<String>>) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    let heads = columns.iter();
    table.set_header(heads.map(|(head, alignment)| Cell::new(head).set_alignment(*alignment)));
    for row in rows {
        let cells = row.into_iter().zip(columns);
        table.add_row(
            cells.map(|(text, (_, alignment))| Cell::new(cell(&text)).set_alignment(*alignment)),
        );
    }
    let lines = table.lines().map(|line| format!(" {}\n", line.trim_end()));
    lines.collect()
}

/// `text` in lines that `width` columns have room for, set in by two blanks.
pub(super) fn paragraph(text: &str, width: u16) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_content_arrangement(ContentArrangement::Dynamic);
    // One blank is ours.
    table.set_width(width.saturating_sub(1));
    table.add_row([Printable::new(text).to_string()]);
    let lines = table.lines().map(|line| format!(" {}\n", line.trim_end()));
    lines.collect()
}

/// `text` for a cell: escaped, and cut off where it would make every line of its column too long.
fn cell(text: &str) -> String {
    let text = Printable::new(text).to_string();
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

/// `3,060 rows`, `1 file`.
pub(super) fn counted(number: u64, unit: &str) -> String {
    let unit = match (number, unit) {
        (1, "entries") => "entry",
        (1, unit) => unit.strip_suffix('s').unwrap_or(unit),
        (_, unit) => unit,
    };
    format!("{} {}", HumanCount(number), Printable::new(unit))
}

/// `3,060 rows, 1 file`; none where there is nothing. Rows come first, as a rule the most.
pub(super) fn summed(counts: &BTreeMap<Untrusted, u64>) -> Option<String> {
    let counts = counts.iter().rev().filter(|(_, count)| **count > 0);
    let counts: Vec<_> = counts
        .map(|(unit, count)| counted(*count, unit.raw()))
        .collect();
    (!counts.is_empty()).then(|| counts.join(", "))
}

/// `1.24 MiB`; nothing where it is not known.
pub(super) fn size(bytes: Option<u64>) -> String {
    bytes.map_or_else(String::new, |bytes| HumanBytes(bytes).to_string())
}

/// When it was where the command is used.
pub(super) fn time(at: Timestamp) -> String {
    let at = at.to_zoned(TimeZone::system());
    at.strftime("%Y-%m-%d %H:%M:%S %Z").to_string()
}

/// `2s 310ms`.
pub(super) fn duration(milliseconds: u64) -> String {
    let milliseconds = i64::try_from(milliseconds).unwrap_or(i64::MAX);
    format!("{:#}", SignedDuration::from_millis(milliseconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_paragraph_is_as_wide_as_the_terminal_and_breaks_between_words() {
        let names = vec!["automation_runtimes"; 20].join(", ");
        for width in [40, 80, 132] {
            let text = paragraph(&format!("Holds nothing: {names}"), width);
            let widest = text.lines().map(str::len).max().unwrap();
            assert!(widest <= usize::from(width), "{text}");
            assert!(widest + 22 > usize::from(width), "{text}");
            assert_eq!(text.matches("automation_runtimes").count(), 20);
            assert!(text.lines().all(|line| line.starts_with("  ")), "{text}");
        }
    }
}
