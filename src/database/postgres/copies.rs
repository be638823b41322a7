//! Runs a script that only fills tables: on temporary copies of them, on a connection that can
//! write nothing else.

use std::collections::BTreeMap;

use sqlx::{AssertSqlSafe, PgConnection};

use super::catalogue::{Catalogue, Table, literal, quote};
use super::connect::{Connect, close};
use super::error::failed;
use super::factory::Factory;
use super::{DatabaseError, run, script, sequences};

const ACTION: &str = "copy the tables for the script of the factory rows";

/// Runs `sql` on copies of the tables that `live` has in the current schema, and reads what they
/// hold then.
pub(super) async fn read(
    connect: &Connect,
    sql: &str,
    live: &Catalogue,
    schema: &str,
) -> Result<Factory, DatabaseError> {
    // The copies take defaults, checks and indexes over, with the code in them.
    let names: Vec<String> = copied(live).map(|(table, _)| table.name.clone()).collect();
    live.check_trust(&names)?;
    // What is temporary goes with the connection.
    let mut connection = connect.open().await?;
    let counters = create(&mut connection, live, schema).await?;
    // From now on neither rows nor counters can be written but temporary ones.
    run(&mut connection, "SET default_transaction_read_only = on")
        .await
        .map_err(failed(ACTION))?;
    script::run(&mut connection, sql).await?;
    // A dump sets how values are shown.
    connect.set_up(&mut connection).await?;
    let mut factory = Factory::empty(live);
    for (table, bare) in copied(live) {
        let rows = format!("pg_temp.{bare}");
        factory.read_rows(&mut connection, table, &rows).await?;
    }
    let relations = counters.values().map(String::as_str).collect();
    let states = sequences::states(&mut connection, relations).await?;
    for (original, copy) in counters {
        if let Some(state) = states.get(&copy) {
            factory.set_sequence(original, *state);
        }
    }
    close(connection).await;
    Ok(factory)
}

/// The tables that a script can name without a schema, each as that identifier.
fn copied(live: &Catalogue) -> impl Iterator<Item = (&Table, &str)> {
    let bare = |table| Some((table, Table::bare(table)?));
    live.tables().filter_map(bare)
}

/// Creates copies of all tables, and of the sequences that count for them. Returns each of these
/// with its copy.
async fn create(
    connection: &mut PgConnection,
    live: &Catalogue,
    schema: &str,
) -> Result<BTreeMap<String, String>, DatabaseError> {
    let defaults = defaults(connection).await?;
    let mut counters = BTreeMap::new();
    for (relation, bare, options) in own_sequences(connection, schema).await? {
        let create = format!("CREATE TEMPORARY SEQUENCE pg_temp.{bare} {options}");
        run(connection, &create).await.map_err(failed(ACTION))?;
        counters.insert(relation, format!("pg_temp.{bare}"));
    }
    for (table, bare) in copied(live) {
        let mut create = format!(
            "CREATE TEMPORARY TABLE pg_temp.{bare} (LIKE {} INCLUDING DEFAULTS INCLUDING GENERATED \
             INCLUDING IDENTITY INCLUDING INDEXES INCLUDING CONSTRAINTS)",
            table.relation
        );
        for (oid, column, default) in &defaults {
            if *oid == table.oid {
                let (column, default) = (quote(column), drawing_from(&counters, default));
                create += &format!(
                    "; ALTER TABLE pg_temp.{bare} ALTER COLUMN {column} SET DEFAULT {default}"
                );
            }
        }
        run(connection, &create).await.map_err(failed(ACTION))?;
        for sequence in live.sequences(&table.name) {
            let of_identity: Option<String> = sqlx::query_scalar(AssertSqlSafe(format!(
                "SELECT pg_catalog.pg_get_serial_sequence({}, $1)",
                literal(&format!("pg_temp.{bare}"))
            )))
            .bind(&sequence.column)
            .fetch_one(&mut *connection)
            .await
            .map_err(failed(ACTION))?;
            if let Some(copy) = of_identity {
                counters.insert(sequence.relation.clone(), copy);
            }
        }
    }
    Ok(counters)
}

/// The expression `default`, but drawing from the copies of the sequences in `counters`. The server
/// writes a sequence as a quoted string with its schema and its type; within another string both
/// quotes would be doubled.
fn drawing_from(counters: &BTreeMap<String, String>, default: &str) -> String {
    const TYPE: &str = "regclass";
    let written = |relation: &str| format!("{}::{TYPE}", literal(relation));
    counters
        .iter()
        .fold(default.to_owned(), |default, (original, copy)| {
            default.replace(&written(original), &written(copy))
        })
}

/// The defaults of columns that draw from a sequence: table, column and expression.
async fn defaults(
    connection: &mut PgConnection,
) -> Result<Vec<(i64, String, String)>, DatabaseError> {
    sqlx::query_as(
        "SELECT DISTINCT f.adrelid::pg_catalog.int8, a.attname::pg_catalog.text, \
                pg_catalog.pg_get_expr(f.adbin, f.adrelid) \
         FROM pg_catalog.pg_attrdef AS f \
         JOIN pg_catalog.pg_attribute AS a ON a.attrelid = f.adrelid AND a.attnum = f.adnum \
         JOIN pg_catalog.pg_depend AS d \
           ON d.classid = 'pg_catalog.pg_attrdef'::pg_catalog.regclass AND d.objid = f.oid \
          AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass \
         JOIN pg_catalog.pg_sequence AS s ON s.seqrelid = d.refobjid \
         WHERE a.attgenerated = ''",
    )
    .fetch_all(connection)
    .await
    .map_err(failed(ACTION))
}

/// The sequences of the current schema that are not of identity columns, each as an identifier
/// with its schema and without, and how it counts.
async fn own_sequences(
    connection: &mut PgConnection,
    schema: &str,
) -> Result<Vec<(String, String, String)>, DatabaseError> {
    sqlx::query_as(
        "SELECT pg_catalog.format('%I.%I', n.nspname, c.relname), \
                pg_catalog.quote_ident(c.relname::pg_catalog.text), \
                pg_catalog.format('AS %s START %s INCREMENT %s MINVALUE %s MAXVALUE %s %s', \
                       pg_catalog.format_type(s.seqtypid, NULL), s.seqstart, s.seqincrement, \
                       s.seqmin, s.seqmax, \
                       CASE WHEN s.seqcycle THEN 'CYCLE' ELSE 'NO CYCLE' END) \
         FROM pg_catalog.pg_sequence AS s \
         JOIN pg_catalog.pg_class AS c ON c.oid = s.seqrelid \
         JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace \
         WHERE n.nspname = $1::pg_catalog.text::pg_catalog.name \
           AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend AS d \
                           WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass \
                             AND d.objid = c.oid AND d.deptype IN ('i', 'e'))",
    )
    .bind(schema)
    .fetch_all(connection)
    .await
    .map_err(failed(ACTION))
}
