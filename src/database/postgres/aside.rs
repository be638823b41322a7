//! What would get in the way of a clearing or loading, set aside until it is checked: foreign
//! keys, triggers and rules.

use std::collections::BTreeSet;

use sqlx::PgConnection;

use super::ask::{array, ask};
use super::catalogue::{Table, quote};
use super::error::failed;
use super::foreign_keys::ForeignKey;
use super::{DatabaseError, run};

/// Everything that this transaction has set aside.
#[derive(Debug, Default)]
pub(super) struct Aside {
    foreign_keys: Vec<ForeignKey>,
    /// The statements that switch triggers and rules on again.
    switches: Vec<String>,
    /// The tables whose triggers and rules are off.
    quiet: BTreeSet<String>,
}

/// Those that are in force, of whole tables and of single partitions.
const FIRING: &str = "
    SELECT pg_catalog.format('%I.%I', n.nspname, c.relname), 'TRIGGER',
           t.tgname::pg_catalog.text, t.tgenabled::pg_catalog.text
    FROM pg_catalog.pg_trigger AS t
    JOIN pg_catalog.pg_class AS c ON c.oid = t.tgrelid
    JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
    WHERE NOT t.tgisinternal AND t.tgenabled <> 'D'
      AND coalesce(pg_catalog.pg_partition_root(c.oid), c.oid)::pg_catalog.oid::pg_catalog.int8
          = ANY ($1)
    UNION ALL
    SELECT pg_catalog.format('%I.%I', n.nspname, c.relname), 'RULE',
           r.rulename::pg_catalog.text, r.ev_enabled::pg_catalog.text
    FROM pg_catalog.pg_rewrite AS r
    JOIN pg_catalog.pg_class AS c ON c.oid = r.ev_class
    JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
    WHERE r.ev_type <> '1' AND r.ev_enabled <> 'D'
      AND coalesce(pg_catalog.pg_partition_root(c.oid), c.oid)::pg_catalog.oid::pg_catalog.int8
          = ANY ($1)
    ORDER BY 1, 2, 3";

impl Aside {
    /// Drops foreign keys, unless they are set aside already.
    pub(super) async fn foreign_keys(
        &mut self,
        connection: &mut PgConnection,
        keys: impl IntoIterator<Item = &ForeignKey>,
    ) -> Result<(), DatabaseError> {
        let keys: Vec<&ForeignKey> = keys.into_iter().filter(|key| !self.has(key)).collect();
        if keys.is_empty() {
            return Ok(());
        }
        let drops: Vec<String> = keys.iter().map(|key| key.dropping()).collect();
        run(connection, &drops.join("; "))
            .await
            .map_err(failed("set foreign keys aside"))?;
        self.foreign_keys.extend(keys.into_iter().cloned());
        Ok(())
    }

    /// Whether `key` is set aside.
    pub(super) fn has(&self, key: &ForeignKey) -> bool {
        self.foreign_keys.iter().any(|own| own.id() == key.id())
    }

    /// Switches off the triggers and rules of `tables`: they would fire on the clearing, and
    /// might fill a table again.
    pub(super) async fn triggers(
        &mut self,
        connection: &mut PgConnection,
        tables: &[&Table],
    ) -> Result<(), DatabaseError> {
        let loud = tables
            .iter()
            .filter(|table| !self.quiet.contains(&table.name));
        let loud: Vec<&Table> = loud.copied().collect();
        let oids = loud.iter().map(|table| table.oid);
        if loud.is_empty() {
            return Ok(());
        }
        let sql = FIRING.replace("$1", &array(oids));
        let firing: Vec<(String, String, String, String)> = ask(connection, &sql)
            .await
            .map_err(failed("read the triggers"))?;
        let mut off = Vec::new();
        for (relation, kind, name, state) in firing {
            let name = quote(&name);
            // A partition has a state of its own; `ONLY` leaves it alone.
            let only = if kind == "TRIGGER" { "ONLY " } else { "" };
            let on = match state.as_str() {
                "R" => "ENABLE REPLICA",
                "A" => "ENABLE ALWAYS",
                _ => "ENABLE",
            };
            off.push(format!(
                "ALTER TABLE {only}{relation} DISABLE {kind} {name}"
            ));
            let on = format!("ALTER TABLE {only}{relation} {on} {kind} {name}");
            self.switches.push(on);
        }
        if !off.is_empty() {
            run(connection, &off.join("; "))
                .await
                .map_err(failed("set triggers aside"))?;
        }
        self.quiet
            .extend(loud.iter().map(|table| table.name.clone()));
        Ok(())
    }

    /// Puts everything back as it was. The server checks every foreign key.
    pub(super) async fn put_back(
        &mut self,
        connection: &mut PgConnection,
    ) -> Result<(), DatabaseError> {
        // A table about which something is deferred cannot be altered.
        run(connection, "SET CONSTRAINTS ALL IMMEDIATE")
            .await
            .map_err(failed("check deferred constraints"))?;
        let keys = std::mem::take(&mut self.foreign_keys);
        if !keys.is_empty() {
            let making: Vec<String> = keys.iter().map(ForeignKey::making).collect();
            run(connection, &making.join("; "))
                .await
                .map_err(|error| ForeignKey::dangling(&keys, error))?;
        }
        let switches = std::mem::take(&mut self.switches);
        self.quiet.clear();
        if !switches.is_empty() {
            run(connection, &switches.join("; "))
                .await
                .map_err(failed("put triggers back"))?;
        }
        Ok(())
    }

    /// Whether there is nothing to put back.
    pub(super) fn is_empty(&self) -> bool {
        self.foreign_keys.is_empty() && self.switches.is_empty()
    }
}
