//! Says whether a manifest fits what is there.

use std::path::Path;

use factory_reset::cli::{Exit, Failure};
use factory_reset::{Database, DatabaseError, Reference, chain};

use crate::Done;
use crate::setup::Setup;
use crate::told::print;

/// Checks the manifest at `file`; changes nothing.
pub(crate) async fn run(file: &Path) -> Done {
    let setup = Setup::read(file)?;
    let checked = setup.check().await?;
    let broken = match &checked.database {
        Some(opened) => broken(opened.database(), &checked.tables.clear).await,
        None => Ok(Vec::new()),
    };
    if let Some(database) = checked.database {
        database.close().await;
    }
    let broken = broken.map_err(|error| Failure::new(Exit::Unreachable, chain(&error)))?;
    if !broken.is_empty() {
        return Err(refused(file, &broken));
    }
    let (cleared, preserved) = (checked.tables.clear.len(), checked.tables.preserve.len());
    let mut text = format!(
        "{} fits {}: {cleared} tables are cleared, {preserved} preserved; see `preview` for the \
         rest\n",
        file.display(),
        setup.name()
    );
    if !checked.tables.left_out.is_empty() {
        let names = checked.tables.left_out.iter();
        let names: Vec<_> = names
            .map(|name| format!("`{}`", name.escape_debug()))
            .collect();
        text.push_str(&format!(
            "`clear = \"all\"` leaves these alone, which are no tables of a fresh install: {}\n",
            names.join(", ")
        ));
    }
    print(text.as_bytes())
}

/// The rows that stay and refer to what goes.
async fn broken(
    database: &dyn Database,
    clear: &[String],
) -> Result<Vec<Reference>, DatabaseError> {
    let mut transaction = database.read().await?;
    let broken = transaction.references(clear).await?;
    transaction.rollback().await?;
    Ok(broken)
}

fn refused(file: &Path, broken: &[Reference]) -> Failure {
    let shown = broken.iter().map(|reference| {
        let Reference {
            table,
            parent,
            rows,
            ..
        } = reference;
        format!("`{table}` refers to `{parent}` (rows: {rows})")
    });
    let text = format!(
        "{}: `tables.clear`: what stays would refer to rows that go: {}: clear these too, or \
         leave alone what they refer to",
        file.display(),
        shown.collect::<Vec<_>>().join(", ")
    );
    Failure::new(Exit::Refused, text)
}
