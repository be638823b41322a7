//! Rewriting the database file.

use sqlx::{AssertSqlSafe, Connection, Row, Sqlite, SqliteConnection, Transaction};

use super::pragma::{self, Kind, Listed};
use super::schema_order::SchemaOrder;
use super::{DatabaseError, quote};

/// What the names of the indexes begin with that keep row numbers.
pub(super) const KEEPER: &str = "_factory_reset_keeps_";

/// What is known of the rewriting of the file after the last reset.
#[derive(Debug, Default)]
pub(super) enum Rewriting {
    /// Nothing: an earlier process may have been cut short in the middle of it.
    #[default]
    Unknown,
    /// It is still to come, and leaves the schema in this order.
    Due(SchemaOrder),
    /// A factory image has no page that is free.
    Needless,
    /// It is done. When the log cannot be emptied, for somebody reads from it, another
    /// rewriting would only make it longer.
    Done,
}

impl Rewriting {
    pub(super) fn is_done(&self) -> bool {
        matches!(self, Self::Done)
    }

    /// Rewrites the file where that is needed. `fresh` is the order of a fresh install's schema.
    pub(super) async fn proceed(
        &mut self,
        connection: &mut SqliteConnection,
        fresh: &SchemaOrder,
    ) -> Result<(), DatabaseError> {
        match self {
            Self::Due(order) => vacuum(connection, Some(&*order), fresh).await?,
            Self::Unknown => vacuum(connection, None, fresh).await?,
            Self::Needless | Self::Done => {}
        }
        *self = Self::Done;
        Ok(())
    }
}

/// Rewrites the database file: free pages, in which deleted rows can still be read, go.
///
/// `VACUUM` numbers the rows of a table anew that has neither a key nor an index, and a
/// full-text index over such a table would find other rows: an empty index keeps the numbers.
/// It also brings the schema into an order of its own: the schema is left in the order `last`,
/// or, where an earlier process may have been cut short, in that of a fresh install.
async fn vacuum(
    connection: &mut SqliteConnection,
    last: Option<&SchemaOrder>,
    fresh: &SchemaOrder,
) -> Result<(), DatabaseError> {
    // Those of a crash before: they have no place in the order.
    let mut transaction = begin(connection).await?;
    drop_keepers(&mut transaction).await?;
    let order = match last {
        Some(last) => last.clone(),
        None => SchemaOrder::read(&mut transaction).await?.like(fresh),
    };
    for (number, table) in with_gaps(&mut transaction).await?.iter().enumerate() {
        let table = quote(table);
        let keep = format!("CREATE INDEX \"{KEEPER}{number}\" ON {table} ((0)) WHERE 0");
        run(&mut transaction, &keep).await?;
    }
    transaction.commit().await.map_err(failed())?;
    let vacuumed = run(connection, "VACUUM").await;
    let mut transaction = begin(connection).await?;
    drop_keepers(&mut transaction).await?;
    order.restore(&mut transaction).await?;
    transaction.commit().await.map_err(failed())?;
    vacuumed
}

/// The order in which the schema is to be left after a rewriting that is still to come.
pub(super) async fn order(connection: &mut SqliteConnection) -> Result<SchemaOrder, DatabaseError> {
    Ok(SchemaOrder::read(connection).await?.without(KEEPER))
}

async fn begin(
    connection: &mut SqliteConnection,
) -> Result<Transaction<'_, Sqlite>, DatabaseError> {
    connection
        .begin_with("BEGIN IMMEDIATE")
        .await
        .map_err(failed())
}

async fn drop_keepers(connection: &mut SqliteConnection) -> Result<(), DatabaseError> {
    let keepers: Vec<String> = sqlx::query_scalar(
        "SELECT name FROM main.sqlite_schema WHERE type = 'index' AND substr(name, 1, ?) = ?",
    )
    .bind(i64::try_from(KEEPER.len()).unwrap_or_default())
    .bind(KEEPER)
    .fetch_all(&mut *connection)
    .await
    .map_err(failed())?;
    for keeper in keepers {
        run(connection, &format!("DROP INDEX {}", quote(&keeper))).await?;
    }
    Ok(())
}

/// The tables whose rows `VACUUM` would number anew, and to some effect.
async fn with_gaps(connection: &mut SqliteConnection) -> Result<Vec<String>, DatabaseError> {
    let listed = pragma::tables(connection, "main").await?;
    let numbered = |table: &&Listed| table.kind != Kind::Virtual && !table.is_without_rowid;
    let names = listed.iter().filter(numbered);
    let names: Vec<&str> = names.map(|table| table.name.as_str()).collect();
    let indexes = pragma::for_each(connection, "main", "index_list", &names).await;
    let columns = pragma::for_each(connection, "main", "table_info", &names).await;
    let indexes = indexes.map_err(failed())?.into_iter();
    let mut tables = Vec::new();
    for ((name, indexes), columns) in names.iter().zip(indexes).zip(columns.map_err(failed())?) {
        let mut has_key = false;
        for column in columns {
            has_key |= column.try_get::<i64, _>("pk").map_err(failed())? > 0;
        }
        if indexes.is_empty() && !has_key {
            tables.push(*name);
        }
    }
    let mut gaps = Vec::new();
    for table in tables {
        let ends = format!(
            "SELECT coalesce(min(_rowid_), 1) <> 1 OR coalesce(max(_rowid_), 0) <> count(*) \
             FROM main.{}",
            quote(table)
        );
        // A column of that name hides the number: then the table is taken as one with gaps.
        let has_gaps: bool = sqlx::query_scalar(AssertSqlSafe(ends))
            .fetch_one(&mut *connection)
            .await
            .map_err(failed())?;
        if has_gaps {
            gaps.push(table.to_owned());
        }
    }
    Ok(gaps)
}

async fn run(connection: &mut SqliteConnection, sql: &str) -> Result<(), DatabaseError> {
    sqlx::query(AssertSqlSafe(sql))
        .execute(connection)
        .await
        .map_err(failed())?;
    Ok(())
}

fn failed() -> impl FnOnce(sqlx::Error) -> DatabaseError {
    DatabaseError::on("vacuum the database")
}
