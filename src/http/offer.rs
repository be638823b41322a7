//! What a host offers to be reset by itself, and what a call picks of it.

use std::collections::BTreeMap;

use super::refused::Refused;
use crate::database::KeptRows;
use crate::descriptor::{Category, StepId};
use crate::engine::{Engine, Inner};
use crate::registry::StepRegistration;
use crate::selection::Selection;

/// Under which name a host offers the rows of its test user.
const TEST_USER: &str = "test_user";

/// What the steps of a host clear, by what calls name.
pub(super) struct Offer<'a> {
    inner: &'a Inner,
}

impl<'a> Offer<'a> {
    pub(super) fn of(engine: &'a Engine) -> Self {
        Self {
            inner: &engine.inner,
        }
    }

    /// The steps of a category.
    fn steps(&self, category: Category) -> impl Iterator<Item = &StepRegistration> {
        let is_wanted = move |step: &&StepRegistration| self.category_of(step) == Some(category);
        self.inner.steps.iter().filter(is_wanted)
    }

    fn category_of(&self, step: &StepRegistration) -> Option<Category> {
        self.inner.ownership.category_of(step.descriptor.id)
    }

    /// The tables, each with its step.
    pub(super) fn tables(&self) -> BTreeMap<String, StepId> {
        let steps = self.inner.steps.iter();
        steps
            .flat_map(|step| {
                let tables = self.inner.parts_of(step).tables.into_iter();
                tables.map(|table| (table, step.descriptor.id))
            })
            .collect()
    }

    /// The paths of the steps that clear files, each with its step.
    pub(super) fn directories(&self) -> BTreeMap<String, StepId> {
        self.steps(Category::Files)
            .flat_map(|step| {
                let paths = self.inner.parts_of(step).paths.into_iter();
                paths.map(|path| (path.as_str().to_owned(), step.descriptor.id))
            })
            .collect()
    }

    /// The prefixes of the caches, each with its step.
    pub(super) fn prefixes(&self) -> BTreeMap<String, StepId> {
        self.steps(Category::Cache)
            .flat_map(|step| {
                let keys = self.inner.parts_of(step).keys.into_iter();
                keys.map(|prefix| (prefix, step.descriptor.id))
            })
            .collect()
    }

    /// Whether the rows of a test user can be kept.
    pub(super) fn has_test_user(&self) -> bool {
        self.kept().any(|name| name == TEST_USER)
    }

    fn kept(&self) -> impl Iterator<Item = &str> {
        self.inner.kept_rows.iter().map(KeptRows::name)
    }

    /// What there is, each step with its category.
    fn list(&self) -> String {
        let entry = |step: &StepRegistration| {
            let category = self.category_of(step).map_or("none", Category::as_str);
            format!("`{}` (category: {category})", step.descriptor.id)
        };
        let steps: Vec<_> = self.inner.steps.iter().map(entry).collect();
        steps.join(", ")
    }
}

/// Steps that a call picks, whole or in part.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Pick {
    steps: BTreeMap<StepId, Option<Vec<String>>>,
}

impl Pick {
    /// Everything of a category.
    pub(super) fn category(offer: &Offer<'_>, category: Category) -> Result<Self, Refused> {
        let steps = offer.steps(category);
        let steps: BTreeMap<_, _> = steps.map(|step| (step.descriptor.id, None)).collect();
        if steps.is_empty() {
            return Err(Refused::bad_request(format!(
                "this host has no step of the category `{}`; there is: {}",
                category.as_str(),
                offer.list()
            )));
        }
        Ok(Self { steps })
    }

    /// These tables.
    pub(super) fn tables(mut self, offer: &Offer<'_>, names: &[String]) -> Result<Self, Refused> {
        self.add("table", &offer.tables(), names)?;
        Ok(self)
    }

    /// These directories.
    pub(super) fn directories(
        mut self,
        offer: &Offer<'_>,
        names: &[String],
    ) -> Result<Self, Refused> {
        self.add("directory", &offer.directories(), names)?;
        Ok(self)
    }

    /// The keys of a cache that begin with `prefix`.
    pub(super) fn prefix(mut self, offer: &Offer<'_>, prefix: &str) -> Result<Self, Refused> {
        let prefixes = offer.prefixes();
        let owner = prefixes.iter().find(|(own, _)| prefix.starts_with(*own));
        let Some((_, step)) = owner else {
            return Err(Refused::bad_request(format!(
                "`prefix`: no cache of this host has keys that begin with `{prefix}`; they begin \
                 with: {}",
                list(prefixes.keys())
            )));
        };
        self.part(*step, prefix);
        Ok(self)
    }

    fn add(
        &mut self,
        what: &str,
        known: &BTreeMap<String, StepId>,
        names: &[String],
    ) -> Result<(), Refused> {
        let there_is = || list(known.keys());
        if names.is_empty() {
            return Err(Refused::bad_request(format!(
                "no {what} is named: name one, or leave the field out; there is: {}",
                there_is()
            )));
        }
        for name in names {
            let Some(step) = known.get(name) else {
                return Err(Refused::bad_request(format!(
                    "there is no {what} `{name}`; there is: {}",
                    there_is()
                )));
            };
            self.part(*step, name);
        }
        Ok(())
    }

    fn part(&mut self, step: StepId, part: &str) {
        let parts = self.steps.entry(step).or_default().get_or_insert_default();
        if !parts.iter().any(|known| known == part) {
            parts.push(part.to_owned());
        }
    }

    /// As the engine takes it.
    pub(super) fn selection(self) -> Selection {
        let whole = Selection::steps(self.steps.keys().map(|step| step.as_str()));
        let narrowed = self.steps.into_iter();
        let narrowed = narrowed.filter_map(|(step, parts)| Some((step, parts?)));
        narrowed.fold(whole, |selection, (step, parts)| {
            selection.only(step.as_str(), parts)
        })
    }
}

/// What a call can ask of any selection of tables.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Terms {
    pub(super) preserve_test_user: Option<bool>,
    pub(super) cascade: Option<bool>,
}

impl Terms {
    /// `selection` on these terms.
    pub(super) fn apply(
        self,
        offer: &Offer<'_>,
        mut selection: Selection,
    ) -> Result<Selection, Refused> {
        if self.preserve_test_user == Some(true) {
            if !offer.has_test_user() {
                return Err(Refused::bad_request(
                    "`preserve_test_user`: this host offers no rows of a test user to keep",
                ));
            }
            selection = selection.keep(TEST_USER);
        }
        if self.cascade == Some(true) {
            selection = selection.cascade();
        }
        Ok(selection)
    }
}

fn list<'a>(names: impl Iterator<Item = &'a String>) -> String {
    let names: Vec<_> = names.map(|name| format!("`{name}`")).collect();
    if names.is_empty() {
        return "none".to_owned();
    }
    names.join(", ")
}
