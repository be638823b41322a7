//! `POST /files`: files go.

use axum::response::Response;
use serde::Deserialize;

use super::backups::checked_new;
use super::call::Call;
use super::json::present;
use super::offer::{Offer, Pick};
#[cfg(feature = "openapi")]
use super::openapi;
use super::refused::Refused;
use crate::descriptor::Category;

/// A reset of files.
#[derive(Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub(super) struct FilesReset {
    #[serde(rename = "confirm")]
    _confirm: bool,
    /// The directories to clear; all of them when absent.
    #[serde(default, deserialize_with = "present")]
    #[cfg_attr(feature = "openapi", schema(value_type = Vec<String>, required = false))]
    directories: Option<Vec<String>>,
    /// The name of a backup that is made first.
    #[serde(default, deserialize_with = "present")]
    #[cfg_attr(feature = "openapi", schema(value_type = String, required = false))]
    backup: Option<String>,
}

/// Clears the named directories, or all of them.
#[cfg_attr(feature = "openapi", utoipa::path(
    post,
    path = "/files",
    operation_id = "resetFiles",
    request_body = FilesReset,
    params(openapi::Conditional, openapi::Repeatable, openapi::Handover),
    responses(
        (status = 200, description = "It is done", body = ref("#/components/schemas/ResetDone")),
        openapi::Always, openapi::OfBody, openapi::OfRun,
    )
))]
pub(super) async fn reset(call: Call) -> Result<Response, Refused> {
    let asked: FilesReset = call.confirmed()?;
    let offer = Offer::of(&call.engine);
    let whole = Pick::category(&offer, Category::Files)?;
    let pick = match &asked.directories {
        None => whole,
        Some(directories) => Pick::default().directories(&offer, directories)?,
    };
    let backup = asked.backup.map(checked_new).transpose()?;
    let selection = pick.selection();
    call.reset(selection, backup).await
}
