//! `POST /preview` and `POST /run`: what would go of any selection, and its reset.

use std::collections::BTreeMap;

use axum::response::Response;
use serde::Deserialize;

use super::backups::checked_new;
use super::call::Call;
use super::json::present;
use super::offer::{Offer, Pick, Terms};
#[cfg(feature = "openapi")]
use super::openapi;
use super::options::with_digest;
use super::refused::Refused;
use crate::error::ResetError;
use crate::selection::Selection;

/// Any selection: the body of any reset, or as the engine takes it.
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
    /// A preview needs no confirmation.
    #[serde(rename = "confirm", default, deserialize_with = "present")]
    #[cfg_attr(feature = "openapi", schema(value_type = bool, required = false))]
    _confirm: Option<bool>,
    /// What was typed to confirm it; checked when it is there. A preview needs none.
    #[serde(default, deserialize_with = "present")]
    #[cfg_attr(feature = "openapi", schema(value_type = String, required = false))]
    confirmation: Option<String>,
    /// A backup of that name is made first. A preview makes none.
    #[serde(default, deserialize_with = "present")]
    #[cfg_attr(feature = "openapi", schema(value_type = String, required = false))]
    backup: Option<String>,
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
    let plan = call.client.run(call.engine.plan(&selection)).await;
    let plan = plan.ok_or_else(Refused::abandoned)??;
    if !plan.references().is_empty() {
        let references = plan.references().to_vec();
        return Err(Refused::from(&ResetError::References(references)));
    }
    Ok(with_digest(plan.digest(), &plan.preview()))
}

/// Resets any selection; everything, when none is named.
#[cfg_attr(feature = "openapi", utoipa::path(
    post,
    path = "/run",
    operation_id = "resetSelection",
    request_body(content = ref("#/components/schemas/SelectedReset")),
    params(openapi::Conditional, openapi::Repeatable, openapi::Handover),
    responses(
        (status = 200, description = "It is done", body = ref("#/components/schemas/ResetDone")),
        openapi::Always, openapi::OfBody, openapi::OfRun,
    )
))]
pub(super) async fn reset(call: Call) -> Result<Response, Refused> {
    let mut asked: Preview = call.confirmed()?;
    call.check_phrase(asked.confirmation.as_deref())?;
    let backup = asked.backup.take().map(checked_new).transpose()?;
    let selection = asked.selection(&Offer::of(&call.engine))?;
    call.reset(selection, backup).await
}
