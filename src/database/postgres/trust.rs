//! Whose code would run with the privileges of this session.
//!
//! Counting, clearing and filling a table run the code that is attached to it: triggers, checks,
//! defaults, indexes, domains, and through them functions. Which functions the body of a function
//! calls is known only where the server records it. A role that can change such code must
//! not gain from a session of another role. Trusted are superusers, the session's own role, and
//! every role that it is a member of; but where the session's role has more rights than the
//! objects of a database give, no other role is.

use std::collections::BTreeMap;

use super::DatabaseError;

/// The first object of a stranger that the code of a table reaches.
#[derive(Debug, Clone)]
pub(super) struct Stranger {
    /// The role that owns the object.
    owner: String,
    /// The object, as the server describes it.
    object: String,
    /// Whether the object is the table itself.
    is_table: bool,
    /// The role of the session.
    session: String,
}

/// A row of [`strangers`]: the table, 0 for all of them; the object; its owner; whether the object
/// is the table; the role of the session.
pub(super) type Row = (i64, String, String, bool, String);

/// Why a table is left alone.
#[derive(Debug, thiserror::Error)]
enum Untrusted {
    #[error(
        "it belongs to the role `{owner}`, which could run code of its own with the privileges of \
         `{session}`: connect as `{owner}`, or set `trust_database` if every role that owns \
         objects in this database may act as `{session}`"
    )]
    Table { owner: String, session: String },
    #[error(
        "it uses the {object} of the role `{owner}`, which could run code of its own with the \
         privileges of `{session}`: make `{session}` the owner of the {object}, connect as \
         `{owner}` if the table is its own, or set `trust_database` if every role that owns \
         objects in this database may act as `{session}`"
    )]
    Object {
        object: String,
        owner: String,
        session: String,
    },
}

/// The roles that are not trusted, as the table `stranger` for other statements. A role is looked
/// at as it could make itself: `RESET ROLE` brings the session's own role back, `SET ROLE` any
/// role that it is a member of. Whether a role owns the database decides who
/// `pg_database_owner` is.
pub(super) const STRANGER: &str = r#"
    session_role AS MATERIALIZED (
        SELECT u.oid, pg_catalog.bool_or(r.rolsuper) AS is_super,
               pg_catalog.bool_or(
                   r.rolsuper OR r.rolcreaterole OR r.rolreplication OR r.rolbypassrls
                   OR r.rolname ~ '^pg_' AND r.rolname <> 'pg_database_owner'
               ) AS has_more
        FROM pg_catalog.pg_roles AS u
        JOIN pg_catalog.pg_roles AS r ON pg_catalog.pg_has_role(u.oid, r.oid, 'MEMBER')
        WHERE u.rolname IN (SESSION_USER, CURRENT_USER)
        GROUP BY u.oid
    ),
    stranger AS MATERIALIZED (
        SELECT o.oid, real.rolname
        FROM pg_catalog.pg_roles AS o
        JOIN pg_catalog.pg_database AS d ON d.datname = pg_catalog.current_database()
        JOIN pg_catalog.pg_roles AS real
          ON real.oid = CASE o.rolname WHEN 'pg_database_owner' THEN d.datdba ELSE o.oid END
        WHERE NOT real.rolsuper AND EXISTS (
            SELECT FROM session_role AS s
            WHERE real.oid <> s.oid
              AND (s.has_more OR NOT pg_catalog.pg_has_role(s.oid, real.oid, 'MEMBER'))
        )
    )"#;

/// The tables whose code reaches an object of a stranger, each object once. From every such object
/// the way leads to all that depends on it, and from a part to the whole: from a constraint or an
/// index to its table, from a rule to its view, from the columns of a composite type to that type.
/// A foreign key leads to the table that it belongs to, because the check of a reference plans a
/// query on the table that is referred to, and planning evaluates the expressions of its indexes. A
/// materialized view counts for the tables that it shows, because it is refreshed with them. A
/// schema counts for a superuser: its owner can put a view in the place of a table. Owners are read
/// from each catalogue, because `pg_shdepend` does not have what a predefined role such as
/// `pg_database_owner` owns. What the server came with has lower numbers.
pub(super) fn strangers() -> String {
    format!("WITH RECURSIVE {STRANGER}, {REACHED}")
}

