//! Everything that can be reset, for whoever has to choose.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::engine::Inner;
use crate::plan::ResetPlan;
use crate::report::Report;

/// What a host offers: everything that a reset would clear now, and what may be chosen of it.
///
/// Serialises to the report of a full reset's preview, with the fields below beside its own: the
/// JSON of `GET /options` and of `options --json` alike.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct Options {
    /// What has to be typed to confirm a reset.
    pub confirmation: Option<String>,
    /// Whether backups can be made.
    pub backups: bool,
    /// Rows that can be kept, in the order in which the host offers them.
    pub keep: Vec<KeepOption>,
    /// For the id of a step, the names that [`Selection::only`](crate::Selection::only) takes:
    /// tables, paths, beginnings of keys. A step that is not named has no parts.
    pub parts: BTreeMap<String, Vec<String>>,
    /// What everything is, now.
    #[serde(flatten)]
    pub report: Report,
    /// Whether the caller has proven to be the owner: `proven` or `unproven`, see
    /// [`OwnerProof`](crate::OwnerProof). Whoever has the engine itself is the owner. None where no
    /// reset hands the service over.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ownership: Option<&'static str>,
}

/// Rows that a host offers to keep.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct KeepOption {
    /// By which name [`Selection::keep`](crate::Selection::keep) asks for them.
    pub name: String,
    /// What they are good for.
    pub reason: String,
}

impl Options {
    pub(crate) fn new(inner: &Inner, plan: &ResetPlan) -> Self {
        let kept = inner.kept_rows.iter();
        let parts = inner.steps.iter().map(|step| {
            let parts = inner.parts_of(step);
            let names: Vec<_> = parts.names().map(str::to_owned).collect();
            (step.descriptor.id.to_string(), names)
        });
        Self {
            confirmation: inner.confirmation.clone(),
            backups: has_backups(inner),
            keep: kept
                .map(|rows| KeepOption {
                    name: rows.name().to_owned(),
                    reason: rows.reason().to_owned(),
                })
                .collect(),
            parts: parts.filter(|(_, parts)| !parts.is_empty()).collect(),
            report: plan.preview(),
            ownership: inner.owner_step.map(|_| "proven"),
        }
    }
}

fn has_backups(inner: &Inner) -> bool {
    #[cfg(feature = "backup")]
    return inner.backups.is_some();
    #[cfg(not(feature = "backup"))]
    return {
        let _ = inner;
        false
    };
}
