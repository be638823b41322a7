//! A service as its manifest describes it, checked against what is there.

mod address;
mod database;
mod engine;
mod needed;
mod paths;
mod tables;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

pub(crate) use address::Address;
use address::may_hold_password;
pub(crate) use database::Opened;
pub(crate) use engine::OpenError;
use factory_reset::cli::privileges::{Roots, check_trusted};
use factory_reset::cli::{Exit, Failure, Target};
use factory_reset::{FactoryRows, Printable};
use factory_reset_steps::CacheKeys;
use paths::Paths;
pub(crate) use tables::Tables;

use crate::inputs::{self, Inputs};
use crate::manifest::{Manifest, Redis, expand};
use crate::privileges::Link;
use crate::service::Service;

/// How long counting, clearing and committing may take unless the manifest says otherwise.
pub(crate) const TIMEOUT: Duration = Duration::from_secs(300);

/// A manifest with everything that can be told from it alone.
pub(crate) struct Setup {
    /// For messages.
    file: PathBuf,
    manifest: Manifest,
    /// The text of `factory.script`, or why it cannot be read.
    script: Option<Result<String, String>>,
    /// The file of `factory.database`.
    pristine: Option<PathBuf>,
    pub(crate) data_dir: PathBuf,
    pub(crate) confirmation: String,
    address: Option<Address>,
    paths: Paths,
    pub(crate) service: Option<Arc<Service>>,
    cache: Option<CacheKeys>,
    timeout: Duration,
    /// Whether the owner of the data may act with the rights of this process.
    is_owner_trusted: bool,
}

impl Setup {
    /// Takes a manifest. What is in the database is not looked at. With `may_run` the commands of
    /// the service can be run, by the parent behind `link` if there is one.
    pub(crate) fn of(inputs: &Inputs, may_run: bool, link: Option<Link>) -> Result<Self, Failure> {
        let file = inputs.file.clone();
        let manifest = Manifest::parse(&file, &inputs.manifest)?;
        let wrong = |field: &str, text: &str| wrong(&file, field, text);
        if manifest.name.trim().is_empty() {
            return Err(wrong("name", "is empty: say what the service is called"));
        }
        let confirmation = manifest.confirmation.clone();
        let confirmation =
            confirmation.unwrap_or_else(|| format!("RESET {}", manifest.name.to_uppercase()));
        if confirmation.trim().is_empty() || !Printable::new(&confirmation).is_plain() {
            let text = "is empty, or no line that can be typed: give it a phrase to type";
            return Err(wrong("confirmation", text));
        }
        for (field, reasons) in manifest.reasons() {
            let mut reasons = reasons.iter();
            if let Some((name, _)) = reasons.find(|(_, reason)| reason.trim().is_empty()) {
                let text = format!("`{name}` has no reason: say why it stays");
                return Err(wrong(field, &text));
            }
        }
        let base = base(&file);
        let data_dir =
            from_environment(&manifest.data_dir).map_err(|error| wrong("data_dir", &error))?;
        if data_dir.trim().is_empty() {
            let text = "is empty: name the directory in which the service keeps its files";
            return Err(wrong("data_dir", text));
        }
        check_nul(&data_dir).map_err(|error| wrong("data_dir", &error))?;
        let data_dir = base.join(data_dir);
        let address = match &manifest.database {
            Some(database) => {
                let (field, url) = url(
                    "database",
                    database.url.as_deref(),
                    database.url_env.as_deref(),
                )
                .map_err(|(field, error)| wrong(&field, &error))?;
                let address = Address::parse(&url, &base);
                Some(address.map_err(|error| wrong(&field, &error))?)
            }
            None => None,
        };
        let trust = manifest.database.as_ref().and_then(|it| it.trust_database);
        if trust.is_some() && !matches!(address, Some(Address::Postgres(_))) {
            let text = "is for PostgreSQL alone, where tables belong to roles: drop it";
            return Err(wrong("database.trust_database", text));
        }
        let mut paths = Paths::of(&manifest).map_err(|(field, error)| wrong(field, &error))?;
        let pristine = match (&address, &manifest.factory) {
            (Some(Address::Sqlite(_)), Some(factory)) => factory.database.as_deref(),
            _ => None,
        };
        let pristine = pristine.and_then(|it| from_environment(it).ok());
        let pristine = pristine.map(|it| sqlite_file(&it, &base));
        for needed in needed::needed(&manifest, &file, pristine.as_deref(), &base, &data_dir) {
            // The database itself stays in any case, and is nobody's to preserve.
            if !address
                .as_ref()
                .is_some_and(|it| it.is_at(&data_dir, &needed.path))
            {
                let kept = paths.keep(needed);
                kept.map_err(|(field, error)| wrong(field, &error))?;
            }
        }
        let service = match &manifest.service {
            Some(service) => {
                let places = (&*base, &*data_dir);
                let service = Service::new(&manifest.name, service, places, may_run, link);
                Some(Arc::new(
                    service.map_err(|(field, error)| wrong(field, &error))?,
                ))
            }
            None => None,
        };
        let cache = manifest.redis.as_ref().map(cache).transpose();
        let cache = cache.map_err(|(field, error)| wrong(&field, &error))?;
        let timeout = manifest.database.as_ref().and_then(|it| it.timeout);
        if timeout == Some(0) {
            return Err(wrong("database.timeout", "is 0: give it some seconds"));
        }
        Ok(Self {
            data_dir,
            confirmation,
            address,
            paths,
            service,
            cache,
            timeout: timeout.map_or(TIMEOUT, Duration::from_secs),
            is_owner_trusted: false,
            script: inputs.script.clone(),
            pristine,
            file,
            manifest,
        })
    }

