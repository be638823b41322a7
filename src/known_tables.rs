//! The tables that a host may name.

use std::collections::BTreeSet;

use crate::database::{Database, DatabaseError};

/// The tables that there are, or will be when the host's migrations have run.
pub(crate) struct KnownTables<'a> {
    database: Option<&'a dyn Database>,
    pub(crate) names: BTreeSet<String>,
}

impl<'a> KnownTables<'a> {
    pub(crate) fn none() -> Self {
        Self {
            database: None,
            names: BTreeSet::new(),
        }
    }

    pub(crate) async fn read(database: &'a dyn Database) -> Result<Self, DatabaseError> {
        let mut transaction = database.read().await?;
        let mut names = transaction.tables().await?;
        transaction.rollback().await?;
        names.extend(database.migrated_tables().iter().cloned());
        Ok(Self {
            database: Some(database),
            names,
        })
    }

    /// How the database spells the table `name`.
    pub(crate) fn find(&self, name: &str) -> Option<&str> {
        let database = self.database?;
        let mut names = self.names.iter();
        let found = names.find(|known| database.is_same_table(known, name));
        found.map(String::as_str)
    }
}

/// Names in one line.
pub(crate) fn list(names: impl Iterator<Item = impl std::fmt::Display>) -> String {
    names
        .map(|name| format!("`{name}`"))
        .collect::<Vec<_>>()
        .join(", ")
}
