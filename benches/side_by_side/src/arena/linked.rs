//! Thirty tables of a shop, linked to each other as services link theirs: every table but the
//! first has a foreign key or two, each with an index, and most rows are in a few big children.

use std::fs;
use std::path::{Path, PathBuf};

use super::sqlite::WORDS;
use crate::amount::Amount;
use crate::failure::Failure;

/// A table: its name, its share of all rows in thousandths, what it refers to, and which other
/// columns have an index.
type Table = (
    &'static str,
    u64,
    &'static [Reference],
    &'static [&'static str],
);

/// The table that is referred to, and what becomes of a row when that which it refers to goes.
type Reference = (&'static str, &'static str);

const CASCADE: &str = " ON DELETE CASCADE";
const SET_NULL: &str = " ON DELETE SET NULL";
const REFUSE: &str = "";

/// The time at which a row was made.
const TIME: &str = "created_at";

/// What a row is called outside, such as in links: unique, and in no order.
const TOKEN: &str = "token";

/// Parents before their children; six of these have most of the rows.
const TABLES: [Table; 30] = [
    ("organisation", 1, &[], &[TOKEN]),
    ("team", 1, &[("organisation", CASCADE)], &[]),
    ("role", 1, &[("organisation", CASCADE)], &[]),
    (
        "account",
        1,
        &[("organisation", CASCADE), ("team", SET_NULL)],
        &[TOKEN],
    ),
    (
        "membership",
        1,
        &[("account", CASCADE), ("role", REFUSE)],
        &[],
    ),
    ("api_key", 1, &[("account", CASCADE)], &[TOKEN]),
    ("device", 3, &[("account", CASCADE)], &[TOKEN]),
    ("notification", 90, &[("account", CASCADE)], &[TIME]),
    ("activity", 155, &[("account", CASCADE)], &[TIME, TOKEN]),
    ("customer", 20, &[("account", SET_NULL)], &[TIME, TOKEN]),
    ("address", 10, &[("customer", CASCADE)], &[TIME]),
    ("contact", 5, &[("customer", CASCADE)], &[]),
    ("category", 1, &[("organisation", CASCADE)], &[]),
    ("product", 2, &[("category", REFUSE)], &[TOKEN]),
    ("product_image", 1, &[("product", CASCADE)], &[]),
    ("price", 3, &[("product", CASCADE)], &[]),
    ("warehouse", 1, &[("organisation", CASCADE)], &[]),
    (
        "stock",
        3,
        &[("warehouse", CASCADE), ("product", CASCADE)],
        &[],
    ),
    ("stock_movement", 120, &[("stock", CASCADE)], &[TIME]),
    ("cart", 5, &[("customer", CASCADE)], &[]),
    (
        "cart_line",
        15,
        &[("cart", CASCADE), ("product", CASCADE)],
        &[],
    ),
    ("purchase", 40, &[("customer", REFUSE)], &[TIME, TOKEN]),
    (
        "purchase_line",
        180,
        &[("purchase", CASCADE), ("product", REFUSE)],
        &[TIME],
    ),
    ("payment", 35, &[("purchase", REFUSE)], &[TIME, TOKEN]),
    ("refund", 5, &[("payment", REFUSE)], &[]),
    ("shipment", 20, &[("purchase", CASCADE)], &[TIME, TOKEN]),
    (
        "shipment_event",
        100,
        &[("shipment", CASCADE)],
        &[TIME, TOKEN],
    ),
    ("ticket", 20, &[("customer", CASCADE)], &[TIME, TOKEN]),
    (
        "message",
        140,
        &[("ticket", CASCADE), ("account", SET_NULL)],
        &[TIME],
    ),
    ("attachment", 20, &[("message", CASCADE)], &[TIME, TOKEN]),
];