    /// With `is_trusted` the owner of the data may act with the rights of this process.
    pub(crate) fn trust_owner(self, is_trusted: bool) -> Self {
        Self {
            is_owner_trusted: is_trusted,
            ..self
        }
    }

    /// Makes sure that no other user can change what root takes from the manifest: the programs of
    /// the service, and the rows of a fresh install. Its own file and the script were checked
    /// when they were read.
    pub(crate) fn check_trusted(&self) -> Result<(), Failure> {
        let unreachable = |error: std::io::Error| self.unreachable("service", &error.to_string());
        let commands = self.service.as_ref().and_then(|it| it.commands());
        let fixes = commands.map(|commands| commands.fixes()).transpose();
        let fixes = fixes.map_err(unreachable)?.unwrap_or_default();
        if let Some((field, _)) = fixes.first() {
            let fixes: Vec<_> = fixes.iter().map(|(_, fix)| fix.clone()).collect();
            let called = format!("{}: what `{field}` runs in", self.file.display());
            inputs::check(&called, &base(&self.file), &fixes)?;
        }
        let Some(pristine) = &self.pristine else {
            return Ok(());
        };
        let fixes = check_trusted(pristine)
            .map_err(|error| self.unreachable("factory.database", &error.to_string()))?;
        inputs::check("`factory.database`", pristine, &fixes)
    }

    /// The data directory and the file of the database, both of which are there.
    pub(crate) fn roots(&self) -> Result<Roots, Failure> {
        self.look_at_data_dir()?;
        let roots = Roots::new(&self.data_dir);
        match &self.address {
            Some(address @ Address::Sqlite(options)) => {
                let looked = address.look();
                looked.map_err(|error| self.unreachable(self.database_field(), &error))?;
                Ok(roots.and("database", options.get_filename()))
            }
            _ => Ok(roots),
        }
    }

