use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use factory_reset::http::ClientGone;
use factory_reset::{Gate, OwnerProof};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::access::SessionCookie;
use crate::configuration::{Business, ContentSources, XApi};
use crate::onboarding::{Claim, Credentials};
use crate::{ApiError, AppState, Configuration, JsonBody};

/// Whether the service has been taken into use.
pub(crate) async fn status(State(state): State<AppState>) -> Result<Json<Value>, ApiError> {
    let configured = state.configuration.exists().await;
    let claimed = state.passphrase.is_claimed().await;
    Ok(Json(json!({
        "configured": configured.map_err(ApiError::internal)?,
        "claimed": claimed.map_err(ApiError::internal)?,
        "version": env!("CARGO_PKG_VERSION"),
    })))
}

/// The configuration.
pub(crate) async fn show(State(state): State<AppState>) -> Result<Json<Configuration>, ApiError> {
    let configuration = state.configuration.read().await;
    configuration
        .map_err(ApiError::internal)?
        .map(Json)
        .ok_or(ApiError::NotFound("there is no configuration"))
}

/// The configuration, and with it a claim.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct InitRequest {
    x_api: XApi,
    business: Business,
    content_sources: Option<ContentSources>,
    claim: Option<ClaimRequest>,
    /// Proves that the claim is that of the owner from before the last reset.
    setup_token: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ClaimRequest {
    passphrase: String,
}

/// Takes the service into use.
pub(crate) async fn init(
    State(state): State<AppState>,
    client: ClientGone,
    Extension(gate): Extension<Gate>,
    Extension(proof): Extension<OwnerProof>,
    headers: HeaderMap,
    JsonBody(request): JsonBody<InitRequest>,
) -> Result<Response, ApiError> {
    let configuration = Configuration {
        x_api: request.x_api,
        business: request.business,
        content_sources: request.content_sources,
    };
    let claim = request.claim.map(|claim| Claim {
        passphrase: claim.passphrase,
    });
    let credentials = Credentials {
        proof,
        setup_token: request.setup_token,
        is_bearer: state.authentication.is_bearer(&headers),
    };
    let onboarding = &state.onboarding;
    let opened = onboarding
        .complete(&configuration, claim, &credentials, &client, &gate)
        .await?;
    let mut body = json!({ "status": "created", "config": configuration });
    Ok(match opened {
        None => Json(body).into_response(),
        Some(opened) => {
            body["csrf_token"] = opened.session.csrf_token.into();
            (SessionCookie::set(&opened.token), Json(body)).into_response()
        }
    })
}
