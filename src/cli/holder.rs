//! Who holds a data directory.

use std::path::Path;

use super::exit::Exit;
use super::failure::Failure;

/// Says which process holds the data directory `path`.
pub(super) fn failure(path: &Path, holder: &str) -> Failure {
    let path = path.display();
    let process = match name(holder) {
        Some(name) => format!("process {holder} (`{name}`)"),
        None if holder.parse::<u32>().is_ok() => format!("process {holder}"),
        // It has begun, and not said yet which one it is.
        None => "another process".to_owned(),
    };
    Failure::new(
        Exit::Busy,
        format!(
            "{process} uses the data directory `{path}`: stop it, or ask it with `--url` and \
             `--token`"
        ),
    )
}

/// What the process is called, where the system tells.
fn name(process: &str) -> Option<String> {
    let process: u32 = process.parse().ok()?;
    let name = std::fs::read_to_string(format!("/proc/{process}/comm")).ok()?;
    Some(name.trim_end().to_owned()).filter(|name| !name.is_empty())
}
