//! The process that starts browsers and passes on what tests ask of them.

use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// How long it may take to start; far more than it does.
const PATIENCE: Duration = Duration::from_secs(60);

/// Runs chromedriver as the first process of a namespace, in the directory `$1`, until its own
/// input ends: with that process the kernel ends every browser that it has started.
const SCRIPT: &str = r#"
HOME="$1" TMPDIR="$1" unshare --pid --fork --kill-child --mount-proc \
    chromedriver --port=0 >"$1/output" 2>&1 &
read -r _
kill -KILL "$!"
until rm -rf "$1"; do sleep 0.05; done
"#;

/// A running chromedriver. Its input ends with the test process, however that ends.
pub(crate) struct Driver {
    _shell: Child,
    port: u16,
}

impl Driver {
    /// The one driver of this test binary.
    pub(crate) fn shared() -> &'static Self {
        static SHARED: OnceLock<Driver> = OnceLock::new();
        SHARED.get_or_init(Self::start)
    }

    /// Where it takes orders.
    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    fn start() -> Self {
        let directory = TempDir::with_prefix("test-browser-")
            .unwrap_or_else(|error| panic!("no temporary directory: {error}"))
            .keep();
        let shell = Command::new("sh")
            .args(["-c", SCRIPT, "driver"])
            .arg(&directory)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            // What interrupts the tests must not reach it.
            .process_group(0)
            .spawn()
            .unwrap_or_else(|error| panic!("could not start `sh`: {error}"));
        Self {
            _shell: shell,
            port: await_port(&directory.join("output")),
        }
    }
}

fn await_port(output: &Path) -> u16 {
    let start = Instant::now();
    loop {
        let output = std::fs::read_to_string(output).unwrap_or_default();
        if let Some(port) = port(&output) {
            return port;
        }
        let is_patient = start.elapsed() < PATIENCE;
        assert!(
            is_patient,
            "chromedriver does not start: {output}; see `tests/run`"
        );
        thread::sleep(Duration::from_millis(5));
    }
}

/// `ChromeDriver was started successfully on port 38243.`
fn port(output: &str) -> Option<u16> {
    let (_, rest) = output.split_once("successfully on port ")?;
    rest.split_once('.')?.0.parse().ok()
}
