//! The tables that the manifest names, as the database spells them.

use std::collections::BTreeSet;

use factory_reset::cli::Failure;
use factory_reset::{Database, chain};

use super::Setup;
use crate::manifest::Clear;

/// How much two names must have in common to be taken for the same one, mistyped.
const LIKENESS: f64 = 0.7;

/// Tables, each as the database spells it.
#[derive(Debug, Default)]
pub(crate) struct Tables {
    pub(crate) clear: Vec<String>,
    /// With the reasons.
    pub(crate) preserve: Vec<(String, String)>,
    /// What `clear = "all"` does not clear, for it is no table of a fresh install.
    pub(crate) left_out: Vec<String>,
}

impl Setup {
    /// Finds the tables in `database`, whose factory rows come from what `source` names.
    pub(super) async fn tables(
        &self,
        database: &dyn Database,
        source: &str,
    ) -> Result<Tables, Failure> {
        let there = there(database)
            .await
            .map_err(|error| self.unreachable("database", &error))?;
        let rules = &self.manifest.tables;
        let mut preserve = Vec::with_capacity(rules.preserve.len());
        for (name, reason) in &rules.preserve {
            let table = self.find(database, &there, "tables.preserve", name)?;
            preserve.push((table, reason.clone()));
        }
        let is_preserved = |name: &str| preserve.iter().any(|(table, _)| table == name);
        // What a fresh install has.
        let fresh = database.migrated_tables();
        if fresh.is_empty() && !there.is_empty() && rules.clear != Clear::default() {
            let text = "has no tables: name one in which the service has made its own";
            return Err(self.wrong(source, text));
        }
        let clear: Vec<_> = match &rules.clear {
            Clear::All => {
                let stays = |name: &&String| !is_preserved(name);
                fresh.iter().filter(stays).cloned().collect()
            }
            Clear::Named(names) => {
                let mut clear = Vec::with_capacity(names.len());
                for name in names {
                    let field = "tables.clear";
                    let table = self.find(database, &there, field, name)?;
                    if is_preserved(&table) {
                        let text = format!("`{name}` is preserved too: drop one of them");
                        return Err(self.wrong(field, &text));
                    }
                    if clear.contains(&table) {
                        let text = format!("names `{name}` twice: drop one of them");
                        return Err(self.wrong(field, &text));
                    }
                    if !fresh.contains(&table) {
                        let text = format!(
                            "`{name}` is no table of a fresh install, as `factory` describes it: \
                             preserve it, or take both from the same version of the service"
                        );
                        return Err(self.wrong(field, &text));
                    }
                    clear.push(table);
                }
                clear
            }
        };
        let left_out = match &rules.clear {
            Clear::All => {
                let tracking = database.preserved_tables();
                let is_kept = |name: &String| {
                    is_preserved(name) || tracking.iter().any(|(table, _)| table == name)
                };
                let is_left_out = |name: &&String| !fresh.contains(*name) && !is_kept(name);
                there.iter().filter(is_left_out).cloned().collect()
            }
            Clear::Named(_) => Vec::new(),
        };
        Ok(Tables {
            clear,
            preserve,
            left_out,
        })
    }

    fn find(
        &self,
        database: &dyn Database,
        there: &BTreeSet<String>,
        field: &str,
        name: &str,
    ) -> Result<String, Failure> {
        let found = there.iter().find(|it| database.is_same_table(it, name));
        found
            .cloned()
            .ok_or_else(|| self.wrong(field, &unknown(name, there)))
    }
}

/// The tables there are.
async fn there(database: &dyn Database) -> Result<BTreeSet<String>, String> {
    let read = async {
        let mut transaction = database.read().await?;
        let tables = transaction.tables().await?;
        transaction.rollback().await?;
        Ok::<_, factory_reset::DatabaseError>(tables)
    };
    read.await.map_err(|error| chain(&error))
}

/// That there is no table `name`, and what may have been meant.
fn unknown(name: &str, there: &BTreeSet<String>) -> String {
    let likeness = |other: &&String| strsim::jaro_winkler(name, other);
    let nearest = there
        .iter()
        .max_by(|one, other| likeness(one).total_cmp(&likeness(other)))
        .filter(|nearest| likeness(nearest) > LIKENESS);
    let there: Vec<_> = there.iter().map(|name| format!("`{name}`")).collect();
    let there = match there.is_empty() {
        true => "there is none".to_owned(),
        false => format!("there is {}", there.join(", ")),
    };
    match nearest {
        Some(nearest) => format!("there is no table `{name}`: did you mean `{nearest}`? {there}"),
        None => format!("there is no table `{name}`: correct the name; {there}"),
    }
}
