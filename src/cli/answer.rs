//! What a command has to tell, as JSON.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use uuid::Uuid;

use super::exit::Exit;
use super::failure::Failure;
use crate::backup::Backup;
use crate::history::HistoryEntry;

/// What the API answers, or would: the text is what `--json` prints.
#[derive(Debug, Clone)]
pub(super) struct Answer {
    pub(super) text: String,
}

/// A run that has happened.
#[derive(Serialize)]
pub(super) struct Done<'a> {
    pub(super) success: bool,
    pub(super) message: String,
    pub(super) report: &'a Value,
}

/// A backup that was made.
#[derive(Serialize)]
pub(super) struct Made {
    pub(super) success: bool,
    pub(super) message: String,
    pub(super) backup: Backup,
}

/// Something that is done, or would be.
#[derive(Serialize)]
pub(super) struct Told {
    pub(super) success: bool,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(super) dry_run: bool,
    pub(super) message: String,
}

/// What an end to an interrupted run has come to.
#[derive(Serialize)]
pub(super) struct Recovered {
    pub(super) success: bool,
    pub(super) message: String,
    pub(super) runs: Vec<HistoryEntry>,
}

#[derive(Serialize)]
pub(super) struct Backups {
    pub(super) backups: Vec<Backup>,
}

#[derive(Serialize)]
pub(super) struct Runs {
    pub(super) runs: Vec<HistoryEntry>,
}

/// Something that has failed.
#[derive(Serialize)]
struct Failed<'a> {
    success: bool,
    error: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    report: Option<&'a Value>,
}

impl Answer {
    pub(super) fn of(value: &impl Serialize) -> Self {
        Self {
            // Strings, numbers and lists of them always make JSON.
            text: serde_json::to_string(value).unwrap_or_default(),
        }
    }

    /// Says what a dry run would have done.
    pub(super) fn dry_run(message: impl Into<String>) -> Self {
        Self::of(&Told {
            success: true,
            dry_run: true,
            message: message.into(),
        })
    }

    pub(super) fn of_failure(failure: &Failure) -> Self {
        Self::of(&Failed {
            success: false,
            error: &failure.text,
            report: failure.report.as_ref(),
        })
    }

    /// What it says.
    pub(super) fn read<T: DeserializeOwned>(&self) -> Result<T, Failure> {
        serde_json::from_str(&self.text).map_err(|error| {
            let text =
                format!("the answer is not that of a reset service of this version: {error}");
            Failure::new(Exit::Unreachable, text)
        })
    }
}

/// A new key for a request that may be repeated: whoever knows it is told the answer.
pub(super) fn key() -> String {
    let half = || Uuid::new_v4().simple().to_string();
    half() + &half()
}
