use std::time::Duration;

use jiff::Timestamp;
use jsonwebtoken::errors::Error as JwtError;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation, decode, encode};
use serde::{Deserialize, Serialize};
use shared_host::random_token;

use super::{JwtSecret, User};

/// Issues and verifies tokens: JSON Web Tokens, signed by HMAC with SHA-256.
pub struct Tokens {
    signing: EncodingKey,
    verifying: DecodingKey,
    validation: Validation,
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
}

impl Tokens {
    /// How long a token is valid.
    pub const LIFETIME: Duration = Duration::from_secs(15 * 60);

    /// Tokens that are signed with this secret.
    #[must_use]
    pub fn new(secret: &JwtSecret) -> Self {
        let mut validation = Validation::new(Algorithm::HS256);
        // Whoever issues a token is who verifies it, by the same clock.
        validation.leeway = 0;
        validation.set_required_spec_claims(&["exp", "sub"]);
        Self {
            signing: EncodingKey::from_secret(secret.as_bytes()),
            verifying: DecodingKey::from_secret(secret.as_bytes()),
            validation,
        }
    }

    /// A new token for this user, with what it says.
    pub(super) fn issue(&self, user: &User) -> Result<(IssuedToken, Claims), JwtError> {
        // Whole seconds, as a token counts: what is answered is what is in it.
        let now = Timestamp::now().as_second();
        let expires_at = now + Self::LIFETIME.as_secs() as i64;
        let claims = Claims {
            sub: user.id.to_string(),
            jti: random_token(),
            iat: now,
            exp: expires_at,
            key: user.token_key.clone(),
        };
        let token = encode(&Header::new(Algorithm::HS256), &claims, &self.signing)?;
        let expires_at = Timestamp::from_second(expires_at).unwrap_or(Timestamp::MAX);
        Ok((IssuedToken { token, expires_at }, claims))
    }

    /// What a token says, if it is one of ours and has not expired.
    pub(super) fn verify(&self, token: &str) -> Option<Claims> {
        let decoded = decode(token, &self.verifying, &self.validation);
        decoded.ok().map(|decoded| decoded.claims)
    }
}
