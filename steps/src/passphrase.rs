//! The step `passphrase`.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use factory_reset::{
    Category, Claims, ForgetContext, Phase, PlanContext, ResetStep, Resources, StepDescriptor,
    StepError, StepPlan, StepRegistration, inventory, summary,
};

use crate::memory::{self, Memory};
use crate::path::{self, PathResource};

/// Where the host keeps the hash of its passphrase, relative to the data directory.
#[derive(Debug, Clone)]
pub struct PassphraseFile(PathBuf);

impl PassphraseFile {
    /// The hash is at `path`.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self(path.into())
    }
}

impl PathResource for PassphraseFile {
    fn path(&self) -> &Path {
        &self.0
    }
}

/// The copy of the hash in memory, against which sign-ins are checked.
#[derive(Clone)]
pub struct PassphraseCopy(Arc<dyn Memory>);

impl PassphraseCopy {
    /// The hash is held in `copy`.
    pub fn new(copy: Arc<dyn Memory>) -> Self {
        Self(copy)
    }
}

const PASSPHRASE: StepDescriptor = StepDescriptor::new("passphrase", Phase::Erase)
    .label("Passphrase")
    .description(
        "The passphrase, on disk and in memory; whoever comes first can claim the service.",
    )
    .category(Category::Config)
    .requires::<PassphraseFile>()
    .requires::<PassphraseCopy>()
    .cleared(&[("passphrase_deleted", summary::any_path)]);

struct Passphrase;

#[async_trait]
impl ResetStep for Passphrase {
    fn claims(&self, resources: &Resources) -> Claims {
        path::claims::<PassphraseFile>(resources)
    }

    async fn plan(&self, context: &PlanContext<'_>) -> Result<StepPlan, StepError> {
        let PassphraseCopy(copy) = context.resource()?;
        let mut plan = context.plan_claims().await?;
        plan.push(memory::item(&**copy, "copy in memory").await);
        Ok(plan)
    }

    /// The copy goes after the commit: until then the old passphrase may have to be good again.
    async fn forget(&self, context: &ForgetContext<'_>) -> Result<(), StepError> {
        let PassphraseCopy(copy) = context.resource()?;
        copy.clear().await;
        Ok(())
    }

    async fn restored(&self, context: &ForgetContext<'_>) -> Result<(), StepError> {
        let PassphraseCopy(copy) = context.resource()?;
        copy.clear().await;
        copy.reload().await
    }
}

inventory::submit! { StepRegistration::new(PASSPHRASE, &Passphrase) }
