//! Tables and quantities as people read them.

use comfy_table::{Cell, CellAlignment, Table, presets};
use indicatif::{HumanBytes, HumanCount};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

/// Lines of the same columns, set in by two blanks.
pub(super) fn table(columns: &[(&str, CellAlignment)], rows: Vec<Vec<String>>) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    let heads = columns.iter();
    table.set_header(heads.map(|(head, alignment)| Cell::new(head).set_alignment(*alignment)));
    for row in rows {
        let cells = row.into_iter().zip(columns);
        table.add_row(
            cells.map(|(text, (_, alignment))| {
                Cell::new(printable(&text)).set_alignment(*alignment)
            }),
        );
    }
    let lines = table.lines().map(|line| format!(" {}\n", line.trim_end()));
    lines.collect()
}

/// `text` without anything that a terminal would obey: names are what somebody has written.
pub(super) fn printable(text: &str) -> String {
    let shown = |character: char| -> String {
        match character {
            control if control.is_control() => control.escape_default().collect(),
            plain => plain.into(),
        }
    };
    text.chars().map(shown).collect()
}

/// `3,060 rows`, `1 file`.
pub(super) fn counted(number: u64, unit: &str) -> String {
    let unit = match (number, unit) {
        (1, "entries") => "entry",
        (1, unit) => unit.strip_suffix('s').unwrap_or(unit),
        (_, unit) => unit,
    };
    format!("{} {unit}", HumanCount(number))
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
