//! Says whether a manifest fits what is there.

use std::collections::BTreeMap;
use std::path::Path;

use factory_reset::cli::{Exit, Failure};
use factory_reset::{Database, DatabaseError, Printable, Reference, chain, printable_json};
use serde_json::{Value, json};

use crate::Done;
use crate::setup::{Setup, Tables};
use crate::told::print;

/// Checks the manifest at `file`; changes nothing.
pub(crate) async fn run(file: &Path, setup: Result<Setup, Failure>, is_json: bool) -> Done {
    match check(file, setup).await {
        Ok((name, tables, _)) if is_json => json(&json!({
            "success": true,
            "name": name,
            "clear": tables.clear,
            "preserve": tables.preserve.into_iter().collect::<BTreeMap<_, _>>(),
            "left_out": tables.left_out,
        })),
        Ok((name, tables, place)) => {
            print(format!("{place}{}", text(file, &name, &tables)).as_bytes())
        }
        Err(failure) if is_json => {
            json(&json!({ "success": false, "error": failure.to_string() }))?;
            Err(failure)
        }
        Err(failure) => Err(failure),
    }
}

/// What the service is called, what becomes of its tables, and where all of it is.
async fn check(
    file: &Path,
    setup: Result<Setup, Failure>,
) -> Result<(String, Tables, String), Failure> {
    let setup = setup?;
    let checked = setup.check().await?;
    let broken = match &checked.database {
        Some(opened) => broken(opened.database(), &checked.tables.clear).await,
        None => Ok(Vec::new()),
    };
    if let Some(database) = checked.database {
        database.close().await;
    }
    let broken = broken.map_err(|error| Failure::new(Exit::Unreachable, chain(&error)))?;
    match broken.is_empty() {
        true => Ok((
            setup.name().to_owned(),
            checked.tables,
            setup.target().to_string(),
        )),
        false => Err(refused(file, &broken)),
    }
}

fn json(value: &Value) -> Done {
    let text = printable_json(&value.to_string());
    print(format!("{text}\n").as_bytes())
}

fn text(file: &Path, name: &str, tables: &Tables) -> String {
    let (cleared, preserved) = (tables.clear.len(), tables.preserve.len());
    let mut text = format!(
        "{} fits {name}: {cleared} tables are cleared, {preserved} preserved; see `preview` for \
         the rest\n",
        Printable::new(&file.display().to_string()),
        name = Printable::new(name)
    );
    if !tables.left_out.is_empty() {
        let names = tables.left_out.iter();
        let names: Vec<_> = names
            .map(|name| format!("`{}`", Printable::new(name)))
            .collect();
        text.push_str(&format!(
            "`clear = \"all\"` leaves these alone, which are no tables of a fresh install: {}\n",
            names.join(", ")
        ));
    }
    text
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
