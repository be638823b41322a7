use std::path::PathBuf;
use std::sync::Arc;

use factory_reset::http::ClientGone;
use factory_reset::{Gate, OwnerProof, chain};
use shared_host::Place;
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

/// With what somebody claims the service.
pub struct Claim {
    /// What the owner signs in with from now on.
    pub passphrase: String,
}

impl Claim {
    const SHORTEST_PASSPHRASE: usize = 8;

    /// Refuses a passphrase that is too short; `field` is where the request has it.
    fn check(&self, field: &str) -> Result<(), ApiError> {
        match self.passphrase.chars().count() < Self::SHORTEST_PASSPHRASE {
            true => Err(ApiError::BadRequest(format!(
                "`{field}` must have at least {} characters",
                Self::SHORTEST_PASSPHRASE
            ))),
            false => Ok(()),
        }
    }
}

/// What a visitor shows to prove to be the owner from before the last reset.
pub struct Credentials {
    /// What decides about a setup token.
    pub proof: OwnerProof,
    /// A setup token.
    pub setup_token: Option<String>,
    /// Whether the request carries the API token.
    pub is_bearer: bool,
}

impl Credentials {
    /// Refuses a setup token that proves nothing. Changes nothing.
    fn check(&self) -> Result<(), ApiError> {
        match &self.setup_token {
            Some(token) if !self.is_bearer && self.proof.is_missing() => {
                Ok(self.proof.check(token)?)
            }
            _ => Ok(()),
        }
    }

    /// Refuses whatever is neither the API token nor an active setup token. Changes nothing.
    fn require(&self) -> Result<(), ApiError> {
        match &self.setup_token {
            _ if self.is_bearer => Ok(()),
            // Where no proof is missing, no setup token is active either.
            Some(token) => Ok(self.proof.check(token)?),
            None => Err(ApiError::Unauthorized),
        }
    }

    /// Makes the proof hold for the sessions of the new owner. The claim stands whatever comes of
    /// it: the owner can prove it again.
    async fn use_up(&self) {
        let used = match &self.setup_token {
            _ if self.is_bearer => self.proof.vouch().await,
            Some(token) if self.proof.is_missing() => self.proof.prove(token).await,
            _ => Ok(()),
        };
        if let Err(error) = used {
            tracing::error!(
                error = chain(&error),
                "the proof of ownership does not hold"
            );
        }
    }
}

impl Onboarding {
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
    /// When a reset runs or too many hashes are being computed; when there is a configuration (or,
    /// for a claim, a passphrase) already; when the setup token proves nothing, the input is not
    /// valid, or something cannot be written. Nothing has changed then.
    pub async fn complete(
        &self,
        configuration: &Configuration,
        claim: Option<Claim>,
        credentials: &Credentials,
        client: &ClientGone,
        gate: &Gate,
    ) -> Result<Option<OpenedSession>, ApiError> {
        credentials.check()?;
        let hash = match claim {
            Some(claim) => {
                let place = self.passphrase.place()?;
                // What is refused below is refused before the hash is computed.
                self.check(configuration, Some(&claim)).await?;
                Some(self.hash(place, claim, client).await?)
            }
            None => None,
        };
        let _entered = gate.enter().ok_or(ApiError::HeldOff)?;
        // One after the other: whoever comes second must find the first one's files.
        let _turn = self.turn.lock().await;
        credentials.check()?;
        self.check_state(configuration, hash.is_some()).await?;
        let session = match hash {
            Some(hash) => Some(self.set_claim(hash).await?),
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
        // Without a session there is nobody yet whom the proof could serve.
        if session.is_some() {
            credentials.use_up().await;
        }
        Ok(session)
    }

    /// Claims a service that was taken into use without a claim, and signs the caller in.
    ///
    /// # Errors
    ///
    /// [`ApiError::Unauthorized`] without the API token or a setup token, so that the first visitor
    /// does not take over a configured bot; a conflict when there is a passphrase already, or no
    /// configuration yet; when a reset runs or too many hashes are being computed; when the input is
    /// not valid, or something cannot be written. Nothing has changed then.
    pub async fn claim(
        &self,
        claim: Claim,
        credentials: &Credentials,
        client: &ClientGone,
        gate: &Gate,
    ) -> Result<OpenedSession, ApiError> {
        credentials.require()?;
        let place = self.passphrase.place()?;
        // What is refused below is refused before the hash is computed.
        self.check_claimable().await?;
        claim.check("passphrase")?;
        let hash = self.hash(place, claim, client).await?;
        let _entered = gate.enter().ok_or(ApiError::HeldOff)?;
        let _turn = self.turn.lock().await;
        credentials.require()?;
        self.check_claimable().await?;
        let session = self.set_claim(hash).await?;
        credentials.use_up().await;
        Ok(session)
    }

    async fn check_claimable(&self) -> Result<(), ApiError> {
        if !self.is_configured().await? {
            return Err(ApiError::Conflict(
                "there is no configuration yet: send the claim with `POST /api/settings/init`"
                    .to_owned(),
            ));
        }
        self.check_unclaimed().await
    }

    async fn is_configured(&self) -> Result<bool, ApiError> {
        let is_configured = self.configuration.exists().await;
        is_configured.map_err(ApiError::internal)
    }

    async fn check(
        &self,
        configuration: &Configuration,
        claim: Option<&Claim>,
    ) -> Result<(), ApiError> {
        self.check_state(configuration, claim.is_some()).await?;
        claim.map_or(Ok(()), |claim| claim.check("claim.passphrase"))
    }

    async fn check_state(
        &self,
        configuration: &Configuration,
        is_claim: bool,
    ) -> Result<(), ApiError> {
        if self.is_configured().await? {
            return conflict("a configuration exists already");
        }
        if is_claim {
            self.check_unclaimed().await?;
        }
        configuration
            .validate(&self.data_directory)
            .await
            .map_err(|invalid| ApiError::BadRequest(invalid.to_string()))
    }

    async fn check_unclaimed(&self) -> Result<(), ApiError> {
        let is_claimed = self.passphrase.is_claimed().await;
        match is_claimed.map_err(ApiError::internal)? {
            true => conflict("a passphrase is set already"),
            false => Ok(()),
        }
    }

    /// Computes the hash of a claim's passphrase, outside of the gate because a reset must not wait
    /// for it.
    async fn hash(
        &self,
        place: Place,
        claim: Claim,
        client: &ClientGone,
    ) -> Result<String, ApiError> {
        let turn = client.run(place.turn()).await.ok_or(ApiError::Busy)??;
        Ok(turn.hash(claim.passphrase).await?)
    }

    async fn set_claim(&self, hash: String) -> Result<OpenedSession, ApiError> {
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
