//! Which steps, and which parts of them, a request asks for.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

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
}

/// Why a selection cannot be planned.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SelectionError {
    /// It names a step that the engine does not have.
    #[error("there is no step `{step}`; there is: {known}")]
    UnknownStep {
        /// What it names.
        step: String,
        /// The ids that there are.
        known: String,
    },
    /// It names a part that the step does not claim.
    #[error("step `{step}` has no `{part}`; it has: {known}")]
    UnknownPart {
        /// The step.
        step: String,
        /// What it names.
        part: String,
        /// The tables and paths that there are.
        known: String,
    },
    /// It narrows a step to nothing.
    #[error("`only` names no part of step `{0}`: name one, or leave the step out")]
    Empty(String),
    /// It narrows a step that it does not select.
    #[error("`only` names step `{0}`, which `steps` leaves out: add it there")]
    NotSelected(String),
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
            only: BTreeMap::new(),
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

    /// Whether `step` is selected, whole or in part.
    #[must_use]
    pub fn selects(&self, step: &str) -> bool {
        self.steps
            .as_ref()
            .is_none_or(|ids| ids.iter().any(|id| id == step))
    }

    /// Whether the part `name` of `step` is selected.
    #[must_use]
    pub fn selects_part(&self, step: &str, name: &str) -> bool {
        self.selects(step)
            && self
                .only
                .get(step)
                .is_none_or(|parts| parts.iter().any(|part| part == name))
    }

    /// Checks every name against `known`: the parts of each step there is.
    pub(crate) fn validate(
        &self,
        known: &BTreeMap<&str, Vec<String>>,
    ) -> Result<(), SelectionError> {
        let list = |names: &mut dyn Iterator<Item = &str>| {
            let names: Vec<_> = names.map(|name| format!("`{name}`")).collect();
            names.join(", ")
        };
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
            if let Some(part) = parts.iter().find(|part| !there.contains(part)) {
                return Err(SelectionError::UnknownPart {
                    step: step.clone(),
                    part: part.clone(),
                    known: list(&mut there.iter().map(String::as_str)),
                });
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known() -> BTreeMap<&'static str, Vec<String>> {
        BTreeMap::from([
            ("media", vec!["media".to_owned()]),
            ("tables", vec!["posts".to_owned()]),
        ])
    }

    #[test]
    fn an_unknown_name_is_answered_with_what_there_is() {
        let error = Selection::steps(["medai"]).validate(&known()).unwrap_err();
        assert_eq!(
            error.to_string(),
            "there is no step `medai`; there is: `media`, `tables`"
        );
        let error = Selection::all()
            .only("tables", ["post"])
            .validate(&known())
            .unwrap_err();
        assert_eq!(
            error.to_string(),
            "step `tables` has no `post`; it has: `posts`"
        );
    }

    #[test]
    fn a_narrowed_step_must_be_selected() {
        let selection = Selection::steps(["media"]).only("tables", ["posts"]);
        assert!(matches!(
            selection.validate(&known()),
            Err(SelectionError::NotSelected(_))
        ));
    }

    #[test]
    fn unknown_fields_are_refused() {
        assert!(serde_json::from_str::<Selection>(r#"{"step": ["media"]}"#).is_err());
    }
}
