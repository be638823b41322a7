//! Builds the engine of a service.

use std::path::Path;

use factory_reset::cli::{Exit, Failure};
use factory_reset::{BuildError, Engine, FactoryRows, chain};
use factory_reset_steps::CacheKeys;
use rustix::fs::{Access, access};
use tokio::time::timeout;

use super::tables::Tables;
use super::{Address, Opened, Setup};
use crate::manifest::Clear;
use crate::steps;

/// Why there is no engine.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OpenError {
    /// The manifest does not fit what is there.
    #[error("the manifest does not fit")]
    Manifest(#[from] Failure),
    /// What is there cannot be used.
    #[error("the service cannot be opened")]
    Build(#[source] BuildError),
}

/// A manifest that fits what is there.
pub(crate) struct Checked {
    pub(crate) database: Option<Opened>,
    pub(crate) tables: Tables,
}

impl Setup {
    /// Checks the manifest against what is there. Changes nothing.
    pub(crate) async fn check(&self) -> Result<Checked, Failure> {
        self.check_data_dir()?;
        let Some(address) = &self.address else {
            return self.without_database();
        };
        let field = self.database_field();
        let probed = address.probe(self.is_owner_trusted).await;
        probed.map_err(|error| self.unreachable(field, &error))?;
        let rows = self.factory_rows()?;
        let is_cleared = self.manifest.tables.clear != Clear::default();
        if rows.is_none() && is_cleared {
            let text = "say where the rows of a fresh install come from: `script = \"file.sql\"`, \
                        `database = \"…\"`, or `none = true` if it has none";
            return Err(self.wrong("factory", text));
        }
        let (source, rows) = rows.unwrap_or(("database", FactoryRows::None));
        if let FactoryRows::Database(pristine) = &rows
            && let Ok(pristine @ Address::Postgres(_)) = Address::parse(pristine, Path::new(""))
        {
            let probed = pristine.probe(self.is_owner_trusted).await;
            probed.map_err(|error| self.unreachable(source, &error))?;
        }
        let trust = self
            .manifest
            .database
            .as_ref()
            .and_then(|it| it.trust_database);
        let opened = address
            .open(&rows, trust.unwrap_or_default(), self.timeout)
            .await;
        let opened = opened.map_err(|error| self.wrong(source, &error))?;
        let checked = timeout(self.timeout, self.check_database(&opened, source)).await;
        let checked = checked.unwrap_or_else(|_| {
            let text = format!(
                "was not read within {} s: see what keeps it, or raise `database.timeout`",
                self.timeout.as_secs()
            );
            Err(self.unreachable(field, &text))
        });
        match checked {
            Ok(tables) => Ok(Checked {
                database: Some(opened),
                tables,
            }),
            Err(failure) => {
                opened.close().await;
                Err(failure)
            }
        }
    }

    /// Checks what is in the database, whose factory rows come from what `source` names.
    async fn check_database(&self, opened: &Opened, source: &str) -> Result<Tables, Failure> {
        self.paths
            .check_files(&opened.files_in(&self.data_dir))
            .map_err(|(field, error)| self.wrong(field, &error))?;
        self.tables(opened.database(), source).await
    }

    fn without_database(&self) -> Result<Checked, Failure> {
        let tables = &self.manifest.tables;
        if tables.clear != Clear::default() || !tables.preserve.is_empty() {
            let text = "there is no `[database]` in which they are: add its `url`";
            return Err(self.wrong("tables", text));
        }
        if self.manifest.factory.is_some() {
            let text = "there is no `[database]` for its rows: add its `url`, or drop it";
            return Err(self.wrong("factory", text));
        }
        Ok(Checked {
            database: None,
            tables: Tables::default(),
        })
    }

    /// Makes sure that the data directory is one.
    pub(super) fn look_at_data_dir(&self) -> Result<(), Failure> {
        let shown = self.data_dir.display();
        let text = match self.data_dir.metadata() {
            Err(error) => format!("`{shown}`: {error}: correct the path"),
            Ok(metadata) if !metadata.is_dir() => {
                format!("`{shown}` is not a directory: name the one around it")
            }
            Ok(_) => return Ok(()),
        };
        Err(self.unreachable("data_dir", &text))
    }

    fn check_data_dir(&self) -> Result<(), Failure> {
        let shown = self.data_dir.display();
        let unreachable = |text: String| Err(self.unreachable("data_dir", &text));
        self.look_at_data_dir()?;
        if self
            .data_dir
            .canonicalize()
            .is_ok_and(|path| path.parent().is_none())
        {
            let text = "is the root of the file system: name the service's own directory";
            return Err(self.wrong("data_dir", text));
        }
        let checked = self.paths.check_directories(&self.data_dir);
        checked.map_err(|(field, error)| self.wrong(field, &error))?;
        let needed = Access::READ_OK | Access::WRITE_OK | Access::EXEC_OK;
        access(&self.data_dir, needed).or_else(|error| {
            unreachable(format!(
                "`{shown}` cannot be written to: {error}: a reset keeps its journal there, so make \
                 it writable for this user"
            ))
        })
    }

    /// Checks the manifest, builds the engine, which ends an interrupted reset, and starts a
    /// service that such a one has stopped.
    pub(crate) async fn open(&self) -> Result<Engine, OpenError> {
        let Checked { database, tables } = self.check().await?;
        let mut builder = Engine::builder()
            .explicit_steps_only()
            .data_dir(&self.data_dir)
            .trust_data_directory(self.is_owner_trusted)
            .confirmation(&self.confirmation)
            .step(steps::paths())
            .resource(steps::ClaimedPaths {
                paths: self.paths.clear.clone(),
                contents: self.paths.clear_contents.clone(),
            })
            .step_timeout(self.timeout);
        for (path, reason) in &self.paths.preserve {
            builder = builder.preserve(path.as_str(), reason);
        }
        for (path, reason) in &self.paths.secrets {
            builder = builder.preserve_secret(path.as_str(), reason);
        }
        for table in &self.manifest.tables.ephemeral {
            builder = builder.ephemeral_table(table);
        }
        for path in &self.manifest.paths.ephemeral {
            builder = builder.ephemeral_path(path);
        }
        if let Some(backups) = &self.paths.backups {
            builder = builder.backups(backups.as_str());
        }
        let has_database = database.is_some();
        if let Some(database) = database {
            builder = database.build(builder);
            builder = builder
                .step(steps::tables())
                .resource(steps::ClaimedTables(tables.clear));
            for (table, reason) in tables.preserve {
                builder = builder.preserve_table(table, reason);
            }
        }
        if let Some(cache) = &self.cache {
            builder = builder.step(CacheKeys::step()).resource(cache.clone());
        }
        if let Some(service) = &self.service {
            builder = builder
                .step(steps::service(has_database, self.cache.is_some()))
                .stop_timeout(service.patience())
                .resource(service.clone());
        }
        let engine = builder
            .build()
            .await
            .map_err(|error| self.explained(error))?;
        if let Some(service) = &self.service {
            service.after_interruption(&engine).await;
        }
        Ok(engine)
    }

    /// What is wrong with the manifest, or with what is there.
    fn explained(&self, error: BuildError) -> OpenError {
        match error {
            BuildError::Path(_) | BuildError::Database(_) | BuildError::Recovery(_) => {
                OpenError::Build(error)
            }
            error => {
                let text = format!("{}: {}", self.file.display(), chain(&error));
                Failure::new(Exit::Usage, text).into()
            }
        }
    }
}
