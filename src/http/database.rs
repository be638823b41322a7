//! `POST /database`: rows go.

use axum::response::Response;
use serde::Deserialize;

use super::backups::checked;
use super::call::Call;
use super::json::present;
use super::offer::{Offer, Pick, Terms};
use super::refused::Refused;
use crate::descriptor::Category;

/// A reset of the database.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct DatabaseReset {
    #[serde(rename = "confirm")]
    _confirm: bool,
    /// The tables to clear; all of them when absent.
    #[serde(default, deserialize_with = "present")]
    tables: Option<Vec<String>>,
    /// Whether the row of the test user, and what it needs to stay valid, survives.
    #[serde(default, deserialize_with = "present")]
    preserve_test_user: Option<bool>,
    /// Whether tables that refer to the named ones go as well.
    #[serde(default, deserialize_with = "present")]
    cascade: Option<bool>,
    /// The name of a backup that is made first.
    #[serde(default, deserialize_with = "present")]
    backup: Option<String>,
}

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
    let backup = asked.backup.map(checked).transpose()?;
    call.reset(selection, backup).await
}
