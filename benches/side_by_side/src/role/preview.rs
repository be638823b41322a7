//! What a reset would clear.

use clap::Args;

use super::host::Host;
use super::line;
use crate::failure::Failure;

/// Plans a reset of a host.
#[derive(Debug, Args)]
pub(crate) struct Preview {
    #[command(flatten)]
    host: Host,
    /// Does it once before it is timed, as an options page that is open.
    #[arg(long)]
    warm: bool,
}

impl Preview {
    pub(super) async fn play(self) -> Result<(), Failure> {
        let engine = self.host.engine().await?;
        let selection = self.host.selection();
        if self.warm {
            engine.plan(&selection).await?;
        }
        line::ready()?;
        let plan = engine.plan(&selection).await?;
        line::done()?;
        drop(plan);
        Ok(())
    }
}
