use std::path::PathBuf;
use std::sync::Arc;

use factory_reset::chain;
use tokio::sync::Mutex;

use crate::access::{OpenedSession, Passphrase, Sessions};
use crate::watchtower::Watchtower;
use crate::{ApiError, Configuration, ConfigurationFile};

/// Takes a service in its factory state into use: configuration, passphrase and
/// first session, all of them or none.
pub struct Onboarding {
    data_directory: PathBuf,
    configuration: ConfigurationFile,
    passphrase: Arc<Passphrase>,
    sessions: Sessions,
    watchtower: Arc<Watchtower>,
    turn: Mutex<()>,
}

impl Onboarding {
    const SHORTEST_PASSPHRASE: usize = 8;

    /// Takes into use what lives in this data directory.
    #[must_use]
    pub fn new(
        data_directory: PathBuf,
        configuration: ConfigurationFile,
        passphrase: Arc<Passphrase>,
        sessions: Sessions,
        watchtower: Arc<Watchtower>,
    ) -> Self {
        Self {
            data_directory,
            configuration,
            passphrase,
            sessions,
            watchtower,
            turn: Mutex::default(),
        }
    }

    /// Writes the configuration; with a passphrase claims the service too, and signs
    /// the caller in. Then the watchtower starts.
    ///
    /// # Errors
    ///
    /// When there is a configuration (or, for a claim, a passphrase) already, when
    /// the input is not valid, or when something cannot be written. Nothing has
    /// changed then.
    pub async fn complete(
        &self,
        configuration: &Configuration,
        passphrase: Option<String>,
    ) -> Result<Option<OpenedSession>, ApiError> {
        // One after the other: whoever comes second must find the first one's files.
        let _turn = self.turn.lock().await;
        self.check(configuration, passphrase.as_deref()).await?;
        let session = match passphrase {
            Some(passphrase) => Some(self.claim(passphrase).await?),
            None => None,
        };
        // The configuration comes last: until it is there, onboarding can be repeated.
        if let Err(error) = self.configuration.write(configuration).await {
            if let Some(session) = &session {
                self.take_back_claim(Some(session)).await;
            }
            return Err(ApiError::internal(error));
        }
        if let Err(error) = self.watchtower.start(configuration.source_folders()) {
            tracing::warn!(%error, "the new sources are not watched");
        }
        Ok(session)
    }

    async fn check(
        &self,
        configuration: &Configuration,
        passphrase: Option<&str>,
    ) -> Result<(), ApiError> {
        let is_configured = self.configuration.exists().await;
        if is_configured.map_err(ApiError::internal)? {
            return conflict("a configuration exists already");
        }
        if let Some(passphrase) = passphrase {
            let is_claimed = self.passphrase.is_claimed().await;
            if is_claimed.map_err(ApiError::internal)? {
                return conflict("a passphrase is set already");
            }
            if passphrase.chars().count() < Self::SHORTEST_PASSPHRASE {
                return Err(ApiError::BadRequest(format!(
                    "`claim.passphrase` must have at least {} characters",
                    Self::SHORTEST_PASSPHRASE
                )));
            }
        }
        configuration
            .validate(&self.data_directory)
            .await
            .map_err(|invalid| ApiError::BadRequest(invalid.to_string()))
    }

    async fn claim(&self, passphrase: String) -> Result<OpenedSession, ApiError> {
        self.passphrase
            .set(passphrase)
            .await
            .map_err(ApiError::internal)?;
        match self.sessions.open().await {
            Ok(session) => Ok(session),
            Err(error) => {
                self.take_back_claim(None).await;
                Err(error.into())
            }
        }
    }

    async fn take_back_claim(&self, session: Option<&OpenedSession>) {
        if let Some(session) = session
            && let Err(error) = self.sessions.close(&session.token).await
        {
            tracing::error!(error = chain(&error), "failed to take a session back");
        }
        if let Err(error) = self.passphrase.remove().await {
            tracing::error!(error = chain(&error), "failed to take the passphrase back");
        }
    }
}

fn conflict(reason: &str) -> Result<(), ApiError> {
    Err(ApiError::Conflict(reason.to_owned()))
}
