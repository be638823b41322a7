//! Whether anything at all was committed between two moments.

use std::collections::BTreeSet;

use sqlx::{PgConnection, Row};

use super::DatabaseError;
use super::error::failed;

/// Which transactions of the whole server had ended at a moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Snapshot {
    /// From this number on none had.
    next: u64,
    /// Those below it that had not.
    running: BTreeSet<u64>,
    /// The number of the transaction that looks, if it has one.
    own: Option<u64>,
}

/// How many transactions may have begun in between for it to be worth a look at each.
const MOST: u64 = 1000;

impl Snapshot {
    /// What is seen right after `statement`, which is to `action`, or in the whole transaction
    /// where that has one snapshot.
    pub(super) async fn after(
        connection: &mut PgConnection,
        statement: &str,
        action: &str,
    ) -> Result<Self, DatabaseError> {
        let failed = || failed(action);
        let sql = format!(
            "{statement}; SELECT pg_catalog.pg_current_snapshot()::pg_catalog.text, \
                                 pg_catalog.pg_current_xact_id_if_assigned()::pg_catalog.text"
        );
        let row = sqlx::raw_sql(sqlx::AssertSqlSafe(sql))
            .fetch_one(connection)
            .await
            .map_err(failed())?;
        let text: String = row.try_get(0).map_err(failed())?;
        let own: Option<String> = row.try_get(1).map_err(failed())?;
        Self::parse(&text, own.as_deref()).ok_or_else(|| {
            let error = format!("`{text}` is no snapshot: use PostgreSQL 14 or later");
            DatabaseError::new(action, error)
        })
    }

    /// `10:20:10,14,15`: the lowest that runs, the next, and those that run.
    fn parse(text: &str, own: Option<&str>) -> Option<Self> {
        let mut parts = text.splitn(3, ':').skip(1);
        let next = parts.next()?.parse().ok()?;
        let running = parts.next()?.split(',').filter(|part| !part.is_empty());
        let running: Result<_, _> = running.map(str::parse).collect();
        let own = own.map(str::parse).transpose().ok()?;
        Some(Self {
            next,
            running: running.ok()?,
            own,
        })
    }

    /// Whether this one sees exactly what `earlier` saw. Every write has a number, and is seen
    /// once that has ended: so each that had not ended then has not ended now, or is of the
    /// transaction that looks. One that was rolled back counts as one that was not: that may
    /// cost a scan, and no truth.
    pub(super) fn sees_the_same_as(&self, earlier: &Self) -> bool {
        let begun = earlier.next..self.next;
        begun.end.saturating_sub(begun.start) <= MOST
            && earlier
                .running
                .iter()
                .copied()
                .chain(begun)
                .all(|number| self.running.contains(&number) || self.own == Some(number))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn snapshot(text: &str, own: Option<&str>) -> Snapshot {
        Snapshot::parse(text, own).unwrap()
    }

    #[test]
    fn nothing_has_changed_while_nobody_has_ended() {
        let earlier = snapshot("7:7:", None);
        assert!(snapshot("7:7:", None).sees_the_same_as(&earlier));
        assert!(snapshot("7:7:", Some("7")).sees_the_same_as(&earlier));
        // Another has begun after this one, and runs on.
        assert!(snapshot("8:9:8", Some("7")).sees_the_same_as(&earlier));
        let busy = snapshot("5:7:5,6", None);
        assert!(snapshot("5:7:5,6", None).sees_the_same_as(&busy));
        assert!(snapshot("5:9:5,6,7,8", None).sees_the_same_as(&busy));
    }

    #[test]
    fn whoever_has_ended_may_have_written() {
        let earlier = snapshot("7:7:", None);
        assert!(!snapshot("8:8:", None).sees_the_same_as(&earlier));
        assert!(!snapshot("9:9:", Some("8")).sees_the_same_as(&earlier));
        assert!(!snapshot("7:9:7", None).sees_the_same_as(&earlier));
        let busy = snapshot("5:7:5,6", None);
        assert!(!snapshot("6:7:6", None).sees_the_same_as(&busy));
        assert!(!snapshot("5:7:5", None).sees_the_same_as(&busy));
        let long_ago = snapshot("7:7:", None);
        assert!(!snapshot("7:99999:7", None).sees_the_same_as(&long_ago));
    }

    #[test]
    fn what_is_no_snapshot_is_none() {
        for text in ["", "7", "7:7", "7:x:", "7:7:x"] {
            assert_eq!(Snapshot::parse(text, None), None, "{text}");
        }
    }
}
