use std::sync::{PoisonError, RwLock};
use std::time::Duration;

use jiff::Timestamp;
use jsonwebtoken::errors::Error as JwtError;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation, decode, encode};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use shared_host::random_token;
use tokio::task::spawn_blocking;

use super::User;
use super::jwt_secret::{JwtSecret, JwtSecretError, JwtSecretSource};

/// Issues and verifies tokens: JSON Web Tokens, signed by HMAC with SHA-256.
pub struct Tokens {
    source: JwtSecretSource,
    keys: RwLock<Keys>,
    validation: Validation,
}

/// What one secret gives.
#[derive(Clone)]
struct Keys {
    signing: EncodingKey,
    verifying: DecodingKey,
    epoch: String,
}

/// A token that was just issued.
#[derive(Clone, Debug, Serialize)]
pub struct IssuedToken {
    /// What its holder shows from now on.
    pub token: String,
    /// Until when it is valid (RFC 3339).
    pub expires_at: Timestamp,
}

/// What a token says.
#[derive(Debug, Deserialize, Serialize)]
pub(super) struct Claims {
    /// The user's id.
    pub(super) sub: String,
    /// The token's own id.
    pub(super) jti: String,
    /// When it was issued.
    pub(super) iat: i64,
    /// When it expires.
    pub(super) exp: i64,
    /// The user's own key: after a reset somebody else may get his id, never his key.
    pub(super) key: String,
    /// Changes with every reset and restore, because a restore may bring the user back with his
    /// key, and what signs may be configured.
    epoch: String,
}

impl Tokens {
    /// How long a token is valid.
    pub const LIFETIME: Duration = Duration::from_secs(15 * 60);

    /// Tokens that are signed with the secret in `source`. Until it is [loaded](Self::load), they
    /// are good for this process alone: an interrupted reset may have the file to put back.
    #[must_use]
    pub fn new(source: JwtSecretSource) -> Self {
        let mut validation = Validation::new(Algorithm::HS256);
        // Whoever issues a token is who verifies it, by the same clock.
        validation.leeway = 0;
        validation.set_required_spec_claims(&["exp", "sub"]);
        Self {
            keys: RwLock::new(Keys::new(&source.unwritten())),
            source,
            validation,
        }
    }

    /// Reads the secret, or generates one at the first start.
    ///
    /// # Errors
    ///
    /// When its file can be neither read nor written, or holds no secret.
    pub async fn load(&self) -> Result<(), JwtSecretError> {
        let source = self.source.clone();
        let secret = blocking(move || source.load_or_create()).await?;
        self.take(&secret);
        Ok(())
    }

    /// Generates another secret: no token that was issued before is good from now on, also when
    /// the secret cannot be written.
    ///
    /// # Errors
    ///
    /// When its file cannot be written.
    pub async fn rotate(&self) -> Result<(), JwtSecretError> {
        let secret = self.source.unwritten();
        self.take(&secret);
        let source = self.source.clone();
        blocking(move || source.write(&secret)).await
    }

    fn take(&self, secret: &JwtSecret) {
        *self.keys.write().unwrap_or_else(PoisonError::into_inner) = Keys::new(secret);
    }

    fn keys(&self) -> Keys {
        let keys = self.keys.read();
        keys.unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// A new token for this user, with what it says.
    pub(super) fn issue(&self, user: &User) -> Result<(IssuedToken, Claims), JwtError> {
        let keys = self.keys();
        // Whole seconds, as a token counts: what is answered is what is in it.
        let now = Timestamp::now().as_second();
        let expires_at = now + Self::LIFETIME.as_secs() as i64;
        let claims = Claims {
            sub: user.id.to_string(),
            jti: random_token(),
            iat: now,
            exp: expires_at,
            key: user.token_key.clone(),
            epoch: keys.epoch,
        };
        let token = encode(&Header::new(Algorithm::HS256), &claims, &keys.signing)?;
        let expires_at = Timestamp::from_second(expires_at).unwrap_or(Timestamp::MAX);
        Ok((IssuedToken { token, expires_at }, claims))
    }

    /// What a token says, if it is one of ours, of this epoch, and has not expired.
    pub(super) fn verify(&self, token: &str) -> Option<Claims> {
        let keys = self.keys();
        let decoded = decode::<Claims>(token, &keys.verifying, &self.validation);
        let claims = decoded.ok()?.claims;
        (claims.epoch == keys.epoch).then_some(claims)
    }
}

impl Keys {
    fn new(secret: &JwtSecret) -> Self {
        // Everybody can read a token: the epoch tells nothing about the secret that it is made of.
        let epoch = Sha256::new()
            .chain_update(b"stories token epoch")
            .chain_update(secret.generated());
        Self {
            signing: EncodingKey::from_secret(secret.as_bytes()),
            verifying: DecodingKey::from_secret(secret.as_bytes()),
            epoch: hex::encode(epoch.finalize()),
        }
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, JwtSecretError> + Send + 'static,
) -> Result<T, JwtSecretError> {
    match spawn_blocking(work).await {
        Ok(done) => done,
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    }
}
