//! Where a database is.

use std::fmt;
use std::path::Path;
use std::str::FromStr;

use factory_reset::RelativePath;
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
            if may_hold_password(url) {
                return Err(
                    "looks as if it held a password, which an SQLite file does not have: \
                            write `sqlite:path/to/file`, or `sqlite:./…` for a name with `:` and \
                            `@`"
                    .to_owned(),
                );
            }
            // The cause would repeat values.
            let options = SqliteConnectOptions::from_str(url).map_err(|_| {
                "is not the address of an SQLite database: write `sqlite:path/to/file`, followed \
                 by nothing but `?mode=…`, `cache`, `immutable` or `vfs`"
                    .to_owned()
            })?;
            let file = options.get_filename();
            let is_in_memory = |name: &str| name.is_empty() || name.contains("sqlx-in-memory");
            if file.to_str().is_some_and(is_in_memory) {
                let shown = url.split(['?', '#']).next().unwrap_or_default();
                return Err(format!(
                    "`{shown}` is no file: write `sqlite:path/to/file`, for only what is stored can \
                     be reset"
                ));
            }
            let file = base.join(file);
            // One that is not there would be made, and be taken for the service's.
            let options = options.filename(file).create_if_missing(false);
            return Ok(Self::Sqlite(Box::new(options)));
        }
        if url.starts_with("postgres:") || url.starts_with("postgresql:") {
            check_authority(url)?;
            // The cause would repeat values.
            let options = PgConnectOptions::from_str(url).map_err(|_| {
                "is not the address of a PostgreSQL database: write \
                 `postgres://user@host:5432/database`, with `%40` for an `@` and `%2F` for a `/` in \
                 a password"
                    .to_owned()
            })?;
            return Ok(Self::Postgres(Box::new(options)));
        }
        // The whole of it may hold a password, or be one.
        let is_scheme = |scheme: &&str| scheme.chars().all(|it| it.is_ascii_alphanumeric());
        let scheme = url.split_once("://").map(|(scheme, _)| scheme);
        let scheme = scheme.filter(is_scheme);
        let scheme = scheme.map_or_else(String::new, |scheme| format!("`{scheme}…` "));
        Err(format!(
            "{scheme}is not the address of a database: write `sqlite:path/to/file` or \
             `postgres://user@host:5432/database`"
        ))
    }
}

/// Makes sure that what is written as user and password is taken for that: otherwise it would be
/// part of the database's name, and be shown.
fn check_authority(url: &str) -> Result<(), String> {
    let Some((_, rest)) = url
        .split_once(':')
        .filter(|(_, rest)| rest.starts_with("//"))
    else {
        return Err("lacks the `//` before its user and host: write \
                    `postgres://user@host:5432/database`"
            .to_owned());
    };
    let rest = rest.trim_start_matches('/');
    let path = rest.split_once('/').map_or("", |(_, path)| path);
    let path = path.split(['?', '#']).next().unwrap_or_default();
    let has_no_host = url.contains(":///") && rest.split(['?', '#']).next().is_some_and(has_at);
    if has_at(path) || has_no_host {
        return Err(
            "has an `@` behind its host: write `%40` for one in a name, and `%2F` for a \
                    `/` in a password"
                .to_owned(),
        );
    }
    Ok(())
}

fn has_at(text: &str) -> bool {
    text.contains('@')
}

/// Whether `text`, which is to name a file, is an address or holds `user:password@` instead.
pub(super) fn may_hold_password(text: &str) -> bool {
    let text = text.strip_prefix("sqlite:").unwrap_or(text);
    let text = text.strip_prefix("//").unwrap_or(text);
    let before = text.split_once('@').map(|(before, _)| before);
    let has_one = before.is_some_and(|before| before.contains(':'));
    !text.starts_with(['/', '.']) && (has_one || text.contains("://"))
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
                let user = user.split([':', '@']).next().unwrap_or_default();
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
