//! Which steps, and which parts of them, a request asks for.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::database::KeptRows;
use crate::relative_path::RelativePath;

/// What to reset: everything, some steps, or parts of a step (these tables, those
/// directories).
///
/// ```
/// use factory_reset::Selection;
/// let everything = Selection::all();
/// let media_alone = Selection::steps(["media"]);
/// let two_tables = Selection::steps(["tables"]).only("tables", ["threads", "thread_tweets"]);
/// # let _ = (everything, media_alone, two_tables);
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Selection {
    /// The ids of the steps; all of them when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    steps: Option<Vec<String>>,
    /// For a step's id, the items that are meant; all of them when absent.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    only: BTreeMap<String, Vec<String>>,
    /// Whether tables that refer to selected ones go as well.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    cascade: bool,
    /// The names of the rows that stay.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    keep: Vec<String>,
}

/// Why a selection cannot be planned.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SelectionError {
    /// It names a step that the engine does not have.
    #[error("there is no step `{step}`; {}", offered("there is", .known, "there is none"))]
    UnknownStep {
        /// What it names.
        step: String,
        /// The ids that there are.
        known: String,
    },
    /// It names a part that the step does not claim.
    #[error("step `{step}` has no `{part}`; {}", offered("it has", .known, "it has no parts"))]
    UnknownPart {
        /// The step.
        step: String,
        /// What it names.
        part: String,
        /// The tables and paths that there are.
        known: String,
    },
    /// It keeps rows that the host does not offer.
    #[error("there are no rows called `{name}` to keep; {}", offered("there is", .known, "this service offers none"))]
    UnknownKeptRows {
        /// What it names.
        name: String,
        /// The names that there are.
        known: String,
    },
    /// It selects nothing.
    #[error("`steps` is empty: name a step, or leave it out to mean all of them")]
    Nothing,
    /// It narrows a step to nothing.
    #[error("`only` names no part of step `{0}`: name one, or leave the step out")]
    Empty(String),
    /// It narrows a step that it does not select.
    #[error("`only` names step `{0}`, which `steps` leaves out: add it there")]
    NotSelected(String),
}

/// `there_is` what is `known`, or that nothing is.
fn offered(there_is: &str, known: &str, nothing: &str) -> String {
    match known {
        "" => nothing.to_owned(),
        known => format!("{there_is}: {known}"),
    }
}

/// What of a step can be selected by itself.
#[derive(Debug, Clone, Default)]
pub(crate) struct Parts {
    pub(crate) tables: Vec<String>,
    pub(crate) paths: Vec<RelativePath>,
    /// Prefixes of keys; a longer one that begins with one of them is a part as well.
    pub(crate) keys: Vec<String>,
}

impl Parts {
    /// All of them, by name.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        let tables = self.tables.iter().map(String::as_str);
        let paths = self.paths.iter().map(RelativePath::as_str);
        let keys = self.keys.iter().map(String::as_str);
        tables.chain(paths).chain(keys)
    }

    #[cfg(feature = "backup")]
    pub(crate) fn is_empty(&self) -> bool {
        self.names().next().is_none()
    }

    fn has(&self, part: &str) -> bool {
        self.names().any(|name| name == part)
            || self
                .keys
                .iter()
                .any(|prefix| part.starts_with(prefix.as_str()))
    }

    /// Those that are in `selected`; all of them when nothing is said.
    pub(crate) fn narrowed(mut self, selected: Option<&[String]>) -> Self {
        let Some(selected) = selected else {
            return self;
        };
        let is_selected = |name: &str| selected.iter().any(|part| part == name);
        self.tables.retain(|table| is_selected(table));
        self.paths.retain(|path| is_selected(path.as_str()));
        let keys = std::mem::take(&mut self.keys);
        let is_key = |part: &&String| keys.iter().any(|prefix| part.starts_with(prefix.as_str()));
        self.keys = selected.iter().filter(is_key).cloned().collect();
        self
    }
}

impl Selection {
    /// Everything.
    #[must_use]
    pub fn all() -> Self {
        Self::default()
    }

    /// These steps, whole.
    #[must_use]
    pub fn steps<Id: Into<String>>(ids: impl IntoIterator<Item = Id>) -> Self {
        Self {
            steps: Some(ids.into_iter().map(Into::into).collect()),
            ..Self::default()
        }
    }

    /// Narrows `step` to these of its tables and paths.
    #[must_use]
    pub fn only<Part: Into<String>>(
        mut self,
        step: impl Into<String>,
        parts: impl IntoIterator<Item = Part>,
    ) -> Self {
        let parts = parts.into_iter().map(Into::into).collect();
        self.only.insert(step.into(), parts);
        self
    }

