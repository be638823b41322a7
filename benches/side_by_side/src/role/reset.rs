//! Ours.

use clap::Args;
use factory_reset::{EventKind, ResetRequest};

use super::host::Host;
use super::line;
use crate::failure::Failure;

/// Resets a host through its engine.
#[derive(Debug, Args)]
pub(crate) struct Reset {
    #[command(flatten)]
    host: Host,
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
        line::ready()?;
        let request = ResetRequest::new(self.host.selection()).confirmed();
        let report = engine.reset(request).await?;
        listener.await??;
        if let Some(way) = way(&serde_json::to_value(&report)?) {
            line::way(&way)?;
        }
        if !report.pending.is_empty() {
            return Err(format!("not finished: {:?}", report.pending).into());
        }
        line::done()?;
        Ok(())
    }
}

/// How the database was emptied, where the report says so.
fn way(report: &serde_json::Value) -> Option<String> {
    let way = report.get("way")?;
    let name = way.get("way").or_else(|| way.get("name")).unwrap_or(way);
    Some(
        name.as_str()
            .map_or_else(|| name.to_string(), str::to_owned),
    )
}
