//! Tells how far long work has come, a few times a second.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::database::Tally;
use crate::descriptor::StepId;
use crate::event::{EventKind, Progress};
use crate::item::ItemKind;

/// How long nothing is told after something was.
const PAUSE: Duration = Duration::from_millis(250);

/// What goes on.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Subject {
    Step(StepId),
    #[cfg(feature = "backup")]
    Backup,
}

/// Tells of the rows that a transaction has done of `total`, if that is known. Work that is done
/// sooner than anybody could read about it tells nothing.
pub(crate) fn rows(progress: &Arc<Progress>, subject: Subject, total: Option<u64>) -> Tally {
    let progress = progress.clone();
    let state = Mutex::new((0, Instant::now()));
    let unit = ItemKind::Table.unit();
    Arc::new(move |more| {
        // Nothing panics while it holds this lock; a poisoned one would be as good.
        let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
        let (done, told) = &mut *state;
        *done += more;
        if told.elapsed() < PAUSE {
            return;
        }
        *told = Instant::now();
        let done = *done;
        progress.send(match subject {
            Subject::Step(step) => EventKind::StepProgressed {
                step,
                done,
                total,
                unit,
            },
            #[cfg(feature = "backup")]
            Subject::Backup => EventKind::BackupProgressed { done, total, unit },
        });
    })
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;
    use uuid::Uuid;

    use super::*;
    use crate::event_log::EventLog;

    #[tokio::test(start_paused = true)]
    async fn long_work_is_told_now_and_then_and_short_work_not_at_all() {
        let log = Arc::new(EventLog::new());
        let progress = Arc::new(Progress::new(log.clone(), Uuid::now_v7()));
        let mut events = log.from_now();
        let tally = rows(&progress, Subject::Step(StepId::new("tables")), Some(9));
        tally(1);
        tally(2);
        assert!(events.try_next().is_none());
        advance(PAUSE).await;
        tally(3);
        tally(1);
        let told = events.try_next().map(|event| event.kind);
        let expected = EventKind::StepProgressed {
            step: StepId::new("tables"),
            done: 6,
            total: Some(9),
            unit: "rows",
        };
        assert_eq!(told, Some(expected));
        assert!(events.try_next().is_none());
    }
}
