//! `POST /cache`: keys of a cache go.

use axum::response::Response;
use serde::Deserialize;

use super::call::Call;
use super::json::present;
use super::offer::{Offer, Pick};
#[cfg(feature = "openapi")]
use super::openapi;
use super::refused::Refused;
use crate::descriptor::Category;

/// A reset of the cache.
#[derive(Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub(super) struct CacheReset {
    #[serde(rename = "confirm")]
    _confirm: bool,
    /// How the keys to delete begin; all keys of the host when absent.
    #[serde(default, deserialize_with = "present")]
    #[cfg_attr(feature = "openapi", schema(value_type = String, required = false))]
    prefix: Option<String>,
}

/// Deletes the keys of the cache that begin with a prefix, or all of the host's.
#[cfg_attr(feature = "openapi", utoipa::path(
    post,
    path = "/cache",
    operation_id = "resetCache",
    request_body = CacheReset,
    params(openapi::Conditional, openapi::Repeatable, openapi::Handover),
    responses(
        (status = 200, description = "It is done", body = ref("#/components/schemas/ResetDone")),
        openapi::Always, openapi::OfBody, openapi::OfRun,
    )
))]
pub(super) async fn reset(call: Call) -> Result<Response, Refused> {
    let asked: CacheReset = call.confirmed()?;
    let offer = Offer::of(&call.engine);
    let whole = Pick::category(&offer, Category::Cache)?;
    let pick = match &asked.prefix {
        None => whole,
        Some(prefix) => Pick::default().prefix(&offer, prefix)?,
    };
    let selection = pick.selection();
    call.reset(selection, None).await
}
