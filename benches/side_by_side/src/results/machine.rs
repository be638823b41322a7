//! Where, when and by which programs it was measured.

use std::fs;
use std::process::Command;

use sqlx::{Connection, SqliteConnection};

use crate::failure::Failure;
use crate::runtime::block_on;

/// One line each.
pub(crate) struct Machine {
    lines: Vec<String>,
}

impl Machine {
    /// Finds out about this one.
    pub(crate) fn look() -> Result<Self, Failure> {
        let now = jiff::Zoned::now();
        let arguments: Vec<_> = std::env::args().skip(1).collect();
        let command = format!("benches/run {}", arguments.join(" "));
        let sqlite: String = block_on(async {
            let mut connection = SqliteConnection::connect("sqlite::memory:").await?;
            let version = sqlx::query_scalar("SELECT sqlite_version()");
            version.fetch_one(&mut connection).await
        })?;
        let lines = vec![
            format!("{}, `{}`", now.date(), command.trim_end()),
            format!(
                "{} cores ({}), {} memory, Linux {}",
                std::thread::available_parallelism()?,
                field("/proc/cpuinfo", "model name")?,
                field("/proc/meminfo", "MemTotal")?,
                fs::read_to_string("/proc/sys/kernel/osrelease")?.trim(),
            ),
            format!(
                "SQLite {sqlite} in process, {} in the shell",
                shell_version()?
            ),
        ];
        Ok(Self { lines })
    }

    /// Says one thing more.
    pub(crate) fn add(&mut self, line: String) {
        self.lines.push(line);
    }

    /// Everything, as a list.
    pub(super) fn list(&self) -> String {
        self.lines
            .iter()
            .map(|line| format!("- {line}\n"))
            .collect()
    }
}

fn shell_version() -> Result<String, Failure> {
    let output = Command::new("sqlite3").arg("--version").output();
    let output =
        output.map_err(|error| format!("failed to run sqlite3: {error}; see `benches/run`"))?;
    let text = String::from_utf8(output.stdout)?;
    Ok(text
        .split_whitespace()
        .next()
        .unwrap_or_default()
        .to_owned())
}

fn field(file: &str, name: &str) -> Result<String, Failure> {
    let text = fs::read_to_string(file)?;
    let line = text.lines().find(|line| line.starts_with(name));
    let value = line.and_then(|line| line.split_once(':'));
    Ok(value
        .map_or("unknown", |(_, value)| value.trim())
        .to_owned())
}
