//! Ours.

use clap::Args;
use factory_reset::{EventKind, ResetRequest, Way};

use super::host::Host;
use super::line;
use super::passer::Passer;
use crate::failure::Failure;

/// Resets a host through its engine.
#[derive(Debug, Args)]
pub(crate) struct Reset {
    #[command(flatten)]
    host: Host,
    /// Somebody goes through its gate meanwhile.
    #[arg(long)]
    passed: bool,
}

impl Reset {
    pub(super) async fn play(self) -> Result<(), Failure> {
        let engine = self.host.engine().await?;
        let mut events = engine.events();
        let listener = tokio::spawn(async move {
            while let Some(event) = events.next().await {
                if matches!(event.kind, EventKind::Committed) {
                    return line::committed();
                }
            }
            Ok(())
        });
        // Nobody resets what he has not looked at; and others have read the schema by now, too.
        engine.plan(&self.host.selection()).await?;
        line::ready()?;
        let request = ResetRequest::new(self.host.selection()).confirmed();
        let passer = self.passed.then(|| Passer::start(engine.gate_handle()));
        let report = engine.reset(request).await?;
        if let Some(passer) = passer {
            line::wait(passer.longest_wait()?)?;
        }
        listener.await??;
        if let Some(way) = &report.database {
            line::way(&told(way))?;
        }
        for pending in &report.pending {
            line::pending(&format!("{}: {}", pending.work, pending.error))?;
        }
        line::done()?;
        Ok(())
    }
}

fn told(way: &Way) -> String {
    match way {
        Way::FactoryImage => "factory image".to_owned(),
        Way::Clearing { because: None } => "clearing".to_owned(),
        Way::Clearing {
            because: Some(reason),
        } => format!("clearing: {reason}"),
        _ => "another one".to_owned(),
    }
}
