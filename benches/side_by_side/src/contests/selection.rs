//! Five tables of thirty go: the biggest ones, and among them one with triggers and the
//! full-text index that these keep.

use std::fs;
use std::path::{Path, PathBuf};

use crate::amount::Amount;
use crate::arena::{MIGRATIONS, PRESERVED, Rows};
use crate::contest::{Contest, Work};
use crate::contestants::{Contestant, Host, Shell};
use crate::failure::Failure;

/// What is selected.
const TABLES: [&str; 5] = [
    "discovered_tweets",
    "action_log",
    "llm_usage",
    "replies_sent",
    "reply_search",
];

/// <https://sqlite.org/fts5.html#external_content_tables>
const SEARCH: &str = "
    CREATE VIRTUAL TABLE reply_search
        USING fts5 (reply_content, content = 'replies_sent', content_rowid = 'id');
    CREATE TRIGGER replies_sent_added AFTER INSERT ON replies_sent BEGIN
        INSERT INTO reply_search (rowid, reply_content) VALUES (new.id, new.reply_content);
    END;";

/// The trigger that costs, and that somebody who knows SQLite drops first.
const DELETED: &str = "
    CREATE TRIGGER replies_sent_deleted AFTER DELETE ON replies_sent BEGIN
        INSERT INTO reply_search (reply_search, rowid, reply_content)
        VALUES ('delete', old.id, old.reply_content);
    END;\n";

/// The selection, and who clears it.
pub(crate) struct Selected {
    /// The data.
    pub(crate) rows: Rows,
    /// Ours.
    pub(crate) host: Host,
}

impl Selected {
    /// Makes the data.
    pub(crate) fn make(directory: &Path, rows: Amount) -> Result<Self, Failure> {
        let migrations = migrations(directory)?;
        let rows = Rows::extended(directory, &migrations, rows)?.selecting(&TABLES);
        let host = Host::new()?.database(migrations).preserving(PRESERVED);
        Ok(Self {
            rows,
            host: host.only(&TABLES),
        })
    }
}

/// Against the same tables by hand.
pub(crate) fn selection(directory: &Path, rows: Amount) -> Result<Contest, Failure> {
    let Selected { rows: arena, host } = Selected::make(directory, rows)?;
    let script = Shell::new(arena.cleared())
        .around("DROP TRIGGER replies_sent_deleted;\n", DELETED)
        .instead(
            "reply_search",
            "INSERT INTO reply_search (reply_search) VALUES ('delete-all');",
        );
    let contestants: Vec<Contestant> = vec![host.reset(), script.clone().bare(), script.whole()];
    Ok(Contest {
        id: "selection",
        title: "Reset of 5 tables of 31, one with triggers, one a full-text index, SQLite",
        size: rows,
        unit: "rows",
        contestants,
        arena: Box::new(arena),
        work: Work::ClearWhileWritten,
    })
}

/// The schema of the demo service, and the index.
fn migrations(directory: &Path) -> Result<PathBuf, Failure> {
    let migrations = directory.join("search-migrations");
    fs::create_dir_all(&migrations)?;
    for entry in fs::read_dir(MIGRATIONS)? {
        let entry = entry?;
        fs::copy(entry.path(), migrations.join(entry.file_name()))?;
    }
    fs::write(
        migrations.join("9999_search.sql"),
        [SEARCH, DELETED].concat(),
    )?;
    Ok(migrations)
}
