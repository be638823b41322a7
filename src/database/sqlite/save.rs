//! Saving a table: its header, the rows of each table that holds them, its counters.

use futures::TryStreamExt;
use sqlx::{AssertSqlSafe, SqliteConnection};
use tokio::io::AsyncWrite;

use super::definition::definition;
use super::stream::Output;
use super::value::{END, write_row};
use super::{DatabaseError, FORMAT, Table, Tally, count, counters, quote};

/// Saves `table` and returns how many rows it has.
pub(super) async fn save(
    connection: &mut SqliteConnection,
    table: &Table,
    output: &mut (dyn AsyncWrite + Send + Unpin),
    tally: Option<&Tally>,
) -> Result<u64, DatabaseError> {
    let rows = count::count(connection, table).await?;
    let mut output = Output::new(output);
    output.buffer().extend(header(connection, table).await?);
    for storage in table.storages() {
        // Without an index the rows come in the order of their keys, and nothing is sorted.
        let select = format!(
            "SELECT {} FROM main.{} NOT INDEXED",
            storage.column_list(),
            quote(&storage.name)
        );
        // Of a virtual table the rows are told, not those that it is made of.
        let tally = tally.filter(|_| table.virtual_table.is_none());
        save_rows(connection, &table.name, select, &[], &mut output, tally).await?;
    }
    counters::save(connection, table, &mut output).await?;
    output.finish().await.map_err(unwritten(&table.name))?;
    Ok(rows)
}

/// What a saved table begins with; the same for every table that its rows can be loaded into.
pub(super) async fn header(
    connection: &mut SqliteConnection,
    table: &Table,
) -> Result<Vec<u8>, DatabaseError> {
    let mut header = format!("{FORMAT}\n{}\n", table.name);
    header += &definition(connection, table).await?;
    for storage in table.storages() {
        header += &format!("\n{} ({})", quote(&storage.name), storage.column_list());
    }
    header.push('\n');
    Ok(header.into_bytes())
}

/// Saves the rows that `select` finds.
pub(super) async fn save_rows(
    connection: &mut SqliteConnection,
    table: &str,
    select: String,
    bound: &[&str],
    output: &mut Output<'_>,
    tally: Option<&Tally>,
) -> Result<(), DatabaseError> {
    let failed = || DatabaseError::on(format!("save table `{table}`"));
    let mut query = sqlx::query::<sqlx::Sqlite>(AssertSqlSafe(select));
    for name in bound {
        query = query.bind(*name);
    }
    let mut rows = query.fetch(connection);
    while let Some(row) = rows.try_next().await.map_err(failed())? {
        write_row(&row, output.buffer()).map_err(failed())?;
        output.settle().await.map_err(unwritten(table))?;
        if let Some(tally) = tally {
            tally(1);
        }
    }
    output.buffer().push(END);
    Ok(())
}

fn unwritten(table: &str) -> impl FnOnce(std::io::Error) -> DatabaseError {
    move |error| DatabaseError::new(format!("save table `{table}`"), error)
}
