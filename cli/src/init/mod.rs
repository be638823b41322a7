//! Looks at a service, and writes a manifest.

use crate::Done;
use crate::command_line::InitArguments;

/// Looks, and writes.
pub(crate) async fn run(_arguments: &InitArguments) -> Done {
    Ok(())
}
