//! The token that the confirming client gets before a reset, and shows after it.

use std::fmt;

use jiff::{SignedDuration, Timestamp};
use sha2::{Digest as _, Sha256};

use super::error::ProofError;

/// How long a setup token is good.
pub(super) const LIFETIME: SignedDuration = SignedDuration::from_hours(24);

/// A setup token: 256 random bits that prove, after a reset, that their holder was an owner of the
/// service before it. The service itself keeps only their SHA-256 sum.
#[derive(Clone)]
pub struct SetupToken {
    secret: String,
    issued_at: Timestamp,
}

impl SetupToken {
    pub(super) fn generate() -> Result<Self, ProofError> {
        let mut bytes = [0; 32];
        getrandom::fill(&mut bytes).map_err(|_| ProofError::Random)?;
        Ok(Self {
            secret: hexadecimal(&bytes),
            issued_at: Timestamp::now(),
        })
    }

    /// The token itself: 64 hexadecimal digits. It is shown once.
    #[must_use]
    pub fn secret(&self) -> &str {
        &self.secret
    }

    /// When it was issued.
    #[must_use]
    pub fn issued_at(&self) -> Timestamp {
        self.issued_at
    }

    /// When it expires, 24 hours later.
    #[must_use]
    pub fn expires_at(&self) -> Timestamp {
        self.issued_at
            .saturating_add(LIFETIME)
            .unwrap_or(Timestamp::MAX)
    }
}

/// Without the token.
impl fmt::Debug for SetupToken {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("SetupToken")
            .field("issued_at", &self.issued_at)
            .finish_non_exhaustive()
    }
}

/// What is stored of a token. Sums are compared, and not tokens: how long a comparison takes tells
/// nothing about a token, because nobody can choose its sum.
pub(super) fn hash(token: &str) -> String {
    hexadecimal(&Sha256::digest(token.as_bytes()))
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
