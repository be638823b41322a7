use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::ContentGenerator;
use crate::Configuration;

/// The content generators in memory, one per account.
#[derive(Debug, Default)]
pub struct Generators {
    by_account: Mutex<ByAccount>,
}

type ByAccount = HashMap<String, Arc<ContentGenerator>>;

impl Generators {
    /// The account's generator; the first call builds it from the configuration.
    pub fn for_account(
        &self,
        account: &str,
        configuration: &Configuration,
    ) -> Arc<ContentGenerator> {
        let mut by_account = self.lock();
        let generator = by_account
            .entry(account.to_owned())
            .or_insert_with(|| Arc::new(ContentGenerator::new(configuration)));
        Arc::clone(generator)
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.lock().len()
    }

    /// Forgets them all.
    pub fn clear(&self) {
        self.lock().clear();
    }

    fn lock(&self) -> MutexGuard<'_, ByAccount> {
        self.by_account
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}
