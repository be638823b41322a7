//! `POST /cache`: keys of a cache go.

use axum::response::Response;
use serde::Deserialize;

use super::call::Call;
use super::json::present;
use super::offer::{Offer, Pick};
use super::refused::Refused;
use crate::descriptor::Category;

/// A reset of the cache.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CacheReset {
    #[serde(rename = "confirm")]
    _confirm: bool,
    /// How the keys to delete begin; all keys of the host when absent.
    #[serde(default, deserialize_with = "present")]
    prefix: Option<String>,
}

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
