//! A SQLite database with 30 tables and rows in all of them: some tables big, most small, and one
//! that is preserved.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions};

use super::original::{self, Filling, PRESERVED};
use super::{Arena, Field, Left, linked};
use crate::amount::Amount;
use crate::failure::Failure;
use crate::runtime::block_on;

/// What makes the schema of the demo service.
pub(crate) const MIGRATIONS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../migrations");

/// How many rows the migrations seed.
const FACTORY_ROWS: i64 = 3;

/// Words that stand in rows of most tables, and in no schema.
pub(super) const WORDS: &str = "write the runbook before the incident";

/// A database that is made once, and copied for each contestant.
pub(crate) struct Rows {
    original: PathBuf,
    migrations: PathBuf,
    field: Field,
    tables: Vec<String>,
    /// Those that are to be cleared.
    cleared: Vec<String>,
    /// How many rows there are to preserve.
    preserved: i64,
}

impl Rows {
    /// The demo service's, below `directory`.
    pub(crate) fn demo(directory: &Path, rows: Amount) -> Result<Self, Failure> {
        Self::make(directory, Path::new(MIGRATIONS), Filling::Demo(rows))
    }

    /// The demo service's with the schema of `migrations`, which adds to its own.
    pub(crate) fn extended(
        directory: &Path,
        migrations: &Path,
        rows: Amount,
    ) -> Result<Self, Failure> {
        Self::make(directory, migrations, Filling::Demo(rows))
    }

    /// The linked tables' below `directory`.
    pub(crate) fn linked(directory: &Path, rows: Amount) -> Result<Self, Failure> {
        let migrations = linked::migrations(directory)?;
        Self::make(directory, &migrations, Filling::Linked(rows))
    }

    /// Contests of the same schema and size share the original.
    fn make(directory: &Path, migrations: &Path, filling: Filling) -> Result<Self, Failure> {
        let (Filling::Demo(rows) | Filling::Linked(rows)) = filling;
        fs::create_dir_all(directory)?;
        let schema = migrations.file_name().unwrap_or_default().display();
        let original = directory.join(format!("{schema}-{rows}.db"));
        let (tables, preserved) = block_on(original::make(&original, migrations, filling))?;
        let host = directory.join("host");
        let field = Field {
            database: host.join("service.db").display().to_string(),
            media: host.join("media"),
            directory: host,
        };
        Ok(Self {
            original,
            migrations: migrations.to_owned(),
            field,
            cleared: tables.clone(),
            tables,
            preserved,
        })
    }

    /// Where no more than `tables` is to be cleared.
    pub(crate) fn selecting(mut self, tables: &[&str]) -> Self {
        self.cleared = tables.iter().map(|&table| table.to_owned()).collect();
        self
    }

    /// What makes its schema.
    pub(crate) fn migrations(&self) -> &Path {
        &self.migrations
    }

    /// The tables that are to be cleared, children before their parents.
    pub(crate) fn cleared(&self) -> &[String] {
        &self.cleared
    }

    fn counts(&self, database: &str) -> Result<Vec<(String, i64)>, Failure> {
        block_on(async {
            let options = SqliteConnectOptions::new().filename(database);
            let mut connection = options.connect().await?;
            let mut counts = Vec::new();
            for table in self.tables.iter().map(String::as_str).chain([PRESERVED]) {
                let sql = AssertSqlSafe(format!("SELECT count(*) FROM \"{table}\""));
                let rows = sqlx::query_scalar(sql).fetch_one(&mut connection).await?;
                counts.push((table.to_owned(), rows));
            }
            sqlx::Connection::close(connection).await?;
            Ok::<_, Failure>(counts)
        })
    }
}

impl Arena for Rows {
    fn prepare(&self) -> Result<Field, Failure> {
        fs::create_dir_all(&self.field.directory)?;
        fs::copy(&self.original, &self.field.database)?;
        // Nobody is to pay for what the copying, or another's field, has left to write.
        rustix::fs::syncfs(File::open(&self.field.directory)?)?;
        Ok(self.field.clone())
    }

    fn inspect(&self, field: &Field) -> Result<Left, Failure> {
        // Before anybody opens the database, and empties the log by closing it.
        let files = ["", "-wal"].map(|suffix| format!("{}{suffix}", field.database));
        let files: Vec<_> = files
            .iter()
            .filter(|file| Path::new(file).exists())
            .collect();
        let sizes = files
            .iter()
            .map(|file| fs::metadata(file).map(|file| file.len()));
        let bytes = sizes.sum::<Result<u64, _>>()?;
        let found = Command::new("grep")
            .args(["--quiet", "--text", "--fixed-strings", WORDS])
            .args(&files)
            .status()?;
        let is_whole = self.cleared.len() == self.tables.len();
        let mut factory_rows = 0;
        for (table, rows) in self.counts(&field.database)? {
            if table == PRESERVED {
                if rows != self.preserved {
                    return Err(format!("`{table}` has {rows} rows: it was to be preserved").into());
                }
            } else if !self.cleared.contains(&table) {
                if rows == 0 {
                    return Err(format!("`{table}` is empty, and nobody has selected it").into());
                }
            } else {
                factory_rows += rows;
            }
        }
        if factory_rows > FACTORY_ROWS {
            return Err(format!("{factory_rows} rows are left").into());
        }
        Ok(Left {
            bytes: Some(bytes),
            is_readable: is_whole.then_some(found.success()),
            has_factory_rows: is_whole.then_some(factory_rows == FACTORY_ROWS),
        })
    }

    fn clean(&self, field: &Field) -> Result<(), Failure> {
        Ok(fs::remove_dir_all(&field.directory)?)
    }
}
