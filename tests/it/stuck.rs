//! Files that cannot be removed.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use factory_reset::{
    Phase, ResetStep, StepContext, StepDescriptor, StepError, StepOutcome, StepPlan,
    StepRegistration, async_trait,
};

use crate::steps::registration;

/// A file that not even root can unlink, until the value is dropped.
#[derive(Debug)]
pub(crate) struct Immutable(PathBuf);

impl Immutable {
    pub(crate) fn make(path: &Path) -> Self {
        let made = Command::new("chattr").arg("+i").arg(path).output().unwrap();
        assert!(made.status.success(), "the tests need root: {made:?}");
        Self(path.to_owned())
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Immutable {
    fn drop(&mut self) {
        let freed = Command::new("chattr").arg("-i").arg(&self.0).status();
        assert!(
            freed.is_ok_and(|status| status.success()),
            "{}",
            self.0.display()
        );
    }
}

/// Makes a staged file immutable once, too late for the look at what is in the way: its purge
/// fails.
#[derive(Clone)]
pub(crate) struct Stick {
    data: PathBuf,
    name: &'static str,
    made: Arc<Mutex<Option<Immutable>>>,
    used: Arc<AtomicBool>,
}

impl Stick {
    /// For the file called `name`, which the step `media` stages.
    pub(crate) fn new(data: &Path, name: &'static str) -> Self {
        Self {
            data: data.to_owned(),
            name,
            made: Arc::default(),
            used: Arc::default(),
        }
    }

    pub(crate) fn registration(&self) -> StepRegistration {
        let descriptor = StepDescriptor::new("stick", Phase::Erase).after(&["media"]);
        registration(descriptor, self.clone())
    }

    /// The file that is stuck.
    pub(crate) fn take(&self) -> Immutable {
        let mut stuck = self.made.lock().unwrap().take().unwrap();
        // The purge has moved the directories around it.
        stuck.0 = find(&self.data.join(".factory-reset"), self.name).unwrap();
        stuck
    }
}

#[async_trait]
impl ResetStep for Stick {
    async fn apply(
        &self,
        _: &mut StepContext<'_>,
        plan: &StepPlan,
    ) -> Result<StepOutcome, StepError> {
        if !self.used.swap(true, Ordering::SeqCst) {
            let found = find(&self.data.join(".factory-reset"), self.name).unwrap();
            *self.made.lock().unwrap() = Some(Immutable::make(&found));
        }
        Ok(StepOutcome::as_planned(plan))
    }
}

fn find(directory: &Path, name: &str) -> Option<PathBuf> {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            if let Some(found) = find(&path, name) {
                return Some(found);
            }
        } else if path.ends_with(name) {
            return Some(path);
        }
    }
    None
}
