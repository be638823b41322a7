//! `POST /complete`: everything goes, as one.

use axum::response::Response;
use serde::Deserialize;

use super::backups::checked_new;
use super::call::Call;
use super::json::present;
use super::offer::{Offer, Terms};
#[cfg(feature = "openapi")]
use super::openapi;
use super::refused::Refused;
use crate::selection::Selection;

/// A reset of everything.
#[derive(Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub(super) struct CompleteReset {
    #[serde(rename = "confirm")]
    _confirm: bool,
    /// The name of a backup that is made first.
    #[serde(default, deserialize_with = "present")]
    #[cfg_attr(feature = "openapi", schema(value_type = String, required = false))]
    backup: Option<String>,
    /// Whether the row of the test user, and what it needs to stay valid, survives.
    #[serde(default, deserialize_with = "present")]
    #[cfg_attr(feature = "openapi", schema(value_type = bool, required = false))]
    preserve_test_user: Option<bool>,
    /// Changes nothing: everything goes anyway.
    #[serde(default, deserialize_with = "present")]
    #[cfg_attr(feature = "openapi", schema(value_type = bool, required = false))]
    cascade: Option<bool>,
}

/// Resets everything, all or nothing.
#[cfg_attr(feature = "openapi", utoipa::path(
    post,
    path = "/complete",
    operation_id = "resetEverything",
    request_body = CompleteReset,
    params(openapi::Conditional, openapi::Repeatable, openapi::Handover),
    responses(
        (status = 200, description = "It is done", body = ref("#/components/schemas/ResetDone")),
        openapi::Always, openapi::OfBody, openapi::OfRun,
    )
))]
pub(super) async fn reset(call: Call) -> Result<Response, Refused> {
    let asked: CompleteReset = call.confirmed()?;
    let terms = Terms {
        preserve_test_user: asked.preserve_test_user,
        cascade: asked.cascade,
    };
    let selection = terms.apply(&Offer::of(&call.engine), Selection::all())?;
    let backup = asked.backup.map(checked_new).transpose()?;
    call.reset(selection, backup).await
}
