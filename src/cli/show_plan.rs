//! A plan for people: what goes, what stays, what is in the way.

use std::collections::BTreeMap;
use std::fmt::Write;

use comfy_table::CellAlignment::{Left, Right};

use super::console::HEADING;
use super::shown::{Item, Named, Options, Plan, Step};
use super::table::{counted, paragraph, size, summed, table};
use super::untrusted::{Untrusted, joined};

/// Everything that can be reset, and what may be chosen of it.
pub(super) fn options(options: &Options, width: u16) -> String {
    let mut text = plan(&options.plan, width);
    let mut chosen = options.parts.iter().filter(|(_, parts)| parts.len() > 1);
    if let Some((step, parts)) = chosen.next() {
        let example = parts.first().cloned().unwrap_or_default();
        let _ = writeln!(
            text,
            "\nParts of a step can be reset by themselves, as with `--only {step}={example}`."
        );
    }
    if !options.keep.is_empty() {
        section(&mut text, "Rows that can be kept (`--keep NAME`)");
        let rows = options.keep.iter();
        let rows = rows.map(|rows| vec![rows.name.to_string(), rows.reason.to_string()]);
        text += &table(&[("Name", Left), ("Reason", Left)], rows.collect());
    }
    if !options.backups {
        text += "\nThis service keeps no backups.\n";
    }
    text
}

/// What would go, what stays, and what is in the way.
pub(super) fn plan(plan: &Plan, width: u16) -> String {
    let mut text = goes("Goes", plan, width);
    stays(&mut text, plan);
    obstacles(&mut text, plan);
    way(&mut text, plan, width);
    let _ = writeln!(text, "\nDigest {}", plan.digest);
    text
}

/// What goes, or has gone, under a title that says which.
pub(super) fn goes(title: &str, plan: &Plan, width: u16) -> String {
    let mut text = steps(title, plan, Item::is_there);
    let items = plan.steps.iter().flat_map(|step| &step.items);
    let empty = items.filter(|item| !item.is_there());
    let empty = joined(empty.map(|item| &item.name));
    if !empty.is_empty() {
        text.push('\n');
        text += &paragraph(&format!("Holds nothing: {empty}"), width);
    }
    text
}

/// How the database is emptied, or has been.
pub(super) fn way(text: &mut String, plan: &Plan, width: u16) {
    let Some(way) = &plan.database else {
        return;
    };
    let told = match (way.way.raw(), &way.because) {
        ("factory_image", _) => "a fresh one takes its place".to_owned(),
        ("clearing", Some(because)) => format!("rows are deleted, because {because}"),
        ("clearing", None) => "rows are deleted".to_owned(),
        _ => way.way.to_string(),
    };
    text.push('\n');
    *text += &paragraph(&format!("Database: {told}"), width);
}

/// The sums of each step, with those of its items that `are_shown`.
pub(super) fn steps(title: &str, plan: &Plan, are_shown: impl Fn(&Item) -> bool) -> String {
    let mut text = String::new();
    section(&mut text, title);
    let mut rows = Vec::new();
    for step in &plan.steps {
        rows.push(vec![
            step.id.to_string(),
            step.label.to_string(),
            counts(&step.counts),
            size(step.bytes),
        ]);
        let items = step.items.iter().filter(|item| are_shown(item));
        rows.extend(
            items.map(|item| vec![String::new(), named(item), count(item), size(item.bytes)]),
        );
    }
    if plan.steps.len() > 1 {
        rows.push(total(&plan.steps));
    }
    let columns = [
        ("Step", Left),
        ("", Left),
        ("Count", Right),
        ("Size", Right),
    ];
    text += &table(&columns, rows);
    text
}

fn total(steps: &[Step]) -> Vec<String> {
    let mut counts: BTreeMap<Untrusted, u64> = BTreeMap::new();
    for (unit, count) in steps.iter().flat_map(|step| &step.counts) {
        let sum: &mut u64 = counts.entry(unit.clone()).or_default();
        *sum = sum.saturating_add(*count);
    }
    let bytes = steps.iter().filter_map(|step| step.bytes);
    let bytes = bytes.reduce(u64::saturating_add);
    let name = "All of it".to_owned();
    vec![String::new(), name, self::counts(&counts), size(bytes)]
}

fn counts(counts: &BTreeMap<Untrusted, u64>) -> String {
    summed(counts).unwrap_or_else(|| "nothing".to_owned())
}

fn count(item: &Item) -> String {
    match item.outcome.raw() {
        "failed" => "failed".to_owned(),
        "preserved" => "stays".to_owned(),
        _ => counted(item.count, item.unit.raw()),
    }
}

fn named(item: &Item) -> String {
    let mut name = format!("  {}", item.name);
    if item.kept > 0 {
        let stay = if item.kept == 1 { "stays" } else { "stay" };
        let _ = write!(name, " ({} {stay})", counted(item.kept, item.unit.raw()));
    }
    if let Some(message) = &item.message {
        let _ = write!(name, " ({message})");
    }
    if item.ephemeral {
        name.push_str(" (not in backups)");
    }
    name
}

fn stays(text: &mut String, plan: &Plan) {
    if plan.preserved.is_empty() {
        return;
    }
    section(text, "Stays");
    let rows = plan.preserved.iter();
    let rows = rows.map(|kept| vec![kept.name.to_string(), kind(kept), kept.reason.to_string()]);
    *text += &table(
        &[("Name", Left), ("Kind", Left), ("Reason", Left)],
        rows.collect(),
    );
}

fn obstacles(text: &mut String, plan: &Plan) {
    if !plan.unclaimed.is_empty() {
        section(text, "Warning: belongs to nobody, and is left alone");
        let mut columns = vec![("Name", Left), ("Kind", Left)];
        let has_reasons = plan
            .unclaimed
            .iter()
            .any(|left| !left.reason.raw().is_empty());
        columns.extend(has_reasons.then_some(("Reason", Left)));
        let rows = plan.unclaimed.iter().map(|left| {
            let mut row = vec![left.name.to_string(), kind(left)];
            row.extend(has_reasons.then(|| left.reason.to_string()));
            row
        });
        *text += &table(&columns, rows.collect());
    }
    if !plan.blockers.is_empty() {
        section(text, "In the way: nothing can be reset while it is");
        let rows = plan.blockers.iter();
        let rows = rows.map(|blocker| vec![blocker.name.to_string(), blocker.reason.to_string()]);
        *text += &table(&[("Name", Left), ("Reason", Left)], rows.collect());
    }
}

fn kind(named: &Named) -> String {
    named.kind.to_string()
}

pub(super) fn section(text: &mut String, title: &str) {
    let _ = writeln!(text, "\n{HEADING}{title}{HEADING:#}");
}
