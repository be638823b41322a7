//! PostgreSQL.

use std::os::unix::fs::{MetadataExt, chown};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use tempfile::TempDir;

use crate::guard::Guard;
use crate::program::{free_port, run};

/// Where Debian keeps the programs of each version.
const VERSIONS: &str = "/usr/lib/postgresql";

/// The user that the server runs as when the tests run as root, which it refuses to.
const USER: &str = "postgres";

/// A running PostgreSQL server.
#[derive(Debug)]
pub struct Postgres {
    // Dropped first: it stops the server and removes the directory.
    _guard: Guard,
    directory: PathBuf,
    programs: PathBuf,
    port: u16,
    databases: AtomicU32,
}

/// An empty database.
#[derive(Debug, Clone)]
pub struct Database {
    /// Its name.
    pub name: String,
    /// Its address, with the role that owns it.
    pub url: String,
}

impl Postgres {
    /// The role that may do everything.
    pub const SUPERUSER: &str = "postgres";

    /// A role that may create databases, and nothing else.
    pub const CREATOR: &str = "creator";

    /// A role that may do nothing but what it owns.
    pub const PLAIN: &str = "plain";

    /// The one server of this test binary: starting one takes seconds.
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<Postgres> = OnceLock::new();
        // The machine stays up: what a killed server has written is there without a sync.
        SHARED.get_or_init(|| Self::start_with(&["fsync=off", "full_page_writes=off"]))
    }

    /// Starts a server.
    ///
    /// # Panics
    ///
    /// When PostgreSQL is not installed, or does not start.
    #[must_use]
    pub fn start() -> Self {
        Self::start_with(&[])
    }

    /// Starts a server with settings of one's own, such as `fsync=off`.
    ///
    /// # Panics
    ///
    /// When PostgreSQL is not installed, or does not start.
    #[must_use]
    pub fn start_with(settings: &[&str]) -> Self {
        let programs = programs();
        let directory = TempDir::with_prefix("test-postgres-")
            .unwrap_or_else(|error| panic!("no temporary directory: {error}"))
            .keep();
        if is_root(&directory) {
            chown(&directory, Some(id("-u")), Some(id("-g")))
                .unwrap_or_else(|error| panic!("could not give {directory:?} away: {error}"));
        }
        let port = free_port();
        let text = |path: &Path| path.display().to_string();
        let server = Self {
            _guard: Guard::new(
                "\"$1/pg_ctl\" stop --mode=immediate --pgdata=\"$2/data\" || \
                 setpriv --reuid=\"$3\" --regid=\"$3\" --init-groups \
                 \"$1/pg_ctl\" stop --mode=immediate --pgdata=\"$2/data\"; rm -rf \"$2\"",
                &[&text(&programs), &text(&directory), USER],
            ),
            directory,
            programs,
            port,
            databases: AtomicU32::new(0),
        };
        run(server
            .program("initdb")
            .args(["--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8"])
            .args(["--no-sync", "--username", Self::SUPERUSER]));
        let mut configuration = format!(
            "port = {port}\nlisten_addresses = '127.0.0.1'\nunix_socket_directories = '{}'\n\
             max_connections = 300\n",
            server.directory.display()
        );
        for setting in settings {
            configuration.push_str(setting);
            configuration.push('\n');
        }
        let file = server.directory.join("data/postgresql.auto.conf");
        std::fs::write(file, configuration)
            .unwrap_or_else(|error| panic!("could not configure the server: {error}"));
        server.start_again();
        server.execute(
            "postgres",
            &format!(
                "CREATE ROLE {} LOGIN CREATEDB; CREATE ROLE {} LOGIN",
                Self::CREATOR,
                Self::PLAIN
            ),
        );
        server
    }

    /// Its port on 127.0.0.1.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The address of `database` for the superuser.
    #[must_use]
    pub fn url(&self, database: &str) -> String {
        self.url_as(Self::SUPERUSER, database)
    }

    /// The address of `database` for `role`.
    #[must_use]
    pub fn url_as(&self, role: &str, database: &str) -> String {
        format!("postgres://{role}@127.0.0.1:{}/{database}", self.port)
    }

    /// Creates an empty database of the superuser's.
    pub fn create_database(&self) -> Database {
        self.create_database_of(Self::SUPERUSER)
    }

    /// Creates an empty database that belongs to `role`.
    pub fn create_database_of(&self, role: &str) -> Database {
        let number = self.databases.fetch_add(1, Ordering::Relaxed);
        let name = format!("test_{number}");
        self.execute(
            "postgres",
            &format!("CREATE DATABASE {name} OWNER {role} TEMPLATE template0"),
        );
        let url = self.url_as(role, &name);
        Database { name, url }
    }

    /// Creates a copy of a database that nobody uses.
    pub fn copy_database(&self, original: &Database) -> Database {
        let number = self.databases.fetch_add(1, Ordering::Relaxed);
        let name = format!("test_{number}");
        let template = &original.name;
        self.execute(
            "postgres",
            &format!("CREATE DATABASE {name} TEMPLATE {template}"),
        );
        let url = self.url(&name);
        Database { name, url }
    }

    /// Drops a database, whoever uses it.
    pub fn drop_database(&self, database: &Database) {
        let name = &database.name;
        self.execute("postgres", &format!("DROP DATABASE {name} WITH (FORCE)"));
    }

    /// Runs statements as the superuser.
    pub fn execute(&self, database: &str, sql: &str) -> String {
        run(Command::new(self.programs.join("psql"))
            .args(["--no-psqlrc", "--quiet", "--tuples-only", "--no-align"])
            .args(["--set=ON_ERROR_STOP=1", "--dbname", &self.url(database)])
            .args(["--command", sql]))
    }

    /// Stops the server as a crash would: no checkpoint, connections just end.
    pub fn stop_immediate(&self) {
        run(self
            .program("pg_ctl")
            .args(["stop", "--mode=immediate", "--wait"]));
    }

    /// Starts the server that was stopped, on the same port; waits until it can be used.
    pub fn start_again(&self) {
        let log = self.directory.join("log");
        run(self
            .program("pg_ctl")
            .args(["start", "--wait", "--timeout=120", "--log"])
            .arg(log));
    }

    /// One of PostgreSQL's programs about this server's data, as a user that it accepts.
    fn program(&self, name: &str) -> Command {
        let path = self.programs.join(name);
        let mut command = if is_root(Path::new("/proc/self")) {
            let mut command = Command::new("setpriv");
            command.args(["--reuid", USER, "--regid", USER, "--init-groups"]);
            command.arg(path);
            command
        } else {
            Command::new(path)
        };
        command.current_dir(&self.directory);
        command.env("PGDATA", self.directory.join("data"));
        command
    }
}

/// The programs of the newest version.
fn programs() -> PathBuf {
    let installed = std::fs::read_dir(VERSIONS).into_iter().flatten().flatten();
    let version = |path: &PathBuf| -> Option<u32> {
        path.join("bin/postgres").exists().then_some(())?;
        path.file_name()?.to_str()?.parse().ok()
    };
    installed
        .map(|entry| entry.path())
        .filter_map(|path| Some((version(&path)?, path.join("bin"))))
        .max()
        .map(|(_, programs)| programs)
        .unwrap_or_else(|| {
            panic!("PostgreSQL is not in {VERSIONS}: install `postgresql`, as `tests/run` does")
        })
}

/// Whether `path`, which this process has made, belongs to root.
fn is_root(path: &Path) -> bool {
    std::fs::metadata(path).is_ok_and(|metadata| metadata.uid() == 0)
}

/// A number of the server's user.
fn id(which: &str) -> u32 {
    run(Command::new("id").args([which, USER]))
        .trim()
        .parse()
        .unwrap_or_else(|error| panic!("`id {which} {USER}` says no number: {error}"))
}
