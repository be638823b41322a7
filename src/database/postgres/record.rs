//! The commit record: one row that says how a run ended, and what is to be rewritten after it.

use sqlx::PgConnection;
use uuid::Uuid;

use super::ask::ask;
use super::catalogue::{literal, quote};
use super::error::{failed, server_error};
use super::refusal::{reason, refuse};
use super::trust::event_triggers;
use super::{DatabaseError, Decision, record_shape, run};
use crate::database::RECORD_TABLE;

const COMMITTED: &str = "commit";
const ABORTED: &str = "abort";

/// The table is not the engine's.
#[derive(Debug, thiserror::Error)]
#[error("`{relation}` cannot be used: {fault}")]
struct Planted {
    relation: String,
    fault: String,
}

/// The table of the commit records, in the schema of the host. Each statement on it comes after a
/// lock that keeps it as it is, and a look at what it is then, in the same text.
#[derive(Debug)]
pub(super) struct Record {
    schema: String,
    is_trusted: bool,
}

impl Record {
    /// The one in `schema`; any role may own it if every role is trusted.
    pub(super) fn new(schema: &str, is_trusted: bool) -> Self {
        Self {
            schema: schema.to_owned(),
            is_trusted,
        }
    }

    /// As an SQL identifier with its schema.
    fn relation(&self) -> String {
        format!("{}.{}", quote(&self.schema), quote(RECORD_TABLE))
    }

    /// Creates the table when the database is opened: a reset must not change the schema.
    pub(super) async fn create_table(
        &self,
        connection: &mut PgConnection,
    ) -> Result<(), DatabaseError> {
        if self.is_there(connection).await? {
            return Ok(());
        }
        let refusal = match self.is_trusted {
            true => String::new(),
            false => refuse(
                "found.trigger",
                &format!("FROM ({}) AS found", event_triggers()),
            ),
        };
        let create = format!(
            "{refusal}; CREATE TABLE IF NOT EXISTS {} \
             (run pg_catalog.text PRIMARY KEY, outcome pg_catalog.text NOT NULL, \
              at pg_catalog.timestamptz NOT NULL DEFAULT pg_catalog.now(), \
              rewrite pg_catalog.text[], xid pg_catalog.xid8)",
            self.relation()
        );
        match run(connection, &create).await {
            // Two at once may collide for all the IF NOT EXISTS.
            Err(_) if self.is_there(connection).await? => Ok(()),
            created => {
                created.map_err(|error| self.failed("create the table of the commit record", error))
            }
        }
    }

    /// Whether there is one. What is not the engine's is an error.
    pub(super) async fn is_there(
        &self,
        connection: &mut PgConnection,
    ) -> Result<bool, DatabaseError> {
        let look = format!(
            "{}; SELECT pg_catalog.to_regclass({}) IS NOT NULL",
            self.refusal(),
            literal(&self.relation())
        );
        let there: Vec<(bool,)> = ask(connection, &look)
            .await
            .map_err(|error| self.failed("look for the table of the commit record", error))?;
        Ok(there == [(true,)])
    }

    /// The statement that fails unless the table is the engine's own, or is not there.
    pub(super) fn refusal(&self) -> String {
        let fault = record_shape::fault(&self.schema, self.is_trusted);
        refuse("found.fault", &format!("FROM ({fault}) AS found"))
    }

    /// The statements that keep the table as it is until the end of the transaction, and fail
    /// unless it is the engine's own. A role that may create triggers waits for either mode; no
    /// other role but the owner can change more.
    fn hold(&self, mode: &str) -> String {
        let (relation, refusal) = (self.relation(), self.refusal());
        format!("LOCK TABLE ONLY {relation} IN {mode} MODE; {refusal}")
    }

    fn hold_to_write(&self) -> String {
        self.hold("ROW EXCLUSIVE")
    }

    /// Says what was tried on the table, and why the table cannot be used.
    pub(super) fn failed(&self, action: &str, error: sqlx::Error) -> DatabaseError {
        // What cannot be locked is no table.
        let is_other = server_error(&error).is_some_and(|error| error.code() == "42809");
        let other = is_other.then(|| "it is not an ordinary table: drop or rename it".to_owned());
        match reason(&error).or(other) {
            Some(fault) => {
                let relation = self.relation();
                DatabaseError::new(action, Planted { relation, fault })
            }
            None => failed(action)(error),
        }
    }

