//! The command line.

use std::path::PathBuf;

use clap::{Parser, ValueEnum};

use crate::amount::Amount;
use crate::role::Role;

/// Measures factory-reset beside what people use today, on the same data, in one run. Prints a
/// table in Markdown.
#[derive(Debug, Parser)]
#[command(args_conflicts_with_subcommands = true, disable_help_subcommand = true)]
pub(crate) struct Arguments {
    /// A contestant in a process of its own.
    #[command(subcommand)]
    pub(crate) role: Option<Role>,

    /// Rows of the SQLite databases, and at most 1M of the PostgreSQL ones.
    #[arg(long, value_delimiter = ',', default_value = "10k,100k,1M")]
    pub(crate) rows: Vec<Amount>,

    /// Media files.
    #[arg(long, value_delimiter = ',', default_value = "10k,100k")]
    pub(crate) files: Vec<Amount>,

    /// How often each contestant runs; the slowest run less often.
    #[arg(long, default_value_t = 5)]
    pub(crate) rounds: usize,

    /// Seconds after which a contestant begins no other round of a contest.
    #[arg(long, default_value_t = 15)]
    pub(crate) patience: u64,

    /// Only these contests.
    #[arg(long, value_delimiter = ',')]
    pub(crate) only: Vec<Part>,

    /// Where the data are made, and removed afterwards: on a disk that keeps what is synced.
    #[arg(long)]
    pub(crate) directory: Option<PathBuf>,

    /// Writes the table, the plot and all raw numbers into this directory.
    #[arg(long)]
    pub(crate) output: Option<PathBuf>,
}

/// A part of the bench.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Part {
    /// Full reset of SQLite, on the tables of the demo service.
    Sqlite,
    /// Full reset of SQLite and its preview, on tables of which each refers to others, every
    /// foreign key indexed.
    Linked,
    /// Full reset of SQLite, and all overwrite what they delete.
    SecureDelete,
    /// Reset of some tables.
    Selection,
    /// Preview of tables, those of the demo service and the linked ones.
    Preview,
    /// Removal of media files.
    Files,
    /// Requests held off while media files are removed.
    Gate,
    /// Preview of media files.
    Survey,
    /// Full reset of PostgreSQL.
    Postgres,
    /// Peak memory of a host with the most rows and files.
    Memory,
}

impl Arguments {
    /// Whether `part` is wanted.
    pub(crate) fn wants(&self, part: Part) -> bool {
        self.only.is_empty() || self.only.contains(&part)
    }
}