/// The table that is preserved, and what a fresh install has.
const REST: &str = "
    CREATE TABLE sessions (id TEXT PRIMARY KEY NOT NULL, created_at TEXT NOT NULL,
        expires_at TEXT NOT NULL) WITHOUT ROWID;
    INSERT INTO organisation (token, status, amount, note, created_at)
        VALUES ('default', 'open', 0, 'The first one', 1767225600);
    INSERT INTO role (organisation_id, token, status, amount, note, created_at)
        VALUES (1, 'admin', 'open', 0, 'May do everything', 1767225600),
               (1, 'viewer', 'open', 0, 'May look', 1767225600);";

/// Writes the migration that makes them below `directory`, and returns the folder that it is in.
pub(super) fn migrations(directory: &Path) -> Result<PathBuf, Failure> {
    let migrations = directory.join("linked");
    fs::create_dir_all(&migrations)?;
    let schema: String = TABLES.iter().map(schema).chain([REST.to_owned()]).collect();
    fs::write(migrations.join("0001_schema.sql"), schema)?;
    Ok(migrations)
}

/// Statements that fill them with `rows` in all, and the preserved table with some.
pub(super) fn rows(rows: Amount) -> String {
    let count = |share: u64| (rows.0 * share / 1000).max(1);
    let mut statements = "BEGIN;\n".to_owned();
    for (name, share, references, _) in &TABLES {
        let parents = references.iter().map(|(parent, _)| {
            let parents = TABLES.iter().find(|(name, ..)| name == parent);
            let parents = parents.map_or(1, |(_, share, ..)| count(*share));
            // Children come in no order of their parents.
            format!("1 + {MIXED} % {parents}, ")
        });
        statements += &format!(
            "{} INSERT INTO {name} ({}) SELECT {}
             printf('%08x-0000-4000-8000-%012d', {MIXED}, n), {STATUS}, n * 37 % 100000,
             'Number ' || n || ': {WORDS}. {PROSE}', 1767225600 + n * 15 FROM step;\n",
            steps(count(*share)),
            columns(references),
            parents.collect::<String>(),
        );
    }
    statements += &format!(
        "{} INSERT INTO sessions SELECT printf('%064x', n), '2026-01-01', '2026-02-01' FROM step;
         COMMIT;",
        steps(12)
    );
    statements
}

/// A number below 2³² for each `n`, another one for each, in no order.
const MIXED: &str = "(n * 2654435761 % 4294967296)";

const STATUS: &str = "CASE n % 3 WHEN 0 THEN 'open' WHEN 1 THEN 'waiting' ELSE 'done' END";

const PROSE: &str = "Somebody asked for it in the morning and had it before noon, so there is no \
                     more to be said of it; it is kept";

fn steps(count: u64) -> String {
    format!(
        "WITH RECURSIVE step (n) AS
             (SELECT 1 UNION ALL SELECT n + 1 FROM step WHERE n < {count})"
    )
}

fn columns(references: &[Reference]) -> String {
    let references = references
        .iter()
        .map(|(parent, _)| format!("{parent}_id, "));
    references.collect::<String>() + "token, status, amount, note, created_at"
}

fn schema((name, _, references, indexed): &Table) -> String {
    let columns: String = references
        .iter()
        .map(|(parent, action)| {
            let null = if *action == SET_NULL { "" } else { "NOT NULL " };
            format!("    {parent}_id INTEGER {null}REFERENCES {parent} (id){action},\n")
        })
        .collect();
    let references = references.iter().map(|(parent, _)| format!("{parent}_id"));
    let indexed = indexed.iter().map(|&column| column.to_owned());
    let indexes: String = references
        .chain(indexed)
        .map(|column| {
            let unique = if column == TOKEN { "UNIQUE " } else { "" };
            format!("CREATE {unique}INDEX {name}_{column} ON {name} ({column});\n")
        })
        .collect();
    format!(
        "CREATE TABLE {name} (\n    id INTEGER PRIMARY KEY AUTOINCREMENT,\n{columns}    token TEXT NOT NULL,
    status TEXT NOT NULL,\n    amount INTEGER NOT NULL,\n    note TEXT NOT NULL,
    created_at INTEGER NOT NULL\n);\n{indexes}\n"
    )
}
