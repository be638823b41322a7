//! What a report says, in plain words.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::backup::Backup;

/// Sums up a report in JSON: `1,542 rows of 10 tables deleted; 3 files deleted`.
pub(crate) fn of_report(report: &Value) -> String {
    let sums = Sums::of(report);
    let mut parts = Vec::new();
    if let Some(sum) = sums.removed.get("table") {
        let (rows, tables) = (counted(sum.count, "row"), counted(sum.items, "table"));
        parts.push(format!("{rows} of {tables} deleted"));
    }
    if sums.kept > 0 {
        parts.push(format!("{} kept", counted(sums.kept, "row")));
    }
    for (kind, unit, verb) in [
        ("path", "file", "deleted"),
        ("keys", "key", "deleted"),
        ("memory", "entry in memory", "dropped"),
        ("task", "task", "stopped"),
    ] {
        if let Some(sum) = sums.removed.get(kind) {
            parts.push(format!("{} {verb}", counted(sum.count, unit)));
        }
    }
    if parts.is_empty() {
        parts.push("there was nothing to delete".to_owned());
    }
    parts.extend(what_is_pending(report));
    parts.join("; ")
}

/// Says what a restoration has put back.
pub(crate) fn of_restoration(name: &str, report: &Value) -> String {
    let restored = Sums::of(report).restored;
    let count = |kind| restored.get(kind).map_or(0, |sum| sum.count);
    let (rows, files) = (
        counted(count("table"), "row"),
        counted(count("path"), "file"),
    );
    let message = format!("the backup `{name}` is restored: {rows} and {files}");
    let pending = what_is_pending(report).into_iter();
    [message]
        .into_iter()
        .chain(pending)
        .collect::<Vec<_>>()
        .join("; ")
}

/// Says what a backup holds that was made.
pub(crate) fn of_backup(backup: &Backup) -> String {
    let rows = backup.contents.iter().flat_map(|step| &step.tables);
    let rows = rows.map(|table| table.rows).sum();
    let files = backup.contents.iter().map(|step| step.files).sum();
    format!(
        "the backup `{}` is made, of {} and {}",
        backup.name,
        counted(rows, "row"),
        counted(files, "file")
    )
}

/// Says that a backup is removed.
pub(crate) fn of_removed_backup(name: &str) -> String {
    format!("the backup `{name}` is removed")
}

fn what_is_pending(report: &Value) -> Option<String> {
    let mut pending = elements(report, "pending");
    let text = "what is still pending stands in the report";
    pending.next().map(|_| text.to_owned())
}

/// A number with its unit: `1 row`, `1,542 rows`.
pub(crate) fn counted(number: u64, unit: &str) -> String {
    let number_text = grouped(number);
    if number == 1 {
        return format!("{number_text} {unit}");
    }
    match unit.strip_prefix("entry") {
        Some(rest) => format!("{number_text} entries{rest}"),
        None => format!("{number_text} {unit}s"),
    }
}

fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

#[derive(Default)]
struct Sum {
    items: u64,
    count: u64,
}

#[derive(Default)]
struct Sums<'a> {
    removed: BTreeMap<&'a str, Sum>,
    restored: BTreeMap<&'a str, Sum>,
    kept: u64,
}

impl<'a> Sums<'a> {
    fn of(report: &'a Value) -> Self {
        let mut sums = Self::default();
        let steps = elements(report, "steps");
        for item in steps.flat_map(|step| elements(step, "items")) {
            sums.kept += item["kept"].as_u64().unwrap_or_default();
            let of_outcome = match item["outcome"].as_str() {
                Some("removed") => &mut sums.removed,
                Some("restored") => &mut sums.restored,
                _ => continue,
            };
            if let Some(kind) = item["kind"].as_str() {
                let sum = of_outcome.entry(kind).or_default();
                sum.items += 1;
                sum.count += item["count"].as_u64().unwrap_or_default();
            }
        }
        sums
    }
}

fn elements<'a>(value: &'a Value, field: &str) -> impl Iterator<Item = &'a Value> {
    value[field].as_array().into_iter().flatten()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_report_is_summed_up() {
        let report = json!({ "steps": [{ "items": [
            { "kind": "table", "outcome": "removed", "count": 1541, "kept": 1 },
            { "kind": "table", "outcome": "removed", "count": 1 },
            { "kind": "path", "outcome": "removed", "count": 1 },
            { "kind": "path", "outcome": "absent", "count": 0 },
            { "kind": "memory", "outcome": "removed", "count": 2 },
        ] }], "pending": [] });
        assert_eq!(
            of_report(&report),
            "1,542 rows of 2 tables deleted; 1 row kept; 1 file deleted; 2 entries in memory dropped"
        );
        let nothing = json!({ "steps": [], "pending": [{}] });
        assert_eq!(
            of_report(&nothing),
            "there was nothing to delete; what is still pending stands in the report"
        );
    }

    #[test]
    fn a_restoration_says_what_is_back() {
        let report = json!({ "steps": [{ "items": [
            { "kind": "table", "outcome": "restored", "count": 1541 },
            { "kind": "path", "outcome": "restored", "count": 1 },
            { "kind": "keys", "outcome": "removed", "count": 3 },
        ] }], "pending": [] });
        assert_eq!(
            of_restoration("before", &report),
            "the backup `before` is restored: 1,541 rows and 1 file"
        );
    }

    #[test]
    fn thousands_are_grouped() {
        for (number, text) in [
            (0, "0"),
            (999, "999"),
            (1000, "1,000"),
            (1_234_567, "1,234,567"),
        ] {
            assert_eq!(grouped(number), text);
        }
    }
}