    /// Takes along every table that refers to a selected one, and those that refer to these,
    /// as far as steps claim them.
    #[must_use]
    pub fn cascade(mut self) -> Self {
        self.cascade = true;
        self
    }

    /// Keeps the rows that the host has offered under `name`, with what they refer to: see
    /// [`EngineBuilder::keep_rows`](crate::EngineBuilder::keep_rows).
    #[must_use]
    pub fn keep(mut self, name: impl Into<String>) -> Self {
        self.keep.push(name.into());
        self
    }

    /// Whether tables that refer to selected ones go as well.
    #[must_use]
    pub fn is_cascading(&self) -> bool {
        self.cascade
    }

    /// Whether the rows called `name` stay.
    #[must_use]
    pub fn keeps(&self, name: &str) -> bool {
        self.keep.iter().any(|kept| kept == name)
    }

    /// The parts of `step` that are asked for; none when it is asked for whole.
    pub(crate) fn parts_of(&self, step: &str) -> Option<&[String]> {
        self.only.get(step).map(Vec::as_slice)
    }

    /// Whether `step` is selected, whole or in part.
    #[must_use]
    pub fn selects(&self, step: &str) -> bool {
        self.steps
            .as_ref()
            .is_none_or(|ids| ids.iter().any(|id| id == step))
    }

    /// Checks every name against what there is: the parts of each step, and the names of the
    /// rows that can be kept.
    pub(crate) fn validate(
        &self,
        known: &BTreeMap<&str, Parts>,
        kept: &[KeptRows],
    ) -> Result<(), SelectionError> {
        let list = |names: &mut dyn Iterator<Item = &str>| {
            let names: Vec<_> = names.map(|name| format!("`{name}`")).collect();
            names.join(", ")
        };
        let is_offered = |name: &&String| kept.iter().any(|rows| rows.name() == *name);
        if let Some(name) = self.keep.iter().find(|name| !is_offered(name)) {
            return Err(SelectionError::UnknownKeptRows {
                name: name.clone(),
                known: list(&mut kept.iter().map(KeptRows::name)),
            });
        }
        if self.steps.as_ref().is_some_and(Vec::is_empty) {
            return Err(SelectionError::Nothing);
        }
        for step in self.steps.iter().flatten().chain(self.only.keys()) {
            if !known.contains_key(step.as_str()) {
                return Err(SelectionError::UnknownStep {
                    step: step.clone(),
                    known: list(&mut known.keys().copied()),
                });
            }
        }
        for (step, parts) in &self.only {
            if !self.selects(step) {
                return Err(SelectionError::NotSelected(step.clone()));
            }
            if parts.is_empty() {
                return Err(SelectionError::Empty(step.clone()));
            }
            let there = &known[step.as_str()];
            if let Some(part) = parts.iter().find(|part| !there.has(part)) {
                return Err(SelectionError::UnknownPart {
                    step: step.clone(),
                    part: part.clone(),
                    known: list(&mut there.names()),
                });
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known() -> BTreeMap<&'static str, Parts> {
        let media = Parts {
            paths: vec![RelativePath::new("media").unwrap()],
            ..Parts::default()
        };
        let tables = Parts {
            tables: vec!["posts".to_owned()],
            ..Parts::default()
        };
        BTreeMap::from([("media", media), ("tables", tables)])
    }

    #[test]
    fn an_unknown_name_is_answered_with_what_there_is() {
        let error = Selection::steps(["medai"])
            .validate(&known(), &[])
            .unwrap_err();
        assert_eq!(
            error.to_string(),
            "there is no step `medai`; there is: `media`, `tables`"
        );
        let error = Selection::all()
            .only("tables", ["post"])
            .validate(&known(), &[])
            .unwrap_err();
        assert_eq!(
            error.to_string(),
            "step `tables` has no `post`; it has: `posts`"
        );
    }

    #[test]
    fn where_nothing_is_offered_that_is_said() {
        let steps = BTreeMap::from([("runtimes", Parts::default())]);
        let told = |selection: Selection| selection.validate(&steps, &[]).unwrap_err().to_string();
        assert_eq!(
            told(Selection::all().keep("mine")),
            "there are no rows called `mine` to keep; this service offers none"
        );
        assert_eq!(
            told(Selection::all().only("runtimes", ["mine"])),
            "step `runtimes` has no `mine`; it has no parts"
        );
    }

    #[test]
    fn a_narrowed_step_must_be_selected() {
        let selection = Selection::steps(["media"]).only("tables", ["posts"]);
        assert!(matches!(
            selection.validate(&known(), &[]),
            Err(SelectionError::NotSelected(_))
        ));
    }

    #[test]
    fn unknown_fields_are_refused() {
        assert!(serde_json::from_str::<Selection>(r#"{"step": ["media"]}"#).is_err());
    }
}
