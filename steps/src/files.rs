//! The step `files`.

use std::path::PathBuf;

use factory_reset::{
    Category, Claims, Phase, ResetStep, Resources, StepDescriptor, StepRegistration, inventory,
    summary,
};

/// Where the host keeps files that it generates, relative to the data directory.
#[derive(Debug, Clone)]
pub struct GeneratedFiles(Vec<PathBuf>);

impl GeneratedFiles {
    /// The files are in these `directories`, each of which can be selected by itself.
    pub fn new<Directory: Into<PathBuf>>(directories: impl IntoIterator<Item = Directory>) -> Self {
        Self(directories.into_iter().map(Into::into).collect())
    }
}

const FILES: StepDescriptor = StepDescriptor::new("files", Phase::Erase)
    .label("Generated files")
    .description("Everything in the directories of generated files; the directories stay.")
    .category(Category::Files)
    .requires::<GeneratedFiles>()
    .cleared(&[("files_deleted", summary::count)]);

struct Files;

impl ResetStep for Files {
    fn claims(&self, resources: &Resources) -> Claims {
        let directories = resources.get().map(|GeneratedFiles(paths)| paths);
        directories
            .into_iter()
            .flatten()
            .fold(Claims::none(), Claims::contents)
    }
}

inventory::submit! { StepRegistration::new(FILES, &Files) }