const REACHED: &str = r#"
    planted AS (
        SELECT o.tableoid AS class, o.oid AS object, o.relowner AS owner
        FROM pg_catalog.pg_class AS o WHERE o.oid >= 16384
        UNION ALL SELECT o.tableoid, o.oid, o.proowner
        FROM pg_catalog.pg_proc AS o WHERE o.oid >= 16384
        UNION ALL SELECT o.tableoid, o.oid, o.typowner
        FROM pg_catalog.pg_type AS o WHERE o.oid >= 16384
        UNION ALL SELECT o.tableoid, o.oid, o.oprowner
        FROM pg_catalog.pg_operator AS o WHERE o.oid >= 16384
        UNION ALL SELECT o.tableoid, o.oid, o.opcowner
        FROM pg_catalog.pg_opclass AS o WHERE o.oid >= 16384
        UNION ALL SELECT o.tableoid, o.oid, o.opfowner
        FROM pg_catalog.pg_opfamily AS o WHERE o.oid >= 16384
        UNION ALL SELECT o.tableoid, o.oid, o.collowner
        FROM pg_catalog.pg_collation AS o WHERE o.oid >= 16384
        UNION ALL SELECT o.tableoid, o.oid, o.conowner
        FROM pg_catalog.pg_conversion AS o WHERE o.oid >= 16384
        UNION ALL SELECT o.tableoid, o.oid, o.cfgowner
        FROM pg_catalog.pg_ts_config AS o WHERE o.oid >= 16384
        UNION ALL SELECT o.tableoid, o.oid, o.dictowner
        FROM pg_catalog.pg_ts_dict AS o WHERE o.oid >= 16384
        UNION ALL SELECT o.tableoid, o.oid, o.lanowner
        FROM pg_catalog.pg_language AS o WHERE o.oid >= 16384
        UNION ALL SELECT o.tableoid, o.oid, o.stxowner
        FROM pg_catalog.pg_statistic_ext AS o WHERE o.oid >= 16384
        UNION ALL SELECT o.tableoid, o.oid, o.fdwowner
        FROM pg_catalog.pg_foreign_data_wrapper AS o WHERE o.oid >= 16384
        UNION ALL SELECT o.tableoid, o.oid, o.srvowner
        FROM pg_catalog.pg_foreign_server AS o WHERE o.oid >= 16384
        UNION ALL SELECT o.tableoid, o.oid, o.nspowner
        FROM pg_catalog.pg_namespace AS o
        WHERE EXISTS (SELECT FROM session_role AS r WHERE r.is_super)
    ),
    reached (class, object, first_class, first, owner) AS (
        SELECT p.class, p.object, p.class, p.object, s.rolname
        FROM planted AS p JOIN stranger AS s ON s.oid = p.owner
        UNION
        SELECT next.class, next.object, r.first_class, r.first, r.owner
        FROM reached AS r, LATERAL (
            SELECT d.classid AS class, d.objid AS object
            FROM pg_catalog.pg_depend AS d
            WHERE d.refclassid = r.class AND d.refobjid = r.object
              AND d.deptype NOT IN ('e', 'x')
            UNION ALL
            SELECT d.refclassid, d.refobjid
            FROM pg_catalog.pg_depend AS d
            WHERE d.classid = r.class AND d.objid = r.object AND d.deptype IN ('a', 'i')
              AND d.classid IN (
                  'pg_catalog.pg_attrdef'::pg_catalog.regclass,
                  'pg_catalog.pg_constraint'::pg_catalog.regclass,
                  'pg_catalog.pg_trigger'::pg_catalog.regclass,
                  'pg_catalog.pg_rewrite'::pg_catalog.regclass,
                  'pg_catalog.pg_policy'::pg_catalog.regclass,
                  'pg_catalog.pg_statistic_ext'::pg_catalog.regclass,
                  'pg_catalog.pg_amop'::pg_catalog.regclass,
                  'pg_catalog.pg_amproc'::pg_catalog.regclass
              )
            UNION ALL
            SELECT d.refclassid, d.refobjid
            FROM pg_catalog.pg_class AS c
            JOIN pg_catalog.pg_depend AS d
              ON d.classid = r.class AND d.objid = c.oid AND d.deptype IN ('a', 'i')
            WHERE r.class = 'pg_catalog.pg_class'::pg_catalog.regclass
              AND c.oid = r.object AND c.relkind IN ('c', 'i', 'I')
        ) AS next
    ),
    relation AS (
        SELECT c.oid, c.relkind, r.first_class, r.first, r.owner
        FROM reached AS r JOIN pg_catalog.pg_class AS c ON c.oid = r.object
        WHERE r.class = 'pg_catalog.pg_class'::pg_catalog.regclass
          AND (c.relkind IN ('r', 'p', 'f') OR c.relkind = 'm' AND c.relispopulated)
    ),
    shown (oid, first_class, first, owner) AS (
        SELECT v.oid, v.first_class, v.first, v.owner FROM relation AS v WHERE v.relkind = 'm'
        UNION
        SELECT next.oid, v.first_class, v.first, v.owner
        FROM shown AS v, LATERAL (
            SELECT d.refobjid AS oid
            FROM pg_catalog.pg_rewrite AS w
            JOIN pg_catalog.pg_depend AS d
              ON d.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass AND d.objid = w.oid
             AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass
            WHERE w.ev_class = v.oid AND w.ev_type = '1'
            UNION ALL
            SELECT i.inhrelid FROM pg_catalog.pg_inherits AS i WHERE i.inhparent = v.oid
        ) AS next
    ),
    found AS (
        SELECT coalesce(pg_catalog.pg_partition_root(f.oid), f.oid)::pg_catalog.oid AS oid,
               f.first_class, f.first, f.owner
        FROM (
            SELECT t.oid, t.first_class, t.first, t.owner FROM relation AS t
            WHERE t.relkind <> 'm'
            UNION
            SELECT s.oid, s.first_class, s.first, s.owner FROM shown AS s
        ) AS f
        UNION
        SELECT 0::pg_catalog.oid, e.tableoid, e.oid, s.rolname
        FROM pg_catalog.pg_event_trigger AS e
        JOIN pg_catalog.pg_proc AS p ON p.oid = e.evtfoid
        JOIN stranger AS s ON s.oid IN (e.evtowner, p.proowner)
        WHERE e.evtenabled <> 'D'
    )
    SELECT DISTINCT ON (f.oid) f.oid::pg_catalog.int8,
           pg_catalog.pg_describe_object(f.first_class, f.first, 0), f.owner::pg_catalog.text,
           f.first_class = 'pg_catalog.pg_class'::pg_catalog.regclass AND f.first = f.oid,
           CURRENT_USER::pg_catalog.text
    FROM found AS f
    ORDER BY f.oid, (f.first_class = 'pg_catalog.pg_class'::pg_catalog.regclass
                     AND f.first = f.oid) DESC, f.first_class, f.first"#;

