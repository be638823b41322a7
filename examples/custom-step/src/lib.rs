//! A step for [`factory_reset`] as a stranger would write it: it clears the directory of a
//! search index.
//!
//! A host links it with `use custom_step as _;` and offers a [`SearchIndexDir`]. The step then
//! stands in options, previews and reports, and adds `search_index_deleted` to `cleared`.

use std::path::PathBuf;

use factory_reset::{
    Claims, Phase, ResetStep, Resources, StepDescriptor, StepRegistration, inventory, summary,
};

/// Where the host keeps its search index, relative to the data directory.
#[derive(Debug, Clone)]
pub struct SearchIndexDir(PathBuf);

impl SearchIndexDir {
    /// The index is in `path`.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self(path.into())
    }
}

const SEARCH_INDEX: StepDescriptor = StepDescriptor::new("search-index", Phase::Erase)
    .label("Search index")
    .description("The full-text index. It is built again from new content.")
    .requires::<SearchIndexDir>()
    .cleared(&[("search_index_deleted", summary::any_path)]);

struct SearchIndex;

impl ResetStep for SearchIndex {
    fn claims(&self, resources: &Resources) -> Claims {
        match resources.get() {
            Some(SearchIndexDir(path)) => Claims::none().path(path),
            None => Claims::none(),
        }
    }
}

inventory::submit! { StepRegistration::new(SEARCH_INDEX, &SearchIndex) }
