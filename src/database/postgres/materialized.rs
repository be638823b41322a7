//! Materialized views: they hold copies of rows that go.

use sqlx::PgConnection;

use super::ask::{array, ask};
use super::error::{failed, is_denied, is_refusal, remedy};
use super::{DatabaseError, run};

/// Those that hold anything of these tables, also by way of other views, of partitions and of
/// tables that inherit; each after those that it is made of. One without data stays so. Views can
/// be altered until they go round in a circle: no way is longer than there are relations.
const DEPENDENT: &str = "
    WITH RECURSIVE touched (oid, depth) AS (
        SELECT c.oid, 0 FROM pg_catalog.pg_class AS c
        WHERE coalesce(pg_catalog.pg_partition_root(c.oid), c.oid)
                  ::pg_catalog.oid::pg_catalog.int8 = ANY ($1)
        UNION
        SELECT next.oid, touched.depth + 1
        FROM touched, LATERAL (
            SELECT r.ev_class AS oid FROM pg_catalog.pg_depend AS d
            JOIN pg_catalog.pg_rewrite AS r ON r.oid = d.objid
            WHERE d.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass
              AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass
              AND d.refobjid = touched.oid AND r.ev_class <> touched.oid AND r.ev_type = '1'
            UNION ALL
            SELECT i.inhparent FROM pg_catalog.pg_inherits AS i WHERE i.inhrelid = touched.oid
        ) AS next
        WHERE touched.depth < (SELECT pg_catalog.count(*) FROM pg_catalog.pg_class)
    )
    SELECT pg_catalog.format('%I.%I', n.nspname, c.relname)
    FROM touched JOIN pg_catalog.pg_class AS c ON c.oid = touched.oid
    JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
    WHERE c.relkind = 'm' AND c.relispopulated
    GROUP BY 1 ORDER BY pg_catalog.max(touched.depth), 1";

/// A view that cannot be made anew, with the remedy.
#[derive(Debug, thiserror::Error)]
#[error(
    "it holds copies of rows that go: let this role refresh it, or empty it with \
     `REFRESH MATERIALIZED VIEW {view} WITH NO DATA`"
)]
struct Stale {
    view: String,
    source: sqlx::Error,
}

/// Makes the views anew that hold rows of `tables`.
pub(super) async fn refresh(
    connection: &mut PgConnection,
    tables: impl IntoIterator<Item = i64>,
) -> Result<(), DatabaseError> {
    let sql = DEPENDENT.replace("$1", &array(tables));
    let views: Vec<(String,)> = ask(connection, &sql)
        .await
        .map_err(failed("look for materialized views"))?;
    for (view,) in views {
        let refreshed = run(connection, &format!("REFRESH MATERIALIZED VIEW {view}")).await;
        if let Err(source) = refreshed {
            let action = format!("refresh the materialized view `{view}`");
            return Err(
                if is_denied(&source) || is_refusal(&source) && remedy(&source).is_none() {
                    DatabaseError::new(action, Stale { view, source })
                } else {
                    failed(action)(source)
                },
            );
        }
    }
    Ok(())
}
