//! The step `config`.

use std::path::{Path, PathBuf};

use factory_reset::{Category, Phase, StepDescriptor, StepRegistration, inventory, summary};

use crate::path::{PathResource, PathStep};

/// Where the host keeps its configuration, relative to the data directory.
#[derive(Debug, Clone)]
pub struct ConfigFile(PathBuf);

impl ConfigFile {
    /// The configuration is at `path`.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self(path.into())
    }
}

impl PathResource for ConfigFile {
    fn path(&self) -> &Path {
        &self.0
    }
}

const CONFIG: StepDescriptor = StepDescriptor::new("config", Phase::Erase)
    .label("Configuration")
    .description("The configuration file; the service has to be set up again.")
    .category(Category::Config)
    .requires::<ConfigFile>()
    .cleared(&[("config_deleted", summary::any_path)]);

inventory::submit! { StepRegistration::new(CONFIG, &PathStep::<ConfigFile>::new()) }
