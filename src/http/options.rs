//! `GET /options` and `POST /preview`: what there is, and what would go.

use std::collections::BTreeMap;

use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};

use super::call::Call;
use super::json::present;
use super::offer::{Offer, Pick, Terms};
#[cfg(feature = "openapi")]
use super::openapi;
use super::refused::Refused;
use super::reply::Reply;
use crate::engine::Engine;
use crate::error::ResetError;
use crate::plan::ResetPlan;
use crate::report::Report;
use crate::selection::Selection;

#[derive(Serialize)]
struct Options<'a> {
    /// What has to be typed to confirm a reset.
    confirmation: Option<&'a str>,
    #[serde(flatten)]
    report: Report,
}

/// What a preview is asked for: the body of any reset, or a selection as the engine takes it.
#[derive(Default, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub(super) struct Preview {
    /// The tables that are meant.
    #[serde(default, deserialize_with = "present")]
    #[cfg_attr(feature = "openapi", schema(value_type = Vec<String>, required = false))]
    tables: Option<Vec<String>>,
    /// The directories that are meant.
    #[serde(default, deserialize_with = "present")]
    #[cfg_attr(feature = "openapi", schema(value_type = Vec<String>, required = false))]
    directories: Option<Vec<String>>,
    /// How the keys of the cache begin that are meant.
    #[serde(default, deserialize_with = "present")]
    #[cfg_attr(feature = "openapi", schema(value_type = String, required = false))]
    prefix: Option<String>,
    /// Whether the row of the test user, and what it needs to stay valid, survives.
    #[serde(default, deserialize_with = "present")]
    #[cfg_attr(feature = "openapi", schema(value_type = bool, required = false))]
    preserve_test_user: Option<bool>,
    /// Whether tables that refer to the selected ones go as well.
    #[serde(default, deserialize_with = "present")]
    #[cfg_attr(feature = "openapi", schema(value_type = bool, required = false))]
    cascade: Option<bool>,
    /// The ids of steps; all of them when absent.
    #[serde(default, deserialize_with = "present")]
    #[cfg_attr(feature = "openapi", schema(value_type = Vec<String>, required = false))]
    steps: Option<Vec<String>>,
    /// For a step's id, the parts that are meant; all of them when absent.
    #[serde(default, deserialize_with = "present")]
    #[cfg_attr(feature = "openapi", schema(value_type = BTreeMap<String, Vec<String>>, required = false))]
    only: Option<BTreeMap<String, Vec<String>>>,
    /// The names of rows that stay.
    #[serde(default, deserialize_with = "present")]
    #[cfg_attr(feature = "openapi", schema(value_type = Vec<String>, required = false))]
    keep: Option<Vec<String>>,
    /// Changes nothing, as a preview needs no confirmation.
    #[serde(rename = "confirm", default, deserialize_with = "present")]
    #[cfg_attr(feature = "openapi", schema(value_type = bool, required = false))]
    _confirm: Option<bool>,
    /// Changes nothing, as a preview makes no backup.
    #[serde(rename = "backup", default, deserialize_with = "present")]
    #[cfg_attr(feature = "openapi", schema(value_type = String, required = false))]
    _backup: Option<String>,
}

impl Preview {
    fn selection(self, offer: &Offer<'_>) -> Result<Selection, Refused> {
        let terms = Terms {
            preserve_test_user: self.preserve_test_user,
            cascade: self.cascade,
        };
        let names_parts =
            self.tables.is_some() || self.directories.is_some() || self.prefix.is_some();
        if names_parts && (self.steps.is_some() || self.only.is_some()) {
            return Err(Refused::bad_request(
                "`tables`, `directories` and `prefix` say what to reset, `steps` and `only` do so \
                 as well: choose one way",
            ));
        }
        let mut selection = if names_parts {
            let mut pick = Pick::default();
            if let Some(tables) = &self.tables {
                pick = pick.tables(offer, tables)?;
            }
            if let Some(directories) = &self.directories {
                pick = pick.directories(offer, directories)?;
            }
            if let Some(prefix) = &self.prefix {
                pick = pick.prefix(offer, prefix)?;
            }
            pick.selection()
        } else {
            self.steps.map_or_else(Selection::all, Selection::steps)
        };
        for (step, parts) in self.only.into_iter().flatten() {
            selection = selection.only(step, parts);
        }
        for name in self.keep.into_iter().flatten() {
            selection = selection.keep(name);
        }
        terms.apply(offer, selection)
    }
}

/// Everything that can be reset, with its counts.
#[cfg_attr(feature = "openapi", utoipa::path(
    get,
    path = "/options",
    operation_id = "options",
    responses(
        (status = 200, description = "What there is", body = ref("#/components/schemas/Options"),
            headers(("ETag" = String, description = "the digest of all of it, in quotes"))),
        openapi::Always,
    )
))]
pub(super) async fn show(engine: State<Engine>) -> Result<Response, Refused> {
    let plan = engine.plan(&Selection::all()).await?;
    let options = Options {
        confirmation: engine.confirmation(),
        report: plan.preview(),
    };
    Ok(with_digest(&plan, &options))
}

/// What a reset would clear now. Changes nothing. No body means everything.
#[cfg_attr(feature = "openapi", utoipa::path(
    post,
    path = "/preview",
    operation_id = "preview",
    request_body = Preview,
    responses(
        (status = 200, description = "What would go", body = ref("#/components/schemas/Report"),
            headers(("ETag" = String, description = "the digest of the plan, in quotes"))),
        openapi::Always, openapi::OfBody, openapi::OfSelection,
    )
))]
pub(super) async fn preview(call: Call) -> Result<Response, Refused> {
    let asked = if call.body.trim_ascii().is_empty() {
        Preview::default()
    } else {
        call.fields()?
    };
    let selection = asked.selection(&Offer::of(&call.engine))?;
    let plan = call.engine.plan(&selection).await?;
    if !plan.references().is_empty() {
        let references = plan.references().to_vec();
        return Err(Refused::from(&ResetError::References(references)));
    }
    Ok(with_digest(&plan, &plan.preview()))
}

fn with_digest(plan: &ResetPlan, body: &impl Serialize) -> Response {
    let mut response = Reply::ok(body).into_response();
    // Hexadecimal digits in quotes are always a valid header.
    if let Ok(value) = HeaderValue::from_str(&format!("\"{}\"", plan.digest())) {
        response.headers_mut().insert(header::ETAG, value);
    }
    response
}
