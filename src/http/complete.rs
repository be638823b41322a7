//! `POST /complete`: everything goes, as one.

use axum::response::Response;
use serde::Deserialize;

use super::backups::checked;
use super::call::Call;
use super::json::present;
use super::offer::{Offer, Terms};
use super::refused::Refused;
use crate::selection::Selection;

/// A reset of everything.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CompleteReset {
    #[serde(rename = "confirm")]
    _confirm: bool,
    /// The name of a backup that is made first.
    #[serde(default, deserialize_with = "present")]
    backup: Option<String>,
    /// Whether the row of the test user, and what it needs to stay valid, survives.
    #[serde(default, deserialize_with = "present")]
    preserve_test_user: Option<bool>,
    /// Changes nothing: everything goes anyway.
    #[serde(default, deserialize_with = "present")]
    cascade: Option<bool>,
}

pub(super) async fn reset(call: Call) -> Result<Response, Refused> {
    let asked: CompleteReset = call.confirmed()?;
    let terms = Terms {
        preserve_test_user: asked.preserve_test_user,
        cascade: asked.cascade,
    };
    let selection = terms.apply(&Offer::of(&call.engine), Selection::all())?;
    let backup = asked.backup.map(checked).transpose()?;
    call.reset(selection, backup).await
}
