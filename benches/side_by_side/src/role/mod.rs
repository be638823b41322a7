//! What this program does in a process of its own, as a contestant.

mod ancestor;
mod counts;
mod host;
mod line;
mod passer;
mod preview;
mod reset;

use clap::Subcommand;

use crate::failure::Failure;

/// A contestant.
#[derive(Debug, Subcommand)]
pub(crate) enum Role {
    /// Resets a host.
    #[command(hide = true)]
    Reset(reset::Reset),
    /// Looks at what a reset would clear.
    #[command(hide = true)]
    Preview(preview::Preview),
    /// Deletes table by table, children first, in one transaction.
    #[command(hide = true)]
    Ancestor(ancestor::Ancestor),
    /// Counts the rows of each table, in one statement each.
    #[command(hide = true)]
    Counts(counts::Counts),
}

impl Role {
    /// Plays it, in a runtime such as services have.
    pub(crate) fn play(self) -> Result<(), Failure> {
        let runtime = tokio::runtime::Runtime::new()?;
        runtime.block_on(async {
            match self {
                Self::Reset(role) => role.play().await,
                Self::Preview(role) => role.play().await,
                Self::Ancestor(role) => role.play().await,
                Self::Counts(role) => role.play().await,
            }
        })
    }
}
