//! Materialized views: they hold copies of rows that go.

use sqlx::PgConnection;

use super::error::failed;
use super::{DatabaseError, run};

/// Those that hold anything of these tables, also by way of other views, of partitions and of
/// tables that inherit; each after those that it is made of. One without data stays so.
const DEPENDENT: &str = "
    WITH RECURSIVE touched (oid, depth) AS (
        SELECT c.oid, 0 FROM pg_class AS c
        WHERE coalesce(pg_partition_root(c.oid), c.oid)::oid::bigint = ANY ($1)
        UNION
        SELECT next.oid, touched.depth + 1
        FROM touched, LATERAL (
            SELECT r.ev_class AS oid FROM pg_depend AS d JOIN pg_rewrite AS r ON r.oid = d.objid
            WHERE d.classid = 'pg_rewrite'::regclass AND d.refclassid = 'pg_class'::regclass
              AND d.refobjid = touched.oid AND r.ev_class <> touched.oid AND r.ev_type = '1'
            UNION ALL
            SELECT i.inhparent FROM pg_inherits AS i WHERE i.inhrelid = touched.oid
        ) AS next
    )
    SELECT format('%I.%I', n.nspname, c.relname)
    FROM touched JOIN pg_class AS c ON c.oid = touched.oid
    JOIN pg_namespace AS n ON n.oid = c.relnamespace
    WHERE c.relkind = 'm' AND c.relispopulated
    GROUP BY 1 ORDER BY max(touched.depth), 1";

/// Makes the views anew that hold rows of `tables`.
pub(super) async fn refresh(
    connection: &mut PgConnection,
    tables: Vec<i64>,
) -> Result<(), DatabaseError> {
    let views: Vec<String> = sqlx::query_scalar(DEPENDENT)
        .bind(tables)
        .fetch_all(&mut *connection)
        .await
        .map_err(failed("look for materialized views"))?;
    for view in views {
        run(connection, &format!("REFRESH MATERIALIZED VIEW {view}"))
            .await
            .map_err(failed(format!("refresh the materialized view {view}")))?;
    }
    Ok(())
}
