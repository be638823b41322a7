//! The step `media`.

use std::path::{Path, PathBuf};

use factory_reset::{Phase, StepDescriptor, StepRegistration, inventory, summary};

use crate::path::{PathResource, PathStep};

/// Where the host keeps media, relative to the data directory.
#[derive(Debug, Clone)]
pub struct MediaDir(PathBuf);

impl MediaDir {
    /// The media are in `path`.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self(path.into())
    }
}

impl PathResource for MediaDir {
    fn path(&self) -> &Path {
        &self.0
    }
}

const MEDIA: StepDescriptor = StepDescriptor::new("media", Phase::Erase)
    .label("Media files")
    .description("The media directory with everything in it.")
    .requires::<MediaDir>()
    .cleared(&[("media_deleted", summary::any_path)]);

inventory::submit! { StepRegistration::new(MEDIA, &PathStep::<MediaDir>::new()) }
