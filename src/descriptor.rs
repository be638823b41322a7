//! What is known about a step before it runs.

use std::any::TypeId;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::summary::Summary;

/// The name of a step, as it stands in options, reports and selections.
///
/// Lower-case ASCII letters, digits and `-`; starts with a letter; 1 to 64 characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct StepId(&'static str);

impl StepId {
    /// Takes `id` if it is a valid name.
    ///
    /// # Panics
    ///
    /// When it is not. In a `const` or `static`, where descriptors live, that is a
    /// compile error.
    ///
    /// ```
    /// use factory_reset::StepId;
    /// const MEDIA: StepId = StepId::new("media");
    /// assert_eq!(MEDIA.as_str(), "media");
    /// ```
    ///
    /// ```compile_fail
    /// use factory_reset::StepId;
    /// const SPACED: StepId = StepId::new("search index");
    /// ```
    #[must_use]
    pub const fn new(id: &'static str) -> Self {
        let bytes = id.as_bytes();
        assert!(
            !bytes.is_empty() && bytes.len() <= 64 && bytes[0].is_ascii_lowercase(),
            "a step id has 1 to 64 characters and starts with a lower-case letter"
        );
        let mut index = 0;
        while index < bytes.len() {
            assert!(
                bytes[index].is_ascii_lowercase()
                    || bytes[index].is_ascii_digit()
                    || bytes[index] == b'-',
                "a step id holds lower-case letters, digits and `-` only"
            );
            index += 1;
        }
        Self(id)
    }

    /// The name itself.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        self.0
    }
}

impl fmt::Display for StepId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.0)
    }
}

/// When in a reset a step is applied. Phases run in the order of the variants.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// What writes is stopped. Undone by [`ResetStep::resume`](crate::ResetStep::resume).
    Stop,
    /// Durable state goes, through the transaction and the staging area alone, so that
    /// all of it can be undone until the commit.
    Erase,
    /// What cannot be rolled back goes after the commit. Must be idempotent.
    Forget,
}

/// Whose state a step clears.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// All replicas of the host share it: tables, files, a cache server.
    Shared,
    /// It is this process's alone: tasks, copies in memory.
    Process,
}

/// What kind of state a step clears, as far as requests tell kinds apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Category {
    /// Rows of the database.
    Database,
    /// Files that the service has made or been given.
    Files,
    /// What can be made again at any time: keys in a cache server.
    Cache,
    /// How the service is set up: configuration, credentials.
    Config,
}

impl Category {
    /// As it stands in JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Database => "database",
            Self::Files => "files",
            Self::Cache => "cache",
            Self::Config => "config",
        }
    }
}

/// A resource type that a step cannot work without.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Requirement {
    pub(crate) type_id: fn() -> TypeId,
    pub(crate) type_name: fn() -> &'static str,
}

/// How many resource types one step can require.
const MOST_REQUIREMENTS: usize = 8;

/// The constant part of a step.
///
/// ```
/// use factory_reset::{Phase, StepDescriptor, summary};
///
/// struct SearchIndex;
/// const SEARCH_INDEX: StepDescriptor = StepDescriptor::new("search-index", Phase::Erase)
///     .label("Search index")
///     .description("The full-text index. It is built again from new content.")
///     .requires::<SearchIndex>()
///     .cleared(&[("search_index_deleted", summary::any_path)]);
/// ```
#[derive(Debug, Clone, Copy)]
pub struct StepDescriptor {
    pub(crate) id: StepId,
    pub(crate) phase: Phase,
    pub(crate) scope: Scope,
    pub(crate) label: &'static str,
    pub(crate) description: &'static str,
    pub(crate) after: &'static [&'static str],
    pub(crate) requires: [Option<Requirement>; MOST_REQUIREMENTS],
    pub(crate) cleared: &'static [(&'static str, Summary)],
    pub(crate) is_refillable: bool,
    pub(crate) is_optional: bool,
    pub(crate) category: Option<Category>,
    pub(crate) accompanies: &'static [&'static str],
}

