use std::path::PathBuf;

use async_trait::async_trait;
use factory_reset::StepError;
use factory_reset_steps::{Memory, Tasks};

use crate::access::{LoginLimit, Passphrase};
use crate::automation::{Generators, Runtimes};
use crate::watchtower::Watchtower;

#[async_trait]
impl Tasks for Runtimes {
    async fn running(&self) -> Vec<(String, u64)> {
        let running = self.running().into_iter();
        running
            .map(|(account, loops)| (account, loops as u64))
            .collect()
    }

    async fn stop(&self) -> Result<Vec<String>, StepError> {
        Ok(self.stop_all().await)
    }

    async fn resume(&self, names: &[String]) -> Result<(), StepError> {
        self.resume(names);
        Ok(())
    }
}

/// Each watched folder is a task of its own to whoever looks.
#[async_trait]
impl Tasks for Watchtower {
    async fn running(&self) -> Vec<(String, u64)> {
        let folders = self.running().into_iter();
        folders
            .map(|folder| (folder.display().to_string(), 1))
            .collect()
    }

    async fn stop(&self) -> Result<Vec<String>, StepError> {
        let folders = self.stop().await.into_iter();
        Ok(folders.map(|folder| folder.display().to_string()).collect())
    }

    async fn resume(&self, names: &[String]) -> Result<(), StepError> {
        let folders: Vec<PathBuf> = names.iter().map(PathBuf::from).collect();
        self.resume(&folders);
        Ok(())
    }
}

#[async_trait]
impl Memory for Generators {
    async fn count(&self) -> u64 {
        self.count() as u64
    }

    async fn clear(&self) {
        self.clear();
    }
}

#[async_trait]
impl Memory for LoginLimit {
    async fn count(&self) -> u64 {
        self.tracked() as u64
    }

    async fn clear(&self) {
        self.clear();
    }
}

#[async_trait]
impl Memory for Passphrase {
    async fn count(&self) -> u64 {
        u64::from(self.is_held().await)
    }

    async fn clear(&self) {
        self.forget().await;
    }

    async fn reload(&self) -> Result<(), StepError> {
        self.load().await.map_err(StepError::other)
    }
}