    /// The field that says where the database is.
    fn database_field(&self) -> &'static str {
        match self.manifest.database.as_ref() {
            Some(database) if database.url_env.is_some() => "database.url_env",
            _ => "database.url",
        }
    }

    /// What is shown before anything is asked.
    pub(crate) fn target(&self) -> Target {
        let target = Target::new(&self.manifest.name).data_dir(&self.data_dir);
        match &self.address {
            Some(Address::Sqlite(options)) => target.database_file(options.get_filename()),
            Some(address) => target.database(address.to_string()),
            None => target,
        }
    }

    /// What the service is called.
    pub(crate) fn name(&self) -> &str {
        &self.manifest.name
    }

    /// That the manifest is wrong: about the field, what, and what to do.
    fn wrong(&self, field: &str, text: &str) -> Failure {
        wrong(&self.file, field, text)
    }

    /// That what a field names cannot be reached.
    fn unreachable(&self, field: &str, text: &str) -> Failure {
        let text = format!("{}: `{field}`: {text}", self.file.display());
        Failure::new(Exit::Unreachable, text)
    }

    /// Where factory rows come from, with the field that says so; nothing where it is not said.
    fn factory_rows(&self) -> Result<Option<(&'static str, FactoryRows)>, Failure> {
        let Some(factory) = &self.manifest.factory else {
            return Ok(None);
        };
        let base = base(&self.file);
        let rows = match (&factory.script, &factory.database, factory.none) {
            (Some(_), None, None) => {
                let text = match &self.script {
                    Some(Ok(text)) => text.clone(),
                    Some(Err(error)) => return Err(self.wrong("factory.script", error)),
                    None => return Ok(None),
                };
                ("factory.script", FactoryRows::Script(text))
            }
            (None, Some(database), None) => {
                let wrong = |error: String| self.wrong("factory.database", &error);
                let database = from_environment(database).map_err(wrong)?;
                let is_postgres =
                    matches!(Address::parse(&database, &base), Ok(Address::Postgres(_)));
                let database = match &self.address {
                    // Neither says what was found instead: an address may hold a password.
                    Some(Address::Sqlite(_)) if is_postgres => {
                        let text = "is the address of a server, where the service's database is a \
                                    file: name a file";
                        return Err(wrong(text.to_owned()));
                    }
                    Some(Address::Postgres(_)) if !is_postgres => {
                        let text = "is no address of a PostgreSQL database: write \
                                    `postgres://user@host:5432/database`";
                        return Err(wrong(text.to_owned()));
                    }
                    Some(Address::Sqlite(_)) if may_hold_password(&database) => {
                        let text = "is no file: name one; write `./` before a name with `:` and \
                                    `@`";
                        return Err(wrong(text.to_owned()));
                    }
                    Some(Address::Sqlite(_)) if database.contains(":memory:") => {
                        let text = "is in memory: name a file";
                        return Err(wrong(text.to_owned()));
                    }
                    Some(Address::Sqlite(_)) => sqlite_file(&database, &base).display().to_string(),
                    _ => database,
                };
                ("factory.database", FactoryRows::Database(database))
            }
            (None, None, Some(true)) => ("factory.none", FactoryRows::None),
            (None, None, None) => return Ok(None),
            _ => {
                let text = "say one of `script = \"file.sql\"`, `database = \"…\"` and \
                            `none = true`";
                return Err(self.wrong("factory", text));
            }
        };
        Ok(Some(rows))
    }
}

fn wrong(file: &Path, field: &str, text: &str) -> Failure {
    Failure::new(
        Exit::Usage,
        format!("{}: `{field}`: {text}", file.display()),
    )
}

/// The file of a pristine database, with or without `sqlite:`.
fn sqlite_file(database: &str, base: &Path) -> PathBuf {
    let file = database.strip_prefix("sqlite:").unwrap_or(database);
    base.join(file.strip_prefix("//").unwrap_or(file))
}

/// What relative paths in the manifest are relative to.
pub(crate) fn base(file: &Path) -> PathBuf {
    let directory = file.parent().unwrap_or(Path::new(""));
    std::path::absolute(directory.join(".")).unwrap_or_else(|_| directory.to_owned())
}

/// Makes sure that `path` can be one.
fn check_nul(path: &str) -> Result<(), String> {
    match path.contains('\0') {
        true => Err(format!("`{path}` holds a NUL, which no path can: drop it")),
        false => Ok(()),
    }
}

fn from_environment(text: &str) -> Result<String, String> {
    expand(text, |name| std::env::var(name).ok())
}

/// The address that one of two fields gives, with the name of that.
fn url(
    table: &str,
    url: Option<&str>,
    url_env: Option<&str>,
) -> Result<(String, String), (String, String)> {
    match (url, url_env) {
        (Some(url), None) => {
            let field = format!("{table}.url");
            match from_environment(url) {
                Ok(url) => Ok((field, url)),
                Err(error) => Err((field, error)),
            }
        }
        (None, Some(name)) => {
            let field = format!("{table}.url_env");
            match std::env::var(name) {
                Ok(url) => Ok((field, url)),
                Err(_) => {
                    let error = format!("the environment has no variable `{name}`: set it");
                    Err((field, error))
                }
            }
        }
        _ => {
            let error = "give it one of `url` and `url_env`";
            Err((table.to_owned(), error.to_owned()))
        }
    }
}

fn cache(redis: &Redis) -> Result<CacheKeys, (String, String)> {
    let (field, url) = url("redis", redis.url.as_deref(), redis.url_env.as_deref())?;
    if redis.prefix.is_empty() {
        let error = "is empty: name one, for others may use the server";
        return Err(("redis.prefix".to_owned(), error.to_owned()));
    }
    CacheKeys::open(url, &redis.prefix).map_err(|error| (field, factory_reset::chain(&error)))
}
