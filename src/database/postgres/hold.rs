//! Makes sure that a name still means the table that the catalogue had.

use super::catalogue::{Table, literal};
use super::refusal::refuse;

/// The statements that lock `tables` in `mode` and fail where one is not the table of the
/// catalogue any more. The owner of a schema can put a view in the place of a table, which would
/// run its functions for this session. Nothing for no table.
pub(super) fn hold(tables: &[&Table], mode: &str) -> String {
    if tables.is_empty() {
        return String::new();
    }
    let rows = tables.iter().map(|table| table.rows());
    let rows = rows.collect::<Vec<_>>().join(", ");
    let known = tables.iter().map(|table| {
        let (oid, name) = (table.oid, literal(&table.relation));
        format!(
            "('{oid}'::pg_catalog.oid, {name}::pg_catalog.text, {})",
            table.is_partitioned
        )
    });
    let known = known.collect::<Vec<_>>().join(", ");
    // A rule can turn a table into a view up to PostgreSQL 15; then it has no file.
    let check = refuse(
        "known.name || ' is not the table any more that the catalogue had: try again'",
        &format!(
            "FROM (VALUES {known}) AS known (oid, name, is_partitioned) \
             WHERE pg_catalog.to_regclass(known.name)::pg_catalog.oid IS DISTINCT FROM known.oid \
                OR NOT known.is_partitioned \
               AND pg_catalog.pg_relation_filenode(known.oid::pg_catalog.regclass) IS NULL"
        ),
    );
    format!("LOCK TABLE {rows} IN {mode} MODE; {check};")
}
