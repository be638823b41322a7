//! Redis.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::guard::Guard;
use crate::program::{free_port, run};

/// How long a server may take to start or stop; far more than it does.
const PATIENCE: Duration = Duration::from_secs(60);

/// A running Redis server that keeps nothing on the disk.
#[derive(Debug)]
pub struct Redis {
    // Dropped first: it stops the server and removes the directory.
    _guard: Guard,
    directory: PathBuf,
    port: u16,
    databases: AtomicU32,
}

/// How many databases there are in a server.
const DATABASES: u32 = 1024;

impl Redis {
    /// The one server of this test binary.
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<Redis> = OnceLock::new();
        SHARED.get_or_init(Self::start)
    }

    /// Starts a server.
    ///
    /// # Panics
    ///
    /// When Redis is not installed, or does not start.
    #[must_use]
    pub fn start() -> Self {
        let directory = TempDir::with_prefix("test-redis-")
            .unwrap_or_else(|error| panic!("no temporary directory: {error}"))
            .keep();
        let path = directory.display().to_string();
        let server = Self {
            _guard: Guard::new(
                "server=$(cat \"$1/pid\"); kill -KILL \"$server\"; \
                 for _ in $(seq 500); do kill -0 \"$server\" || break; sleep 0.01; done; \
                 rm -rf \"$1\"",
                &[&path],
            ),
            directory,
            port: free_port(),
            databases: AtomicU32::default(),
        };
        server.start_again();
        server
    }

    /// Its port on 127.0.0.1.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Its address.
    #[must_use]
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}/", self.port)
    }

    /// The address of a database that holds no keys.
    ///
    /// # Panics
    ///
    /// When all of them are in use.
    pub fn create_database(&self) -> String {
        let number = self.databases.fetch_add(1, Ordering::Relaxed);
        assert!(number < DATABASES, "all databases of Redis are in use");
        format!("{}{number}", self.url())
    }

    /// Stops the server; its keys are gone.
    pub fn stop(&self) {
        // It ends without an answer.
        let _ = self.ask("SHUTDOWN NOSAVE\r\n");
        wait("stop", || TcpStream::connect(self.address()).is_err());
    }

    /// Starts the server that was stopped, on the same port; waits until it answers.
    pub fn start_again(&self) {
        run(Command::new("redis-server")
            .args(["--bind", "127.0.0.1", "--port", &self.port.to_string()])
            .args(["--databases", &DATABASES.to_string()])
            .args(["--save", "", "--appendonly", "no", "--daemonize", "yes"])
            .arg("--dir")
            .arg(&self.directory)
            .arg("--pidfile")
            .arg(self.directory.join("pid"))
            .arg("--logfile")
            .arg(self.directory.join("log")));
        wait("start", || {
            self.ask("PING\r\n")
                .is_ok_and(|answer| answer.starts_with("+PONG"))
        });
    }

    fn address(&self) -> (Ipv4Addr, u16) {
        (Ipv4Addr::LOCALHOST, self.port)
    }

    fn ask(&self, command: &str) -> std::io::Result<String> {
        let mut stream = TcpStream::connect(self.address())?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.write_all(command.as_bytes())?;
        let mut answer = [0; 64];
        let length = stream.read(&mut answer)?;
        Ok(String::from_utf8_lossy(&answer[..length]).into_owned())
    }
}

fn wait(what: &str, holds: impl Fn() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < PATIENCE, "Redis does not {what}");
        thread::sleep(Duration::from_millis(5));
    }
}
