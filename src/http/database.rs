//! `POST /database`: rows go.

use axum::response::Response;
use serde::Deserialize;

use super::backups::checked_new;
use super::call::Call;
use super::json::present;
use super::offer::{Offer, Pick, Terms};
#[cfg(feature = "openapi")]
use super::openapi;
use super::refused::Refused;
use crate::descriptor::Category;

/// A reset of the database.
#[derive(Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub(super) struct DatabaseReset {
    #[serde(rename = "confirm")]
    _confirm: bool,
    /// The tables to clear; all of them when absent.
    #[serde(default, deserialize_with = "present")]
    #[cfg_attr(feature = "openapi", schema(value_type = Vec<String>, required = false))]
    tables: Option<Vec<String>>,
    /// Whether the row of the test user, and what it needs to stay valid, survives.
    #[serde(default, deserialize_with = "present")]
    #[cfg_attr(feature = "openapi", schema(value_type = bool, required = false))]
    preserve_test_user: Option<bool>,
    /// Whether tables that refer to the named ones go as well.
    #[serde(default, deserialize_with = "present")]
    #[cfg_attr(feature = "openapi", schema(value_type = bool, required = false))]
    cascade: Option<bool>,
    /// The name of a backup that is made first.
    #[serde(default, deserialize_with = "present")]
    #[cfg_attr(feature = "openapi", schema(value_type = String, required = false))]
    backup: Option<String>,
}

/// Deletes all rows of the named tables, or of all tables that steps claim.
#[cfg_attr(feature = "openapi", utoipa::path(
    post,
    path = "/database",
    operation_id = "resetDatabase",
    request_body = DatabaseReset,
    params(openapi::Conditional, openapi::Repeatable, openapi::Handover),
    responses(
        (status = 200, description = "It is done", body = ref("#/components/schemas/ResetDone")),
        openapi::Always, openapi::OfBody, openapi::OfRun,
    )
))]
pub(super) async fn reset(call: Call) -> Result<Response, Refused> {
    let asked: DatabaseReset = call.confirmed()?;
    let offer = Offer::of(&call.engine);
    let pick = match &asked.tables {
        None => Pick::category(&offer, Category::Database)?,
        Some(tables) => Pick::default().tables(&offer, tables)?,
    };
    let terms = Terms {
        preserve_test_user: asked.preserve_test_user,
        cascade: asked.cascade,
    };
    let selection = terms.apply(&offer, pick.selection())?;
    let backup = asked.backup.map(checked_new).transpose()?;
    call.reset(selection, backup).await
}
