//! Says whether a manifest fits what is there.

use std::path::Path;

use crate::Done;
use crate::setup::Setup;
use crate::told::print;

/// Checks the manifest at `file`; changes nothing.
pub(crate) async fn run(file: &Path) -> Done {
    let setup = Setup::read(file)?;
    let checked = setup.check().await?;
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
    if let Some(database) = checked.database {
        database.close().await;
    }
    print(text.as_bytes())
}
