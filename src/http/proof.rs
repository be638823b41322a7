//! `POST /setup-token`, `POST /prove`: how the owner from before a reset is known after it.

use std::sync::Arc;

use axum::extract::{Extension, State};
use axum::http::StatusCode;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::authoriser::{Actor, Authoriser};
use super::call::Call;
#[cfg(feature = "openapi")]
use super::openapi;
use super::refused::Refused;
use super::reply::Reply;
use crate::engine::Engine;
use crate::owner_proof::ProofError;

/// A proof of ownership.
#[derive(Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub(super) struct Proof {
    /// A setup token, or a credential of the host that outlives resets, such as its API token.
    token: String,
}

#[derive(Serialize)]
struct Issued<'a> {
    setup_token: &'a str,
    expires_at: Timestamp,
}

#[derive(Serialize)]
struct Proven {
    success: bool,
    message: &'static str,
}

/// Issues a setup token: 64 hexadecimal digits that prove nothing before a reset that is asked for
/// with the header `Setup-Token` is committed. After it, `/prove` accepts the token once, for 24
/// hours.
#[cfg_attr(feature = "openapi", utoipa::path(
    post,
    path = "/setup-token",
    operation_id = "issueSetupToken",
    responses(
        (status = 200, description = "The token", body = ref("#/components/schemas/SetupToken")),
        (status = 404, description = "No reset of this host hands it over to somebody else",
            body = ref("#/components/schemas/Error")),
        openapi::Always,
    )
))]
pub(super) async fn issue(
    engine: State<Engine>,
    Extension(actor): Extension<Actor>,
) -> Result<Reply, Refused> {
    if engine.inner.owner_step.is_none() {
        let error = "this host needs no setup tokens: no reset hands it over to somebody else";
        return Err(Refused::not_found(error));
    }
    let token = engine.inner.owner_proof.issue(&actor.0).await?;
    Ok(Reply::ok(&Issued {
        setup_token: token.secret(),
        expires_at: token.expires_at(),
    }))
}

/// Proves that the caller is the owner from before the last reset. From then on backups and history
/// are open to every caller that the host authorises.
#[cfg_attr(feature = "openapi", utoipa::path(
    post,
    path = "/prove",
    operation_id = "proveOwnership",
    request_body = Proof,
    responses(
        (status = 200, description = "It is proven, or was before",
            body = ref("#/components/schemas/Removed")),
        openapi::Always, openapi::OfBody,
    )
))]
pub(super) async fn prove(
    Extension(authoriser): Extension<Arc<dyn Authoriser>>,
    call: Call,
) -> Result<Reply, Refused> {
    let Proof { token } = call.fields()?;
    let proof = &call.engine.inner.owner_proof;
    if authoriser.accepts_proof(&token).await {
        proof.vouch().await?;
    } else {
        proof.prove(&token).await?;
    }
    Ok(Reply::ok(&Proven {
        success: true,
        message: "ownership is proven: backups and history are open again",
    }))
}

impl From<ProofError> for Refused {
    fn from(error: ProofError) -> Self {
        match error {
            ProofError::Token => Self::new(StatusCode::FORBIDDEN, error.to_string()),
            error => Self::failed(crate::error::chain(&error), None),
        }
    }
}