/// The query for the event triggers that would run code of a stranger when a table is created.
pub(super) fn event_triggers() -> String {
    format!(
        "WITH {STRANGER} SELECT pg_catalog.format( \
             'the event trigger `%s` would run code of the role `%s`: drop it, or set \
             `trust_database`', e.evtname, s.rolname) AS trigger \
         FROM pg_catalog.pg_event_trigger AS e \
         JOIN pg_catalog.pg_proc AS p ON p.oid = e.evtfoid \
         JOIN stranger AS s ON s.oid IN (e.evtowner, p.proowner) WHERE e.evtenabled <> 'D'"
    )
}

/// The strangers in `rows`, by the tables whose code reaches them.
pub(super) fn by_table(rows: Vec<Row>) -> BTreeMap<i64, Stranger> {
    let strangers = rows.into_iter().map(|row| {
        let (table, object, owner, is_table, session) = row;
        let stranger = Stranger {
            owner,
            object,
            is_table,
            session,
        };
        (table, stranger)
    });
    strangers.collect()
}

impl Stranger {
    /// Why `table` is not used.
    pub(super) fn refusal(&self, table: &str) -> DatabaseError {
        let (owner, session) = (self.owner.clone(), self.session.clone());
        let untrusted = if self.is_table {
            Untrusted::Table { owner, session }
        } else {
            let object = self.object.clone();
            Untrusted::Object {
                object,
                owner,
                session,
            }
        };
        DatabaseError::new(format!("use table `{table}`"), untrusted)
    }
}
