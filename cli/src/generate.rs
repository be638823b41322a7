//! What is generated from the command line's own description.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use clap::CommandFactory;
use clap_complete::Shell;
use clap_mangen::Man;
use factory_reset::cli::{Exit, Failure};
use tempfile::Builder;

use crate::Done;
use crate::command_line::CommandLine;
use crate::told::print;

/// Prints completions for `shell`.
pub(crate) fn completions(shell: Shell) -> Done {
    let mut text = Vec::new();
    let mut command = CommandLine::command();
    clap_complete::generate(shell, &mut command, "factory-reset", &mut text);
    print(&text)
}

/// Writes `page` into a file in `directory`. A link of that name is replaced, because another user
/// may have put it there.
fn write(page: &Man, directory: &Path) -> std::io::Result<PathBuf> {
    let path = directory.join(page.get_filename());
    let mut file = Builder::new()
        .permissions(Permissions::from_mode(0o644))
        .tempfile_in(directory)?;
    page.render(&mut file)?;
    file.persist(&path)?;
    Ok(path)
}

/// Prints the man page with those of all commands, or writes each into a file in `directory`.
pub(crate) fn man(directory: Option<&Path>) -> Done {
    let failed = |error: std::io::Error| Failure::new(Exit::Failed, error.to_string());
    let mut command = CommandLine::command();
    command.build();
    let mut commands = vec![command.clone()];
    let shown = command.get_subcommands().filter(|it| !it.is_hide_set());
    commands.extend(shown.filter(|it| it.get_name() != "help").cloned());
    let mut whole = Vec::new();
    for command in commands {
        let page = Man::new(command);
        let Some(directory) = directory else {
            page.render(&mut whole).map_err(failed)?;
            continue;
        };
        let path = write(&page, directory).map_err(|error| {
            let shown = directory.display();
            Failure::new(
                Exit::Failed,
                format!("`{shown}` cannot be written to: {error}"),
            )
        })?;
        whole.extend(format!("{}\n", path.display()).into_bytes());
    }
    print(&whole)
}
