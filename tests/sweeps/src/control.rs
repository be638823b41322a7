//! The shim that is loaded into a host, and the block of memory by which it is told what to do.

use std::ffi::OsString;
use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

use tempfile::TempDir;

/// The offsets of `struct control` in `control.h`.
const ARMED: u64 = 0;
const MODE: u64 = 4;
const ERROR: u64 = 8;
const READS: u64 = 12;
const TARGET: u64 = 16;
const COUNT: u64 = 24;
const CLOCK: u64 = 32;
const HIT: u64 = 40;
const CALL: u64 = 44;
const PATH: u64 = 72;
const SIZE: u64 = 1096;

/// What happens at which call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Nothing; calls are counted.
    None,
    /// The host is killed before this call.
    KillBefore(u64),
    /// The host is killed after this call.
    KillAfter(u64),
    /// A write that reaches the file only with its first half; any other call as if there were
    /// no fault.
    KillHalfway(u64),
    /// This call fails.
    FailOnce(u64, Errno),
    /// This call fails, and all after it.
    FailFromThenOn(u64, Errno),
}

/// An error of the operating system.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Errno {
    /// The disk is broken.
    EIO = 5,
    /// It is forbidden.
    EACCES = 13,
    /// The disk is full.
    ENOSPC = 28,
}

impl Errno {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::EIO, Self::ENOSPC, Self::EACCES];
}

/// Shared with one host. The host maps the file; here it is read and written, which on Linux
/// is the same memory.
pub struct Control {
    file: File,
    directory: PathBuf,
}

impl Control {
    /// In `directory`, which is not the host's data directory. Nothing is armed.
    #[must_use]
    pub fn create(directory: &Path) -> Self {
        let options = File::options()
            .create(true)
            .truncate(true)
            .read(true)
            .write(true)
            .open(directory.join("control"));
        let file = options.unwrap();
        file.set_len(SIZE).unwrap();
        Self {
            file,
            directory: directory.to_owned(),
        }
    }

    /// What the shim is to find in its environment; with a log if there is to be one.
    #[must_use]
    pub fn environment(&self, data: &Path) -> Vec<(&'static str, OsString)> {
        let mut environment = vec![
            ("LD_PRELOAD", SHIM.0.clone().into()),
            ("FAULTS_CONTROL", self.directory.join("control").into()),
            ("FAULTS_DIRECTORY", data.into()),
        ];
        if self.log().exists() {
            environment.push(("FAULTS_LOG", self.log().into()));
        }
        environment
    }

    /// Has every counted call written down; to be called before the host is started.
    pub fn keep_log(&self) -> PathBuf {
        File::create(self.log()).unwrap();
        self.log()
    }

    fn log(&self) -> PathBuf {
        self.directory.join("log")
    }

    /// Counts from here on, and lets the fault happen.
    pub fn arm(&self, fault: Fault) {
        let (mode, target, error) = match fault {
            Fault::None => (0, 0, None),
            Fault::KillBefore(call) => (1, call, None),
            Fault::KillAfter(call) => (2, call, None),
            Fault::KillHalfway(call) => (3, call, None),
            Fault::FailOnce(call, error) => (4, call, Some(error)),
            Fault::FailFromThenOn(call, error) => (5, call, Some(error)),
        };
        self.write(MODE, &u32::to_ne_bytes(mode));
        self.write(TARGET, &u64::to_ne_bytes(target));
        let error = error.map_or(0, |error| error as u32);
        self.write(ERROR, &error.to_ne_bytes());
        self.write(COUNT, &u64::to_ne_bytes(0));
        self.write(HIT, &u32::to_ne_bytes(0));
        self.write(ARMED, &u32::to_ne_bytes(1));
    }

    /// From here on every call is as if there were no shim.
    pub fn disarm(&self) {
        self.write(ARMED, &u32::to_ne_bytes(0));
    }

    /// Opening a file or a directory for reading counts too, and can fail.
    pub fn count_reads(&self) {
        self.write(READS, &u32::to_ne_bytes(1));
    }

    /// Moves the host's wall clock.
    pub fn move_clock(&self, seconds: i64) {
        self.write(CLOCK, &seconds.to_ne_bytes());
    }

    /// How many calls there were since it was armed.
    #[must_use]
    pub fn count(&self) -> u64 {
        u64::from_ne_bytes(self.read(COUNT))
    }

    /// The call at which the fault happened, and its path in the data directory.
    #[must_use]
    pub fn hit(&self) -> Option<String> {
        if u32::from_ne_bytes(self.read(HIT)) == 0 {
            return None;
        }
        let text = |bytes: &[u8]| {
            let text = bytes.split(|byte| *byte == 0).next().unwrap_or_default();
            String::from_utf8_lossy(text).into_owned()
        };
        let call = text(&self.read::<{ (PATH - CALL) as usize }>(CALL));
        let path = text(&self.read::<{ (SIZE - PATH) as usize }>(PATH));
        let below = path.split("/data/").nth(1).unwrap_or(".");
        Some(format!("{call} {below}"))
    }

    fn write(&self, offset: u64, bytes: &[u8]) {
        self.file.write_all_at(bytes, offset).unwrap();
    }

    fn read<const BYTES: usize>(&self, offset: u64) -> [u8; BYTES] {
        let mut bytes = [0; BYTES];
        self.file.read_exact_at(&mut bytes, offset).unwrap();
        bytes
    }
}

/// Compiled once for all tests.
static SHIM: LazyLock<(PathBuf, TempDir)> = LazyLock::new(|| {
    let directory = tempfile::tempdir().unwrap();
    let source = directory.path().join("shim.c");
    let shim = directory.path().join("shim.so");
    fs::write(&source, include_str!("shim.c")).unwrap();
    fs::write(
        source.with_file_name("control.h"),
        include_str!("control.h"),
    )
    .unwrap();
    let compiled = Command::new("cc")
        .args(["-shared", "-fPIC", "-O2", "-Wall", "-Wextra"])
        .arg(&source)
        .arg("-o")
        .arg(&shim)
        .args(["-ldl", "-lpthread"])
        .status();
    assert!(compiled.unwrap().success(), "the shim compiles");
    (shim, directory)
});