    /// Adds the commit record of `run`. `rewrite` are the tables in which deleted rows can still
    /// be read after the commit, as SQL identifiers.
    pub(super) async fn commit(
        &self,
        connection: &mut PgConnection,
        run: Uuid,
        rewrite: Vec<String>,
    ) -> Result<(), DatabaseError> {
        const ACTION: &str = "write the commit record";
        let (relation, hold) = (self.relation(), self.hold_to_write());
        // Other hosts may have runs of their own here; nobody asks for one as old as this.
        let delete = format!(
            "DELETE FROM ONLY {relation} WHERE rewrite IS NULL \
             AND at < pg_catalog.now() - '30 days'::pg_catalog.interval"
        );
        let rewrite: Vec<String> = rewrite.iter().map(|table| literal(table)).collect();
        let rewrite = match rewrite.is_empty() {
            true => "NULL".to_owned(),
            false => format!("ARRAY[{}]::pg_catalog.text[]", rewrite.join(", ")),
        };
        let insert = format!(
            "INSERT INTO {relation} (run, outcome, rewrite, xid) \
             VALUES ('{run}', '{COMMITTED}', {rewrite}, pg_catalog.pg_current_xact_id()) \
             ON CONFLICT DO NOTHING RETURNING run"
        );
        // Of all these only the last returns rows.
        let written: Vec<(String,)> = ask(connection, &format!("{hold}; {delete}; {insert}"))
            .await
            .map_err(|error| self.failed(ACTION, error))?;
        if written.is_empty() {
            let error = "this run has been given up already";
            return Err(DatabaseError::new(ACTION, error));
        }
        Ok(())
    }

    /// Fences `run` and reads which outcome stands. A COMMIT whose answer was lost may still be
    /// on its way: this insert, on the same key, waits for that transaction to end, and then
    /// either meets the commit record or takes its place.
    pub(super) async fn decide(
        &self,
        connection: &mut PgConnection,
        run: Uuid,
    ) -> Result<Decision, DatabaseError> {
        self.create_table(connection).await?;
        let (relation, hold) = (self.relation(), self.hold_to_write());
        let decide = format!(
            "{hold}; \
             INSERT INTO {relation} (run, outcome) VALUES ('{run}', '{ABORTED}') \
             ON CONFLICT DO NOTHING; \
             SELECT outcome FROM ONLY {relation} WHERE run = '{run}'"
        );
        let outcome: Vec<(String,)> = ask(connection, &decide)
            .await
            .map_err(|error| self.failed("fence the run and read its outcome", error))?;
        match outcome.first() {
            Some((outcome,)) if outcome == COMMITTED => Ok(Decision::Committed),
            Some(_) => Ok(Decision::Aborted),
            None => {
                let error = "the commit record of the run is gone: look who deletes from the table";
                Err(DatabaseError::new("read the commit record", error))
            }
        }
    }

    /// The runs after which tables are still to be rewritten, each with these. Every role that may
    /// write to the table can put any text there.
    pub(super) async fn to_rewrite(
        &self,
        connection: &mut PgConnection,
    ) -> Result<Vec<(String, Vec<String>)>, DatabaseError> {
        let (relation, hold) = (self.relation(), self.hold("ACCESS SHARE"));
        let read = format!(
            "{hold}; SELECT run, pg_catalog.array_remove(rewrite, NULL) FROM ONLY {relation} \
             WHERE rewrite IS NOT NULL ORDER BY at"
        );
        ask(connection, &read)
            .await
            .map_err(|error| self.failed("read what is to be rewritten", error))
    }

    /// Whether a session that was there before `run` committed may still read what it deleted.
    pub(super) async fn is_read(
        &self,
        connection: &mut PgConnection,
        run: &str,
    ) -> Result<bool, DatabaseError> {
        let (relation, hold, run) = (self.relation(), self.hold("ACCESS SHARE"), literal(run));
        let look = format!(
            "{hold}; SELECT EXISTS ( \
                 SELECT FROM pg_catalog.pg_stat_activity AS other, ONLY {relation} AS record \
                 WHERE record.run = {run} AND other.datname = pg_catalog.current_database() \
                   AND other.pid <> pg_catalog.pg_backend_pid() \
                   AND pg_catalog.age(other.backend_xmin) \
                       >= pg_catalog.age(record.xid::pg_catalog.xid))"
        );
        let read: Vec<(bool,)> = ask(connection, &look)
            .await
            .map_err(|error| self.failed("look for who still reads deleted rows", error))?;
        Ok(read == [(true,)])
    }

    /// Notes that the tables are rewritten.
    pub(super) async fn rewritten(
        &self,
        connection: &mut PgConnection,
        run: &str,
    ) -> Result<(), DatabaseError> {
        let (relation, hold, run) = (self.relation(), self.hold_to_write(), literal(run));
        let note = format!("{hold}; UPDATE ONLY {relation} SET rewrite = NULL WHERE run = {run}");
        super::run(connection, &note)
            .await
            .map_err(|error| self.failed("note that the tables are rewritten", error))
    }
}
