//! Where a database is.

use std::fmt;
use std::path::Path;
use std::str::FromStr;

use factory_reset::{RelativePath, chain};
use sqlx::postgres::PgConnectOptions;
use sqlx::sqlite::SqliteConnectOptions;

/// The address of a database.
#[derive(Clone)]
pub(crate) enum Address {
    Sqlite(Box<SqliteConnectOptions>),
    Postgres(Box<PgConnectOptions>),
}

impl Address {
    /// Takes `url` apart; the path of a SQLite file is relative to `base`.
    pub(crate) fn parse(url: &str, base: &Path) -> Result<Self, String> {
        if url.starts_with("sqlite:") {
            let options = SqliteConnectOptions::from_str(url).map_err(|error| chain(&error))?;
            let file = options.get_filename();
            let is_in_memory = |name: &str| name.is_empty() || name.contains("sqlx-in-memory");
            if file.to_str().is_some_and(is_in_memory) {
                return Err(format!(
                    "`{url}` is no file: write `sqlite:path/to/file`, for only what is stored can \
                     be reset"
                ));
            }
            let file = base.join(file);
            // One that is not there would be made, and be taken for the service's.
            let options = options.filename(file).create_if_missing(false);
            return Ok(Self::Sqlite(Box::new(options)));
        }
        if url.starts_with("postgres:") || url.starts_with("postgresql:") {
            let options = PgConnectOptions::from_str(url).map_err(|error| {
                format!(
                    "{}: write `postgres://user@host:5432/database`",
                    chain(&error)
                )
            })?;
            return Ok(Self::Postgres(Box::new(options)));
        }
        // The whole of it may hold a password.
        let scheme = url.split(':').next().unwrap_or_default();
        Err(format!(
            "`{scheme}…` is not the address of a database: write `sqlite:path/to/file` or \
             `postgres://user@host:5432/database`"
        ))
    }
}

impl Address {
    /// Whether `path` in `data_dir` is the file of the database, or one beside it.
    pub(super) fn is_at(&self, data_dir: &Path, path: &RelativePath) -> bool {
        let Self::Sqlite(options) = self else {
            return false;
        };
        let (file, data_dir) = (
            options.get_filename().canonicalize(),
            data_dir.canonicalize(),
        );
        let (Ok(file), Ok(data_dir)) = (file, data_dir) else {
            return false;
        };
        let Some(file) = file.strip_prefix(data_dir).ok().and_then(Path::to_str) else {
            return false;
        };
        let suffix = path.as_str().strip_prefix(file);
        suffix.is_some_and(|suffix| ["", "-wal", "-shm", "-journal"].contains(&suffix))
    }
}

/// Without a password.
impl fmt::Display for Address {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(options) => write!(formatter, "{}", options.get_filename().display()),
            Self::Postgres(options) => {
                let (user, port) = (options.get_username(), options.get_port());
                write!(formatter, "postgres://{user}@")?;
                match options.get_socket() {
                    Some(socket) => write!(formatter, "{}:{port}", socket.display())?,
                    None => write!(formatter, "{}:{port}", options.get_host())?,
                }
                write!(formatter, "/{}", options.get_database().unwrap_or(user))
            }
        }
    }
}
