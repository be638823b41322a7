//! The state as it is stored.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::token::{LIFETIME, SetupToken, hash};

pub(super) const VERSION: u32 = 1;

/// How many inert tokens are kept, one for each actor; the oldest is dropped first.
const MOST: usize = 16;

/// What is known of the owner.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Record {
    pub(super) version: u32,
    /// Whether a host that knows its owner has used this data directory.
    pub(super) is_in_use: bool,
    /// Present while the proof is missing.
    unproven: Option<Unproven>,
    tokens: Vec<StoredToken>,
}

/// The run that has handed the service over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Unproven {
    run: Uuid,
    since: Timestamp,
}

/// What is stored of a setup token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct StoredToken {
    sha256: String,
    actor: String,
    issued_at: Timestamp,
    /// The committed run that has made it active; none while it is inert.
    run: Option<Uuid>,
}

impl StoredToken {
    pub(super) fn new(token: &SetupToken, actor: &str) -> Self {
        Self {
            sha256: hash(token.secret()),
            actor: actor.to_owned(),
            issued_at: token.issued_at(),
            run: None,
        }
    }

    /// The clock may be set back: a token from the future is as old as one from the past.
    fn is_expired(&self) -> bool {
        Timestamp::now().duration_since(self.issued_at).abs() > LIFETIME
    }

    fn is_good(&self, sha256: &str) -> bool {
        self.sha256 == sha256 && !self.is_expired()
    }
}

/// Of a data directory that has never been handed over.
impl Default for Record {
    fn default() -> Self {
        Self {
            version: VERSION,
            is_in_use: false,
            unproven: None,
            tokens: Vec::new(),
        }
    }
}

impl Record {
    /// The state after `run`: the proof is missing, and of all tokens only `token` is left, active.
    pub(super) fn unproven(run: Uuid, token: Option<StoredToken>) -> Self {
        let token = token.map(|token| StoredToken {
            run: Some(run),
            ..token
        });
        Self {
            version: VERSION,
            is_in_use: true,
            unproven: Some(Unproven {
                run,
                since: Timestamp::now(),
            }),
            tokens: token.into_iter().collect(),
        }
    }

    /// The run that has handed the service over.
    pub(super) fn run(&self) -> Option<Uuid> {
        self.unproven.as_ref().map(|unproven| unproven.run)
    }

    pub(super) fn unproven_since(&self) -> Option<Timestamp> {
        self.unproven.as_ref().map(|unproven| unproven.since)
    }

    /// Adds an inert token, in the place of those of its actor that are still inert.
    pub(super) fn add(&mut self, token: StoredToken) {
        let is_kept = |other: &StoredToken| {
            !other.is_expired() && (other.run.is_some() || other.actor != token.actor)
        };
        self.tokens.retain(is_kept);
        while self.tokens.len() >= MOST {
            let oldest = self.tokens.iter().position(|other| other.run.is_none());
            self.tokens.remove(oldest.unwrap_or_default());
        }
        self.tokens.push(token);
        self.is_in_use = true;
    }

    /// Whether a token with this sum proves something now.
    pub(super) fn is_active(&self, sha256: &str) -> bool {
        let is_active = |token: &StoredToken| token.run.is_some() && token.is_good(sha256);
        self.unproven.is_some() && self.tokens.iter().any(is_active)
    }

    pub(super) fn find_inert(&self, sha256: &str) -> Option<StoredToken> {
        let is_inert = |token: &&StoredToken| token.run.is_none() && token.is_good(sha256);
        self.tokens.iter().find(is_inert).cloned()
    }

    /// The owner has proven: the active token is used up.
    pub(super) fn prove(&mut self) {
        self.unproven = None;
        self.tokens.retain(|token| token.run.is_none());
    }
}

#[cfg(test)]
impl StoredToken {
    pub(super) fn aged(mut self, hours: i64) -> Self {
        self.issued_at -= jiff::SignedDuration::from_hours(hours);
        self
    }
}
