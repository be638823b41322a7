//! The manifest as text: everything that there is, and every decision left open.

use std::fmt::Write;

use factory_reset::Printable;

use super::figures::{counted, size};
use super::trackers::is_tracker;
use super::{Found, Survey, Table};

/// Why tables that track migrations stay.
const TRACKS: &str = "tracks which migrations have run";

/// The manifest. With `claims_all` what could be cleared is, otherwise it is commented out.
pub(super) fn manifest(survey: &Survey, claims_all: bool) -> String {
    let mut text = String::new();
    // Writing to a string cannot fail.
    let _ = write(&mut text, survey, claims_all);
    text
}

fn write(text: &mut String, survey: &Survey, claims_all: bool) -> std::fmt::Result {
    let name = &survey.name;
    writeln!(
        text,
        "# What a factory reset of {} clears, and what it keeps.",
        shown(name)
    )?;
    writeln!(
        text,
        "# What is listed nowhere is never touched, and shown as unclaimed."
    )?;
    writeln!(
        text,
        "# Look before you run: `factory-reset preview` changes nothing.\n"
    )?;
    writeln!(text, "name = {}", quoted(name))?;
    writeln!(text, "data_dir = {}", quoted(&survey.data_dir))?;
    writeln!(text, "# What has to be typed.")?;
    // A phrase that can be typed.
    let phrase = format!("RESET {}", shown(name).to_string().to_uppercase());
    writeln!(text, "confirmation = {}", quoted(&phrase))?;
    writeln!(text, "# Where backups go, below the data directory.")?;
    writeln!(text, "backups = {}", quoted(survey.backups))?;
    if let Some(address) = &survey.address {
        writeln!(text, "\n[database]\n{address}")?;
        factory(text, claims_all)?;
        tables(text, &survey.tables, claims_all)?;
    }
    paths(text, &survey.paths, claims_all)?;
    text.push_str(
        "\n# Commands that stop and start the service around a reset, without a shell.\n\
         # [service]\n\
         # stop = [\"systemctl\", \"stop\", \"example\"]\n\
         # start = [\"systemctl\", \"start\", \"example\"]\n\
         \n# The service's keys in a Redis server.\n\
         # [redis]\n\
         # url = \"redis://127.0.0.1:6379/\"\n\
         # prefix = \"example:\"\n",
    );
    Ok(())
}

fn factory(text: &mut String, claims_all: bool) -> std::fmt::Result {
    let none = if claims_all { "" } else { "# " };
    writeln!(
        text,
        "\n# Where the rows of a fresh install come from: one of these.\n\
         [factory]\n\
         {none}none = true # a fresh install has no rows\n\
         # script = \"factory.sql\" # an SQL file that makes them\n\
         # database = \"pristine\" # a database that nobody has used"
    )
}

fn tables(text: &mut String, tables: &[Table], claims_all: bool) -> std::fmt::Result {
    let (trackers, others): (Vec<&Table>, Vec<&Table>) =
        tables.iter().partition(|table| is_tracker(&table.name));
    writeln!(text, "\n[tables]")?;
    writeln!(
        text,
        "# `clear = \"all\"` is every table of a fresh install that is not preserved."
    )?;
    let names = others.iter().map(|table| quoted(&table.name));
    let remarks = others.iter().map(|table| {
        let rows = counted(table.rows, "row", "rows");
        match table.refers_to.as_slice() {
            [] => rows,
            others => format!("{rows}; refers to {}", shown(&others.join(", "))),
        }
    });
    list(text, "clear", names.zip(remarks).collect(), claims_all)?;
    writeln!(text, "\n[tables.preserve]")?;
    writeln!(text, "# \"table\" = \"why it stays\"")?;
    for table in trackers {
        let (name, reason) = (quoted(&table.name), quoted(TRACKS));
        let rows = counted(table.rows, "row", "rows");
        writeln!(text, "{name} = {reason} # {rows}")?;
    }
    Ok(())
}

fn paths(text: &mut String, paths: &[Found], claims_all: bool) -> std::fmt::Result {
    writeln!(text, "\n[paths]")?;
    let names = paths.iter().map(|found| quoted(&found.name));
    let remarks = paths.iter().map(|found| {
        let bytes = size(found.bytes);
        match found.is_directory {
            true => format!(
                "directory, {}, {bytes}",
                counted(found.files, "file", "files")
            ),
            false => bytes,
        }
    });
    list(text, "clear", names.zip(remarks).collect(), claims_all)?;
    writeln!(text, "# Directories that stay, empty.")?;
    writeln!(text, "clear_contents = []")?;
    writeln!(text, "\n[paths.preserve]")?;
    writeln!(text, "# \"path\" = \"why it stays\"")?;
    writeln!(text, "\n# What stays, and goes into no backup.")?;
    writeln!(text, "[paths.secrets]")?;
    writeln!(text, "# \"path\" = \"why it stays\"")
}

/// A list with a remark on each entry.
fn list(
    text: &mut String,
    field: &str,
    entries: Vec<(String, String)>,
    is_active: bool,
) -> std::fmt::Result {
    let longest = entries.iter().map(|(name, _)| name.chars().count());
    let width = longest.max().unwrap_or_default() + 1;
    let mark = if is_active { "" } else { "# " };
    writeln!(text, "{field} = [")?;
    for (name, remark) in entries {
        writeln!(text, "    {mark}{:width$} # {remark}", name + ",")?;
    }
    writeln!(text, "]")
}

/// `text` as a TOML string in one line.
pub(super) fn quoted(text: &str) -> String {
    let is_hidden = !is_plain(text);
    let mut quoted = String::from("\"");
    for letter in text.chars() {
        match letter {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            // Whoever reads the manifest must see what a reset clears.
            letter if is_hidden && !is_plain(letter.encode_utf8(&mut [0; 4])) => {
                quoted.push_str(&format!("\\U{:08X}", u32::from(letter)));
            }
            letter => quoted.push(letter),
        }
    }
    quoted.push('"');
    quoted
}

fn is_plain(text: &str) -> bool {
    Printable::new(text).is_plain()
}

/// `text` for a comment: in one line.
fn shown(text: &str) -> Printable<'_> {
    Printable::new(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_reads_back_from_the_manifest() {
        for name in [
            "plain",
            "it's \"odd\"",
            "two\nlines",
            "a\\b",
            "größe",
            "\u{7f}",
            "",
            "\"\"\"\n[service]\nstop = ['sh']",
            "'''",
            "\r\n# x\u{85}\u{2028}y",
            "\u{202e}gpj.exe\u{2066}\u{e0041}\u{feff}",
            "e\u{301}",
            "\u{301}e\u{301}\u{301}\u{301}\u{301}\u{301}",
        ] {
            let text = format!("name = {}", quoted(name));
            let read: toml::Table = toml::from_str(&text).unwrap();
            assert_eq!(read["name"].as_str(), Some(name));
            assert!(Printable::new(&text).is_plain(), "{text}");
            let comment = format!("# {}\nb = 1", shown(name));
            let read: toml::Table = toml::from_str(&comment).unwrap();
            assert_eq!(read.len(), 1, "{comment}");
        }
    }
}
