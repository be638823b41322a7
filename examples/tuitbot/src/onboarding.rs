use std::path::PathBuf;
use std::sync::Arc;

use factory_reset::http::ClientGone;
use factory_reset::{Gate, chain};
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
    /// the caller in. Then the watchtower starts. Hashes outside of the gate, and enters it to
    /// write.
    ///
    /// # Errors
    ///
    /// When a reset runs or too many hashes are being computed; when there is a configuration (or, for a claim, a passphrase) already, when
    /// the input is not valid, or when something cannot be written. Nothing has
    /// changed then.
    pub async fn complete(
        &self,
        configuration: &Configuration,
        passphrase: Option<String>,
        client: &ClientGone,
        gate: &Gate,
    ) -> Result<Option<OpenedSession>, ApiError> {
        let hash = match passphrase {
            Some(passphrase) => {
                let place = self.passphrase.place()?;
                // What is refused below is refused before the hash is computed.
                self.check(configuration, Some(&passphrase)).await?;
                let turn = client.run(place.turn()).await.ok_or(ApiError::Busy)??;
                Some(turn.hash(passphrase).await?)
            }
            None => None,
        };
        let _entered = gate.enter().ok_or(ApiError::HeldOff)?;
        // One after the other: whoever comes second must find the first one's files.
        let _turn = self.turn.lock().await;
        self.check_state(configuration, hash.is_some()).await?;
        let session = match hash {
            Some(hash) => Some(self.claim(hash).await?),
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
        self.check_state(configuration, passphrase.is_some())
            .await?;
        let length = passphrase.map(|passphrase| passphrase.chars().count());
        if length.is_some_and(|length| length < Self::SHORTEST_PASSPHRASE) {
            return Err(ApiError::BadRequest(format!(
                "`claim.passphrase` must have at least {} characters",
                Self::SHORTEST_PASSPHRASE
            )));
        }
        Ok(())
    }

    async fn check_state(
        &self,
        configuration: &Configuration,
        is_claim: bool,
    ) -> Result<(), ApiError> {
        let is_configured = self.configuration.exists().await;
        if is_configured.map_err(ApiError::internal)? {
            return conflict("a configuration exists already");
        }
        if is_claim {
            let is_claimed = self.passphrase.is_claimed().await;
            if is_claimed.map_err(ApiError::internal)? {
                return conflict("a passphrase is set already");
            }
        }
        configuration
            .validate(&self.data_directory)
            .await
            .map_err(|invalid| ApiError::BadRequest(invalid.to_string()))
    }

    async fn claim(&self, hash: String) -> Result<OpenedSession, ApiError> {
        self.passphrase
            .set_hash(hash)
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
