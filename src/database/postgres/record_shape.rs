//! What the table of the commit record may be: exactly what the engine creates. Its name is the
//! first that an attacker plants something under, because every run writes to it.

use super::catalogue::literal;
use super::trust::STRANGER;
use crate::database::RECORD_TABLE;

/// The columns, as `{column} {type} {whether it is NOT NULL}`.
pub(super) const COLUMNS: &str = "run text t, outcome text t, at timestamp with time zone t, \
                                  rewrite text[] f, xid xid8 f";

/// Each fault, as an SQL condition on the relation `c`, and the words for it, as SQL for a text.
const FAULTS: [(&str, &str); 14] = [
    ("c.relkind <> 'r'", "'it is not an ordinary table'"),
    (
        "c.relpersistence <> 'p'",
        "'it does not survive a crash: it is unlogged'",
    ),
    (
        "c.relispartition OR c.reloftype <> 0
         OR EXISTS (SELECT FROM pg_catalog.pg_inherits AS i WHERE c.oid IN (i.inhrelid, i.inhparent))",
        "'it is a part of another table, or has parts'",
    ),
    (
        "EXISTS (SELECT FROM pg_catalog.pg_am AS m WHERE m.oid = c.relam AND m.amname <> 'heap')",
        "'it has an access method of its own'",
    ),
    (
        "EXISTS (SELECT FROM pg_catalog.pg_rewrite AS r WHERE r.ev_class = c.oid)",
        "'it has rules'",
    ),
    (
        "EXISTS (SELECT FROM pg_catalog.pg_trigger AS t WHERE t.tgrelid = c.oid)",
        "'it has triggers, or a foreign key refers to it'",
    ),
    (
        "c.relrowsecurity OR c.relforcerowsecurity
         OR EXISTS (SELECT FROM pg_catalog.pg_policy AS p WHERE p.polrelid = c.oid)",
        "'it has policies'",
    ),
    (
        "$columns IS DISTINCT FROM (
             SELECT pg_catalog.string_agg(
                 pg_catalog.format('%s %s %s', a.attname,
                                   pg_catalog.format_type(a.atttypid, a.atttypmod), a.attnotnull),
                 ', ' ORDER BY a.attnum)
             FROM pg_catalog.pg_attribute AS a
             WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped)",
        "'it has other columns'",
    ),
    (
        "EXISTS (SELECT FROM pg_catalog.pg_attribute AS a
                 WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
                   AND (a.attgenerated <> '' OR a.attidentity <> ''
                        OR a.attcollation NOT IN (0, 'pg_catalog.\"default\"'::pg_catalog.regcollation)))",
        "'it has generated columns, or collations of its own'",
    ),
    (
        "EXISTS (SELECT FROM pg_catalog.pg_attrdef AS f
                 JOIN pg_catalog.pg_attribute AS a
                   ON a.attrelid = f.adrelid AND a.attnum = f.adnum
                 WHERE f.adrelid = c.oid
                   AND (a.attname <> 'at'
                        OR pg_catalog.pg_get_expr(f.adbin, f.adrelid) <> 'now()'))",
        "'it has other defaults'",
    ),
    (
        "EXISTS (SELECT FROM pg_catalog.pg_constraint AS k
                 WHERE k.conrelid = c.oid AND k.contype NOT IN ('p', 'n'))",
        "'it has constraints other than its primary key'",
    ),
    (
        "1 <> (SELECT pg_catalog.count(*) FROM pg_catalog.pg_index AS i WHERE i.indrelid = c.oid)",
        "'it has indexes other than its primary key'",
    ),
    (
        "NOT EXISTS (SELECT FROM pg_catalog.pg_index AS i
                     JOIN pg_catalog.pg_class AS x ON x.oid = i.indexrelid
                     JOIN pg_catalog.pg_am AS m ON m.oid = x.relam
                     JOIN pg_catalog.pg_opclass AS o ON o.oid = i.indclass[0]
                     JOIN pg_catalog.pg_namespace AS s ON s.oid = o.opcnamespace
                     JOIN pg_catalog.pg_attribute AS a
                       ON a.attrelid = c.oid AND a.attnum = i.indkey[0]
                     WHERE i.indrelid = c.oid AND i.indisprimary AND i.indimmediate
                       AND i.indisvalid AND i.indnkeyatts = 1 AND i.indnatts = 1
                       AND i.indexprs IS NULL AND i.indpred IS NULL AND a.attname = 'run'
                       AND m.amname = 'btree' AND o.opcname = 'text_ops'
                       AND s.nspname = 'pg_catalog')",
        "'it has another primary key'",
    ),
    (
        "EXISTS (SELECT FROM pg_catalog.pg_statistic_ext AS x WHERE x.stxrelid = c.oid)",
        "'it has statistics of its own'",
    ),
];

/// What to do about a fault of the table itself.
const REMEDY: &str = ", so the engine did not create it: find out which role did, then drop or \
                      rename it, and the engine creates its own";

/// The query for what is wrong with the table in `schema`: one text, in at most one row. Nobody but
/// a trusted role may own it, unless every role is trusted. Reads the catalogue alone.
pub(super) fn fault(schema: &str, is_trusted: bool) -> String {
    let faults = FAULTS.iter().map(|(condition, text)| {
        let condition = condition.replace("$columns", &literal(COLUMNS));
        format!("WHEN {condition} THEN {text} || '{REMEDY}'")
    });
    let owner = "WHEN s.oid IS NOT NULL \
                 THEN pg_catalog.format('it belongs to the role `%s`: connect as that role, drop \
                                         the table, or set `trust_database`', s.rolname)";
    let owner = if is_trusted { "" } else { owner };
    let faults = faults.collect::<Vec<_>>().join(" ");
    let schema = literal(schema);
    format!(
        "WITH {STRANGER} \
         SELECT found.fault FROM ( \
             SELECT CASE {owner} {faults} END AS fault \
             FROM pg_catalog.pg_class AS c \
             JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace \
             LEFT JOIN stranger AS s ON s.oid = c.relowner \
             WHERE n.nspname = {schema}::pg_catalog.name AND c.relname = '{RECORD_TABLE}' \
         ) AS found WHERE found.fault IS NOT NULL"
    )
}
