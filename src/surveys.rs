//! What has been counted at the paths of a plan.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use crate::data_directory::{DataDirectory, PathError, Survey};
use crate::relative_path::RelativePath;
use crate::task::blocking;

/// The surveys of a plan that is made.
#[derive(Debug, Default)]
pub(crate) struct Surveys {
    earlier: BTreeMap<RelativePath, Survey>,
    taken: Mutex<BTreeMap<RelativePath, Survey>>,
}

impl Surveys {
    /// Directories that are in `earlier`, and are there still, are not counted once more: that
    /// takes the longer the more is in them.
    pub(crate) fn since(earlier: BTreeMap<RelativePath, Survey>) -> Self {
        Self {
            earlier,
            taken: Mutex::default(),
        }
    }

    /// What is at `path`.
    pub(crate) async fn survey(
        &self,
        data_directory: &Arc<DataDirectory>,
        path: &RelativePath,
    ) -> Result<Survey, PathError> {
        let earlier = self.earlier.get(path).cloned();
        let survey = {
            let (data_directory, path) = (data_directory.clone(), path.clone());
            blocking(move || match earlier {
                Some(earlier) if data_directory.is_still(&path, &earlier)? => Ok(earlier),
                _ => data_directory.survey(&path),
            })
            .await?
        };
        // Nothing panics while it holds this lock; a poisoned one would be as good.
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        taken.insert(path.clone(), survey.clone());
        Ok(survey)
    }

    /// All that was taken.
    pub(crate) fn into_taken(self) -> BTreeMap<RelativePath, Survey> {
        let taken = self.taken.into_inner();
        taken.unwrap_or_else(PoisonError::into_inner)
    }
}
