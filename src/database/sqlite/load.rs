//! Loading a table from what was saved of it.

use sqlx::sqlite::SqliteArguments;
use sqlx::{AssertSqlSafe, SqliteConnection};
use tokio::io::AsyncRead;

use super::catalogue::Storage;
use super::save::header;
use super::stream::{Input, Malformed};
use super::value::{Value, read_row};
use super::{DatabaseError, Table, Tally, count, counters, quote};

/// SQLite's own limit for the parameters of a statement, see
/// <https://sqlite.org/limits.html#max_variable_number>.
const MAX_PARAMETERS: usize = 32_766;

/// More rows in a statement make it no faster.
const MAX_ROWS: usize = 256;

/// How many bytes of rows are held at most, but for one row.
const MAX_BYTES: usize = 1024 * 1024;

/// Fills the empty `table` and returns how many rows it has.
pub(super) async fn load(
    connection: &mut SqliteConnection,
    table: &Table,
    input: &mut (dyn AsyncRead + Send + Unpin),
    tally: Option<&Tally>,
) -> Result<u64, DatabaseError> {
    let mut input = Input::new(input);
    let expected = header(connection, table).await?;
    let there = input.take(expected.len()).await;
    if there.map_err(malformed(table))? != expected {
        return Err(malformed(table)(Malformed::OtherTable));
    }
    for storage in table.storages() {
        let tally = tally.filter(|_| table.virtual_table.is_none());
        load_rows(connection, table, storage, &mut input, tally).await?;
    }
    counters::load(connection, table, &mut input).await?;
    input.finish().await.map_err(malformed(table))?;
    if table.virtual_table.is_some() {
        // SQLite has read how large the nodes of an R-Tree are from the rows that were there
        // before: it is to look again.
        sqlx::query("PRAGMA writable_schema = RESET")
            .execute(&mut *connection)
            .await
            .map_err(DatabaseError::on(format!("load table `{}`", table.name)))?;
    }
    count::count(connection, table).await
}

async fn load_rows(
    connection: &mut SqliteConnection,
    table: &Table,
    storage: &Storage,
    input: &mut Input<'_>,
    tally: Option<&Tally>,
) -> Result<(), DatabaseError> {
    let mut batch = Batch::new(storage);
    let columns = batch.columns;
    loop {
        let first = batch.values.len();
        let row = read_row(input, columns, &mut batch.values).await;
        let Some(size) = row.map_err(malformed(table))? else {
            return batch.insert(connection).await;
        };
        // SQLite would give the row a number of its own.
        if storage.rowid.is_some() && !matches!(batch.values[first], Value::Integer(_)) {
            return Err(malformed(table)(Malformed::NoNumber));
        }
        if let Some(tally) = tally {
            tally(1);
        }
        batch.bytes += size;
        if batch.is_full() {
            batch.insert(connection).await?;
        }
    }
}

pub(super) fn malformed(table: &Table) -> impl FnOnce(Malformed) -> DatabaseError {
    let action = format!("load table `{}`", table.name);
    move |error| DatabaseError::new(action, error)
}

/// Rows that one statement inserts.
struct Batch<'a> {
    storage: &'a Storage,
    columns: usize,
    /// The number of rows in a full one.
    rows: usize,
    values: Vec<Value>,
    bytes: usize,
}

impl<'a> Batch<'a> {
    fn new(storage: &'a Storage) -> Self {
        let columns = storage.columns.len() + usize::from(storage.rowid.is_some());
        Self {
            storage,
            columns,
            rows: (MAX_PARAMETERS / columns.max(1)).clamp(1, MAX_ROWS),
            values: Vec::new(),
            bytes: 0,
        }
    }

    fn is_full(&self) -> bool {
        self.values.len() == self.rows * self.columns || self.bytes > MAX_BYTES
    }

    /// Inserts the rows, whatever the schema wants to be done about those with the same key:
    /// none is to be left out.
    async fn insert(&mut self, connection: &mut SqliteConnection) -> Result<(), DatabaseError> {
        if self.values.is_empty() {
            return Ok(());
        }
        let failed = || DatabaseError::on(format!("load table `{}`", self.storage.name));
        let mut sql = format!(
            "INSERT OR ABORT INTO main.{} ({}) VALUES ",
            quote(&self.storage.name),
            self.storage.column_list()
        );
        for (index, value) in self.values.iter().enumerate() {
            sql += match (index, index % self.columns) {
                (0, _) => "(",
                (_, 0) => "),(",
                _ => ",",
            };
            sql += value.placeholder();
        }
        sql.push(')');
        let is_full = self.values.len() == self.rows * self.columns;
        let mut arguments = SqliteArguments::default();
        for value in self.values.drain(..) {
            value.bind(&mut arguments).map_err(failed())?;
        }
        self.bytes = 0;
        sqlx::query_with(AssertSqlSafe(sql), arguments)
            .persistent(is_full)
            .execute(connection)
            .await
            .map_err(failed())?;
        Ok(())
    }
}
