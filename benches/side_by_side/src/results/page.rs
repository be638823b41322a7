//! Everything on one page of Markdown.

use super::goals::goals;
use super::growth::growth;
use super::machine::Machine;
use super::table::{notes, table};
use crate::ranking::Ranking;

const INTRODUCTION: &str = "\
Medians of all rounds, with the fastest and the slowest. Each contestant runs in a process of its
own on a fresh copy of the same data, synced and in the page cache, in turn, round by round; the
start of the process is charged to nobody. `synchronous = EXTRA`, WAL, and `secure_delete` off for
all, unless a title says otherwise. The writer's wait comes from further rounds, in which another
connection writes one row every millisecond; that of requests from one that enters the gate all the
time. Memory is the peak of the process over what it had
before it began. Whether old bytes can be read, and what is left on the disk, is looked up in the
files afterwards. SQLite has the tables of the demo service, few of which refer to others; or linked
ones, as titles say: 31 of a shop, of which all but two refer to one or two others, every foreign key
indexed, `ON DELETE CASCADE`, `SET NULL` or neither, most rows in six big children with two or three
indexes, about 225 bytes a row.
";

/// The page.
pub(crate) fn page(rankings: &[Ranking], machine: &Machine) -> String {
    let mut text = format!("# Side by side\n\n{}\n{INTRODUCTION}\n", machine.list());
    text += &format!("## Goals\n\n{}", goals(rankings));
    let mut ids: Vec<&str> = rankings.iter().map(|ranking| ranking.id).collect();
    ids.dedup();
    for id in ids {
        let of_kind: Vec<_> = rankings.iter().filter(|ranking| ranking.id == id).collect();
        let Some(first) = of_kind.first() else {
            continue;
        };
        text += &format!("\n## {}\n\n{}", first.title, table(&of_kind));
        let notes = notes(&of_kind);
        if !notes.is_empty() {
            text += &format!("\n{notes}");
        }
        if let Some(growth) = growth(&of_kind) {
            text += &format!("\n{growth}");
        }
    }
    text + "\n## What each does, and does not do\n\n" + &legend(rankings)
}

/// What each contestant does, and does not do; one that does it in several contests is named once.
fn legend(rankings: &[Ranking]) -> String {
    let mut lines: Vec<String> = Vec::new();
    for standing in rankings.iter().flat_map(|ranking| &ranking.standings) {
        let line = format!("- **{}**: {}\n", standing.name, standing.does);
        if !lines.contains(&line) {
            lines.push(line);
        }
    }
    lines.concat()
}
