//! Serves the page and the HTTP API.

use std::path::Path;

use crate::Done;
use crate::command_line::ServeArguments;

/// Serves until a signal comes.
pub(crate) async fn run(_file: &Path, _arguments: ServeArguments) -> Done {
    Ok(())
}
