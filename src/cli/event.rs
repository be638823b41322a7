use std::collections::BTreeMap;

use serde::Deserialize;

use super::untrusted::Untrusted;

/// One fact about progress, as the service tells it. What this version does not know is passed
/// over.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Event {
    pub(super) elapsed_ms: u64,
    #[serde(flatten)]
    pub(super) kind: Kind,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(super) enum Kind {
    Planned {
        steps: u64,
    },
    BackupStarted {
        name: Untrusted,
    },
    BackupMade {
        name: Untrusted,
    },
    BackupProgressed {
        done: u64,
        total: Option<u64>,
        unit: Untrusted,
    },
    Drained,
    StepStarted {
        step: Untrusted,
    },
    StepProgressed {
        step: Untrusted,
        done: u64,
        total: Option<u64>,
        unit: Untrusted,
    },
    StepFinished {
        step: Untrusted,
        #[serde(default)]
        counts: BTreeMap<Untrusted, u64>,
    },
    Committed,
    Undoing,
    ResetFinished {},
    ResetFailed {},
    BackupFinished {},
    BackupFailed {},
    #[serde(other)]
    Unknown,
}

impl Kind {
    /// Whether nothing more of the run comes.
    pub(super) fn is_terminal(&self) -> bool {
        matches!(
            self,
            Self::ResetFinished {}
                | Self::ResetFailed {}
                | Self::BackupFinished {}
                | Self::BackupFailed {}
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event;

    #[test]
    fn what_the_engine_tells_is_understood() {
        let told = event::Event {
            run: uuid::Uuid::nil(),
            index: 3,
            elapsed_ms: 12,
            kind: event::EventKind::BackupMade {
                name: "before".to_owned(),
            },
        };
        let read: Event = serde_json::from_value(serde_json::to_value(told).unwrap()).unwrap();
        assert_eq!(read.elapsed_ms, 12);
        let name = "before".into();
        assert_eq!(read.kind, Kind::BackupMade { name });
        let later = r#"{"run": "x", "elapsed_ms": 1, "kind": "sung", "song": {}}"#;
        let read: Event = serde_json::from_str(later).unwrap();
        assert_eq!(read.kind, Kind::Unknown);
    }
}
