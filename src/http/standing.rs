//! What a caller may see of earlier owners, see [`OwnerProof`](crate::OwnerProof).

use axum::extract::Request;
use axum::http::StatusCode;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;

use super::authoriser::{Actor, Authoriser};
use super::refused::Refused;
use crate::engine::Engine;

/// Stands in the extensions of a request whose caller has not proven to be the owner.
#[derive(Debug, Clone, Copy)]
pub(super) struct Unproven {
    /// What was recorded before belongs to an earlier owner.
    pub(super) since: Timestamp,
}

impl Unproven {
    /// Whether `actor` has still to prove to be the owner.
    pub(super) fn of(engine: &Engine, authoriser: &dyn Authoriser, actor: &Actor) -> Option<Self> {
        let since = engine.inner.owner_proof.missing_since()?;
        // Only where a reset can hand the service over.
        engine.inner.owner_step?;
        (!authoriser.proves_ownership(actor)).then_some(Self { since })
    }

    /// Whether what was recorded at `time` belongs to an earlier owner.
    pub(super) fn withholds(self, time: Timestamp) -> bool {
        time < self.since
    }
}

/// Refuses a caller who has not proven to be the owner: 403, and how to prove it.
pub(super) fn refused() -> Refused {
    let error = "ownership not proven: this belongs to the owner before the reset; send the setup \
                 token that was issued before the reset, or the service's API token, to \
                 `POST …/prove` as {\"token\": \"…\"}";
    Refused::new(StatusCode::FORBIDDEN, error)
}

/// Lets only those through who have proven to be the owner.
pub(super) async fn require_proof(request: Request, next: Next) -> Response {
    if request.extensions().get::<Unproven>().is_some() {
        return refused().into_response();
    }
    next.run(request).await
}
