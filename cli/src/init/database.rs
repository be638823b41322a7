//! What is in the database.

use std::collections::{BTreeMap, BTreeSet};

use factory_reset::{Database, DatabaseError, Transaction};
use sqlx::{AssertSqlSafe, Row};

use super::Table;

/// Read with the search path of the role, for which every name is qualified.
const SCHEMA: &str = "SELECT pg_catalog.current_schema()::pg_catalog.text";

/// From here on only the server's own functions and operators are found: the database belongs to
/// another role.
const SEARCH_PATH: &str = "SET LOCAL search_path = pg_catalog, pg_temp";

/// `$1` is the schema of the role.
const POSTGRES: &str = "
    SELECT DISTINCT named.child, named.parent FROM (
        SELECT
            CASE WHEN cn.nspname = $1 THEN '' ELSE cn.nspname || '.' END || c.relname AS child,
            CASE WHEN pn.nspname = $1 THEN '' ELSE pn.nspname || '.' END || p.relname AS parent
        FROM pg_catalog.pg_constraint AS key
        JOIN pg_catalog.pg_class AS c ON c.oid = key.conrelid
        JOIN pg_catalog.pg_namespace AS cn ON cn.oid = c.relnamespace
        JOIN pg_catalog.pg_class AS p ON p.oid = key.confrelid
        JOIN pg_catalog.pg_namespace AS pn ON pn.oid = p.relnamespace
        WHERE key.contype = 'f' AND key.conparentid = 0
    ) AS named";

/// Every table with its rows.
pub(super) async fn survey(database: &dyn Database) -> Result<Vec<Table>, DatabaseError> {
    let mut transaction = database.read().await?;
    let names = transaction.tables().await?;
    let references = references(&mut *transaction, &names).await?;
    let mut tables = Vec::new();
    for name in names {
        let rows = transaction.count(&name).await?;
        let refers_to = references.get(&name).cloned().unwrap_or_default();
        tables.push(Table {
            rows,
            refers_to: refers_to.into_iter().filter(|it| *it != name).collect(),
            name,
        });
    }
    transaction.rollback().await?;
    Ok(tables)
}

async fn references(
    transaction: &mut dyn Transaction,
    tables: &BTreeSet<String>,
) -> Result<BTreeMap<String, BTreeSet<String>>, DatabaseError> {
    let failed = |error| DatabaseError::new("read the foreign keys", error);
    let pairs: Vec<(String, String)> = if let Some(connection) = transaction.sqlite().await? {
        let mut pairs = Vec::new();
        for table in tables {
            // Not its function: a table of the database may have that name.
            let quoted = table.replace('"', "\"\"");
            let list = format!("PRAGMA main.foreign_key_list(\"{quoted}\")");
            let keys = sqlx::query(AssertSqlSafe(list)).fetch_all(&mut *connection);
            for key in keys.await.map_err(failed)? {
                pairs.push((table.clone(), key.try_get("table").map_err(failed)?));
            }
        }
        pairs
    } else if let Some(connection) = transaction.postgres().await? {
        let schema: Option<String> = sqlx::query_scalar(SCHEMA)
            .fetch_one(&mut *connection)
            .await
            .map_err(failed)?;
        let query = sqlx::query(SEARCH_PATH).execute(&mut *connection);
        query.await.map_err(failed)?;
        let query = sqlx::query_as(POSTGRES).bind(schema).fetch_all(connection);
        query.await.map_err(failed)?
    } else {
        Vec::new()
    };
    let mut references: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (child, parent) in pairs {
        references.entry(child).or_default().insert(parent);
    }
    Ok(references)
}
