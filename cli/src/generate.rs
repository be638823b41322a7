//! What is generated from the command line's own description.

use clap::CommandFactory;
use clap_complete::Shell;
use clap_mangen::Man;
use factory_reset::cli::{Exit, Failure};

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

/// Prints the man page: of the whole, and of each command.
pub(crate) fn man() -> Done {
    let mut text = Vec::new();
    let mut command = CommandLine::command();
    command.build();
    let mut commands = vec![command.clone()];
    let shown = command.get_subcommands().filter(|it| !it.is_hide_set());
    commands.extend(shown.filter(|it| it.get_name() != "help").cloned());
    for command in commands {
        let rendered = Man::new(command).render(&mut text);
        rendered.map_err(|error| Failure::new(Exit::Failed, error.to_string()))?;
    }
    print(&text)
}
