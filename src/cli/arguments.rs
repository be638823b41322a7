use std::fmt::{self, Debug, Formatter};

use clap::{Args, Subcommand};
use uuid::Uuid;

use super::exit::Exit;
use super::selected::SelectionArguments;

/// What the command line says about resets; a host flattens it into a subcommand of its own.
#[derive(Clone, Args)]
// A host may have groups of the same names.
#[group(skip)]
#[command(after_long_help = Exit::HELP)]
pub struct ResetArguments {
    /// Ask this server instead of working on the data directory: the address of its reset
    /// service, as `http://127.0.0.1:3001/api/reset`.
    #[arg(long, value_name = "URL", global = true, help_heading = "Where")]
    pub url: Option<String>,

    /// What lets the server let us in, sent as a bearer token.
    #[arg(
        long,
        value_name = "TOKEN",
        env = "FACTORY_RESET_TOKEN",
        hide_env_values = true,
        global = true,
        help_heading = "Where"
    )]
    pub token: Option<String>,

    /// Print JSON on stdout, the same as the HTTP API answers; everything else goes to stderr.
    #[arg(long, global = true)]
    pub json: bool,

    /// Work with the rights of this process, as root too, when the data belongs to another user.
    /// Without it root becomes that user first. Another user who can write to the data can then
    /// make this process change or delete any file that it may change.
    #[arg(long, global = true, help_heading = "Where")]
    pub as_root: bool,

    /// What to do.
    #[command(subcommand)]
    pub command: ResetCommand,
}

/// Without the token and the address, which may contain a password.
impl Debug for ResetArguments {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("ResetArguments")
            .field("json", &self.json)
            .field("command", &self.command)
            .finish_non_exhaustive()
    }
}

/// What can be done.
#[derive(Debug, Clone, Subcommand)]
pub enum ResetCommand {
    /// Tell everything that can be reset, with its counts. Changes nothing.
    #[command(after_long_help = Exit::HELP)]
    Options,
    /// Tell what a reset would clear now. Changes nothing.
    #[command(after_long_help = Exit::HELP)]
    Preview(PreviewArguments),
    /// Reset: all or nothing, and cannot be taken back.
    #[command(after_long_help = Exit::HELP)]
    Run(RunArguments),
    /// Make a backup.
    #[command(after_long_help = Exit::HELP)]
    Backup(BackupArguments),
    /// List the backups, or remove one.
    #[command(after_long_help = Exit::HELP)]
    Backups(BackupsArguments),
    /// Put back what a backup holds: all or nothing. What is there now is lost.
    #[command(after_long_help = Exit::HELP)]
    Restore(RestoreArguments),
    /// Tell the runs of the past, or one of them with its report.
    #[command(after_long_help = Exit::HELP)]
    History(HistoryArguments),
    /// Finish or undo a run that was interrupted, and tell what was done. Every command that
    /// opens the data directory does so first.
    #[command(after_long_help = Exit::HELP)]
    Recover(RecoverArguments),
}

/// Whether to change anything.
#[derive(Debug, Clone, Copy, Default, Args)]
#[group(skip)]
pub struct DryRun {
    /// Change nothing, and tell what would be done.
    #[arg(long)]
    pub dry_run: bool,
}

/// What to look at.
#[derive(Debug, Clone, Default, Args)]
#[group(skip)]
pub struct PreviewArguments {
    /// What is meant.
    #[command(flatten)]
    pub selection: SelectionArguments,
}

/// What to reset.
#[derive(Debug, Clone, Default, Args)]
#[group(skip)]
pub struct RunArguments {
    /// What is meant.
    #[command(flatten)]
    pub selection: SelectionArguments,

    /// Make a backup of this name first; without it nothing is reset.
    #[arg(long, value_name = "NAME")]
    pub backup: Option<String>,

    /// The phrase that confirms the reset, instead of typing it.
    #[arg(long, value_name = "PHRASE")]
    pub confirm: Option<String>,

    /// Reset only if what would be cleared is what an earlier preview with this digest has told.
    #[arg(long, value_name = "DIGEST")]
    pub if_unchanged: Option<String>,

    /// Whether to change anything.
    #[command(flatten)]
    pub dry_run: DryRun,
}

/// Which backup to make.
#[derive(Debug, Clone, Args)]
#[group(skip)]
pub struct BackupArguments {
    /// Name of the new backup: 1 to 64 of the characters A-Z a-z 0-9 . _ -, the first none of . and -
    pub name: String,

    /// Whether to change anything.
    #[command(flatten)]
    pub dry_run: DryRun,
}

/// Which backups to list or to remove.
#[derive(Debug, Clone, Default, Args)]
#[group(skip)]
pub struct BackupsArguments {
    /// Remove this backup. Write `--delete=NAME` for a name that begins with `-`.
    #[arg(long, value_name = "NAME")]
    pub delete: Option<String>,

    /// Whether to change anything.
    #[command(flatten)]
    pub dry_run: DryRun,
}

/// Which backup to put back.
#[derive(Debug, Clone, Args)]
#[group(skip)]
pub struct RestoreArguments {
    /// The backup.
    pub name: String,

    /// The phrase that confirms it, instead of typing it.
    #[arg(long, value_name = "PHRASE")]
    pub confirm: Option<String>,

    /// Whether to change anything.
    #[command(flatten)]
    pub dry_run: DryRun,
}

/// Which runs to tell of.
#[derive(Debug, Clone, Copy, Default, Args)]
#[group(skip)]
pub struct HistoryArguments {
    /// One run, told with its report; all of them without it.
    pub run: Option<Uuid>,
}

/// How to end an interrupted run.
#[derive(Debug, Clone, Copy, Default, Args)]
#[group(skip)]
pub struct RecoverArguments {
    /// Whether to change anything.
    #[command(flatten)]
    pub dry_run: DryRun,
}
