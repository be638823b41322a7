//! What a PostgreSQL database holds.

use std::collections::BTreeMap;

use sqlx::{AssertSqlSafe, PgConnection};

/// The tables, but for those that track migrations and resets.
const TABLES: &str = "
    SELECT format('%I.%I', n.nspname, c.relname) FROM pg_class AS c
    JOIN pg_namespace AS n ON n.oid = c.relnamespace
    WHERE c.relkind = 'r' AND c.relpersistence <> 't' AND n.nspname !~ '^pg_'
      AND n.nspname <> 'information_schema'
      AND c.relname NOT IN ('_sqlx_migrations', '_factory_reset')";

const SEQUENCES: &str = "
    SELECT format('%I.%I', n.nspname, c.relname) FROM pg_class AS c
    JOIN pg_namespace AS n ON n.oid = c.relnamespace WHERE c.relkind = 'S'";

/// Whatever else there is of a schema.
const OTHERS: [(&str, &str); 3] = [
    (
        "constraints",
        "SELECT conrelid::regclass || ' ' || conname || ' ' || pg_get_constraintdef(oid) ||
                coalesce(obj_description(oid, 'pg_constraint'), '') || convalidated
         FROM pg_constraint WHERE connamespace::regnamespace::text !~ '^(pg_|information)'
           AND conname <> '_factory_reset_pkey'
         ORDER BY 1",
    ),
    (
        "triggers",
        "SELECT tgenabled::text || pg_get_triggerdef(oid) FROM pg_trigger
         WHERE NOT tgisinternal ORDER BY 1",
    ),
    (
        "rules",
        "SELECT ev_enabled::text || pg_get_ruledef(oid) FROM pg_rewrite
         WHERE rulename <> '_RETURN' ORDER BY 1",
    ),
];

/// Everything in the database but what tracks migrations and resets: rows of every table as
/// text, where the sequences stand, constraints, triggers and rules.
///
/// # Panics
///
/// When the database fails.
pub async fn dump(connection: &mut PgConnection) -> BTreeMap<String, Vec<String>> {
    let mut dump = BTreeMap::new();
    for table in texts(connection, TABLES).await {
        let rows = format!("SELECT whole::text FROM ONLY {table} AS whole ORDER BY 1");
        dump.insert(table, texts(connection, &rows).await);
    }
    for sequence in texts(connection, SEQUENCES).await {
        let state = format!("SELECT (last_value, is_called)::text FROM {sequence}");
        dump.insert(sequence, texts(connection, &state).await);
    }
    for (name, select) in OTHERS {
        dump.insert(name.to_owned(), texts(connection, select).await);
    }
    dump
}

async fn texts(connection: &mut PgConnection, sql: &str) -> Vec<String> {
    sqlx::query_scalar(AssertSqlSafe(sql))
        .fetch_all(connection)
        .await
        .unwrap_or_else(|error| panic!("the database cannot be read: {error}: {sql}"))
}