impl StepDescriptor {
    /// Describes the step `id`, applied in `phase`.
    ///
    /// Until said otherwise its label is its id, and its scope is
    /// [`Scope::Shared`] in the Erase phase and [`Scope::Process`] in the others.
    ///
    /// # Panics
    ///
    /// On an invalid id, like [`StepId::new`].
    #[must_use]
    pub const fn new(id: &'static str, phase: Phase) -> Self {
        Self {
            id: StepId::new(id),
            phase,
            scope: match phase {
                Phase::Erase => Scope::Shared,
                Phase::Stop | Phase::Forget => Scope::Process,
            },
            label: id,
            description: "",
            after: &[],
            requires: [None; MOST_REQUIREMENTS],
            cleared: &[],
            is_refillable: false,
            is_optional: false,
            category: None,
            accompanies: &[],
        }
    }

    /// Says of a step of the Forget phase that what it clears fills itself anew, as a cache
    /// does. When it could not be cleared after the commit, that is then tried again while the
    /// service is in use; otherwise only by the next reset and at the next start, for by then
    /// it may hold what nobody wants to lose.
    #[must_use]
    pub const fn refillable(mut self) -> Self {
        self.is_refillable = true;
        self
    }

    /// Says that a host that does not offer what the step requires does not have the step,
    /// unless it [expects](crate::EngineBuilder::expect_step) it. For steps behind a feature of
    /// their crate: another crate of the same build may have switched it on.
    #[must_use]
    pub const fn optional(mut self) -> Self {
        self.is_optional = true;
        self
    }

    /// The ids of the steps with which this one is always selected, whole or in part: for what
    /// must follow their state, as a file that is there only while a table is empty.
    #[must_use]
    pub const fn accompanies(mut self, steps: &'static [&'static str]) -> Self {
        self.accompanies = steps;
        self
    }

    /// What kind of state this is. Until said otherwise it follows from what the step claims:
    /// tables, paths or keys.
    #[must_use]
    pub const fn category(mut self, category: Category) -> Self {
        self.category = Some(category);
        self
    }

    /// What people read as the step's name.
    #[must_use]
    pub const fn label(mut self, label: &'static str) -> Self {
        self.label = label;
        self
    }

    /// A sentence on what goes.
    #[must_use]
    pub const fn description(mut self, description: &'static str) -> Self {
        self.description = description;
        self
    }

    /// Whose state this is.
    #[must_use]
    pub const fn scope(mut self, scope: Scope) -> Self {
        self.scope = scope;
        self
    }

    /// The ids of the steps that must have been applied before this one. They stand in
    /// the same phase or an earlier one.
    #[must_use]
    pub const fn after(mut self, steps: &'static [&'static str]) -> Self {
        self.after = steps;
        self
    }

    /// Names a resource type that the host must offer.
    ///
    /// # Panics
    ///
    /// On a ninth type; at compile time in a `const` or `static`.
    #[must_use]
    pub const fn requires<T: Send + Sync + 'static>(mut self) -> Self {
        let mut free = 0;
        while free < MOST_REQUIREMENTS && self.requires[free].is_some() {
            free += 1;
        }
        assert!(
            free < MOST_REQUIREMENTS,
            "a step requires at most 8 resources"
        );
        self.requires[free] = Some(Requirement {
            type_id: TypeId::of::<T>,
            type_name: std::any::type_name::<T>,
        });
        self
    }

    /// The keys that this step adds to the `cleared` summary of a report, each with the
    /// function that computes its value from the step's items. Preview and report use
    /// the same functions.
    #[must_use]
    pub const fn cleared(mut self, keys: &'static [(&'static str, Summary)]) -> Self {
        self.cleared = keys;
        self
    }

    /// The step's name.
    #[must_use]
    pub const fn id(&self) -> StepId {
        self.id
    }

    /// The phase in which it is applied.
    #[must_use]
    pub const fn phase(&self) -> Phase {
        self.phase
    }
}
