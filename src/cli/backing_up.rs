//! `backup` and `backups`.

use std::collections::HashMap;

use super::answer::Answer;
use super::arguments::{BackupArguments, BackupsArguments};
use super::exit::Exit;
use super::failure::Failure;
use super::session::{Ended, Session};
use super::show_past;
use super::shown::{Backup, Backups, Told};
use crate::bundle::{BundleName, InvalidName};

impl Session {
    pub(super) async fn backup(&self, asked: &BackupArguments) -> Ended {
        check_new_name(&asked.name)?;
        if asked.dry_run.dry_run {
            self.check_new(&asked.name).await?;
            let message = format!("would make the backup `{}`", asked.name);
            self.told(&Answer::dry_run(&message), &message.as_str().into());
            return Ok(Exit::Done);
        }
        let work = self.service.backup(&asked.name, &self.interruption);
        let answer = self.follow(HashMap::new(), work).await?;
        let told: Told = answer.read()?;
        self.told(&answer, &told.message);
        Ok(Exit::Done)
    }

    pub(super) async fn backups(&self, asked: &BackupsArguments) -> Ended {
        let Some(name) = &asked.delete else {
            let answer = self.interruption.or(self.service.backups()).await?;
            let backups: Backups = answer.read()?;
            self.console
                .answer(&answer, || show_past::backups(&backups.backups));
            return Ok(Exit::Done);
        };
        check_name(name)?;
        if asked.dry_run.dry_run {
            self.find(name).await?;
            let message = format!("would remove the backup `{name}`");
            self.told(&Answer::dry_run(&message), &message.as_str().into());
            return Ok(Exit::Done);
        }
        let answer = self
            .interruption
            .or(self.service.remove_backup(name))
            .await?;
        let told: Told = answer.read()?;
        self.told(&answer, &told.message);
        Ok(Exit::Done)
    }

    pub(super) async fn find(&self, name: &str) -> Result<Backup, Failure> {
        let backups: Backups = self.interruption.or(self.service.backups()).await?.read()?;
        let known: Vec<_> = backups
            .backups
            .iter()
            .map(|it| format!("`{}`", it.name))
            .collect();
        let known = match known.is_empty() {
            true => "there are none".to_owned(),
            false => format!("there is: {}", known.join(", ")),
        };
        let mut found = backups
            .backups
            .into_iter()
            .filter(|backup| backup.name.raw() == name);
        found.next().ok_or_else(|| {
            let text = format!("there is no backup `{name}`; {known}");
            Failure::new(Exit::Usage, text)
        })
    }

    /// Makes sure that a backup can be called `name`.
    pub(super) async fn check_new(&self, name: &str) -> Result<(), Failure> {
        let backups: Backups = self.interruption.or(self.service.backups()).await?.read()?;
        if backups
            .backups
            .iter()
            .any(|backup| backup.name.raw() == name)
        {
            let text = format!(
                "there is a backup `{name}` already: choose another name, or remove that one with \
                 `backups --delete {name}`"
            );
            return Err(Failure::new(Exit::Refused, text));
        }
        Ok(())
    }
}

/// Makes sure that a backup can be called `name`, also one of an earlier version.
pub(super) fn check_name(name: &str) -> Result<(), Failure> {
    judge(BundleName::new(name))
}

/// Makes sure that a new backup can be called `name`.
pub(super) fn check_new_name(name: &str) -> Result<(), Failure> {
    judge(BundleName::for_new_backup(name))
}

fn judge(name: Result<BundleName, InvalidName>) -> Result<(), Failure> {
    match name {
        Ok(_) => Ok(()),
        Err(error) => Err(Failure::new(Exit::Usage, error.to_string())),
    }
}
