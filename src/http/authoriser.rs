//! Who may look and reset.

use async_trait::async_trait;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};

/// Who asks, as the host names it; stands in reports.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Actor(pub String);

/// The host's own answer to somebody who may not.
#[derive(Debug)]
pub struct Denial(Response);

impl Denial {
    /// Denies with this answer.
    pub fn new(answer: impl IntoResponse) -> Self {
        Self(answer.into_response())
    }
}

impl IntoResponse for Denial {
    fn into_response(self) -> Response {
        self.0
    }
}

/// Lets a request to the router through, or denies it. Asked before anything else is looked
/// at, the body included.
#[async_trait]
pub trait Authoriser: Send + Sync + 'static {
    /// Who asks.
    ///
    /// # Errors
    ///
    /// A [`Denial`] with the host's own answer.
    async fn authorise(&self, request: &Parts) -> Result<Actor, Denial>;

    /// Whether `actor` has authenticated with a credential that outlives resets, such as an API
    /// token, and so needs no further proof of ownership after one. No actor has, unless the host
    /// says so. Called only after a reset that has handed the service over, see
    /// [`EngineBuilder::owner_step`](crate::EngineBuilder::owner_step).
    fn proves_ownership(&self, actor: &Actor) -> bool {
        let _ = actor;
        false
    }

    /// Whether `secret` is a credential of the host that outlives resets: a caller who has
    /// authenticated with something else shows it to prove to be the owner. Compare it in constant
    /// time.
    async fn accepts_proof(&self, secret: &str) -> bool {
        let _ = secret;
        false
    }
}
