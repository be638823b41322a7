//! The manifest: what a service has, what of it a reset clears, and what stays.

mod clear;
mod expand;
mod read;

use std::collections::BTreeMap;
use std::path::PathBuf;

pub(crate) use clear::Clear;
pub(crate) use expand::expand;
use serde::Deserialize;

/// Field names with reasons.
pub(crate) type Reasons = BTreeMap<String, String>;

/// A manifest, as it is written. Paths are relative to its directory, unless said otherwise.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Manifest {
    /// What the service is called.
    pub(crate) name: String,
    /// The directory in which the service keeps its files.
    pub(crate) data_dir: String,
    /// The phrase to type; `RESET` and the name unless set.
    pub(crate) confirmation: Option<String>,
    /// Where backups go, below the data directory.
    pub(crate) backups: Option<PathBuf>,
    pub(crate) database: Option<Database>,
    #[serde(default)]
    pub(crate) tables: Tables,
    #[serde(default)]
    pub(crate) paths: Paths,
    pub(crate) factory: Option<Factory>,
    pub(crate) service: Option<Service>,
    pub(crate) redis: Option<Redis>,
}

impl Manifest {
    /// Everything that gives reasons, by field.
    pub(crate) fn reasons(&self) -> [(&'static str, &Reasons); 3] {
        [
            ("tables.preserve", &self.tables.preserve),
            ("paths.preserve", &self.paths.preserve),
            ("paths.secrets", &self.paths.secrets),
        ]
    }
}

/// The service's database.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Database {
    /// `sqlite:path` or `postgres://user@host/database`; `${NAME}` is taken from the environment.
    pub(crate) url: Option<String>,
    /// The environment variable that holds it.
    pub(crate) url_env: Option<String>,
    /// How long counting, clearing and committing may take, in seconds; 300 unless set.
    pub(crate) timeout: Option<u64>,
    /// PostgreSQL alone: whether code of every role that owns objects in the database may run with
    /// the privileges of the role that connects; `false` unless set.
    pub(crate) trust_database: Option<bool>,
}

/// What becomes of the tables.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Tables {
    /// `"all"`, which is every table that is not preserved, or a list.
    #[serde(default)]
    pub(crate) clear: Clear,
    /// What stays, with the reasons.
    #[serde(default)]
    pub(crate) preserve: Reasons,
    /// Those of the cleared ones that no backup holds, and every restore clears: sessions, one-time
    /// tokens.
    #[serde(default)]
    pub(crate) ephemeral: Vec<String>,
}

/// What becomes of the files, each given relative to the data directory.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Paths {
    /// What goes: files, directories with all that is in them.
    #[serde(default)]
    pub(crate) clear: Vec<String>,
    /// Directories that stay, empty.
    #[serde(default)]
    pub(crate) clear_contents: Vec<String>,
    /// What stays, with the reasons.
    #[serde(default)]
    pub(crate) preserve: Reasons,
    /// What stays and goes into no backup, with the reasons.
    #[serde(default)]
    pub(crate) secrets: Reasons,
    /// Those of the cleared ones that no backup holds, and every restore removes: signing keys,
    /// one-time tokens.
    #[serde(default)]
    pub(crate) ephemeral: Vec<String>,
}

/// Where the rows of a fresh install come from: one of these.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Factory {
    /// An SQL file.
    pub(crate) script: Option<PathBuf>,
    /// A database that nobody has used: a file for SQLite, an address for PostgreSQL.
    pub(crate) database: Option<String>,
    /// A fresh install has no rows.
    pub(crate) none: Option<bool>,
}

/// How the service is stopped and started.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Service {
    /// A program and its arguments; no shell. It returns when the service has ended.
    pub(crate) stop: Vec<String>,
    /// The same; it does nothing when the service runs.
    pub(crate) start: Vec<String>,
    /// How long either may take, in seconds; 30 unless set.
    pub(crate) timeout: Option<u64>,
    /// Whether to start it after a reset; `true` unless set. It is started after one that was
    /// undone, and after a restoration, in any case.
    pub(crate) start_after_reset: Option<bool>,
    /// The variables of the caller's environment that both commands get beside `PATH`, `HOME`,
    /// `USER`, `LOGNAME` and the locale, which they always get.
    #[serde(default)]
    pub(crate) environment: Vec<String>,
}

/// The service's keys in a Redis server.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Redis {
    /// `redis://host:port/`; `${NAME}` is taken from the environment.
    pub(crate) url: Option<String>,
    /// The environment variable that holds it.
    pub(crate) url_env: Option<String>,
    /// What its keys begin with.
    pub(crate) prefix: String,
}
