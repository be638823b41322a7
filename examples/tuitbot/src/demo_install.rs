use std::io;

use crate::access::PassphraseError;
use crate::automation::Runtimes;
use crate::{AppState, Business, Configuration, ConfigurationError, XApi, demo};

/// What a demo is claimed with.
pub(crate) const PASSPHRASE: &str = "tuitbot-demo";

/// Why the example data cannot be written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DemoError {
    /// The rows.
    #[error("failed to write example rows")]
    Rows(#[from] sqlx::Error),
    /// The media files.
    #[error("failed to write example media")]
    Media(#[from] io::Error),
    /// The configuration.
    #[error("failed to write the example configuration")]
    Configuration(#[from] ConfigurationError),
    /// The passphrase.
    #[error("failed to set the example passphrase")]
    Passphrase(#[from] PassphraseError),
}

/// Makes of a fresh install one that has been used for a while, and still is.
pub(crate) async fn fill(state: &AppState, rows: u64, files: u64) -> Result<(), DemoError> {
    demo::fill_database(&state.pool, rows).await?;
    let media = state.files.media();
    tokio::task::spawn_blocking(move || demo::fill_media(&media, files))
        .await
        .unwrap_or_else(|error| Err(io::Error::other(error)))?;
    state.configuration.write(&configuration()).await?;
    state.passphrase.set(PASSPHRASE.to_owned()).await?;
    state
        .runtimes
        .resume(&[Runtimes::DEFAULT_ACCOUNT.to_owned()]);
    tracing::info!(rows, files, "wrote example data");
    Ok(())
}

/// Without content sources, so that nothing outside the data directory is read.
fn configuration() -> Configuration {
    let texts = |texts: &[&str]| texts.iter().map(|&text| text.to_owned()).collect();
    Configuration {
        x_api: XApi {
            client_id: "demo-client".to_owned(),
        },
        business: Business {
            product_name: "Tuitbot".to_owned(),
            product_description: "A bot that tends your account while you sleep".to_owned(),
            product_keywords: texts(&["automation", "scheduling", "social media"]),
            industry_topics: texts(&["marketing", "open source", "self-hosting"]),
        },
        content_sources: None,
    }
}
