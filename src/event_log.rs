//! The events of the last runs, for listeners that come late, or come back.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use crate::event::{Event, EventId};

/// How many events are kept: those of a reset of some two thousand steps.
const CAPACITY: usize = 4096;

/// The last events of all runs, in their order.
#[derive(Debug)]
pub(crate) struct EventLog {
    kept: Mutex<Kept>,
    /// The number that the next event gets; nothing once no more are to be told.
    next: watch::Sender<Option<u64>>,
}

#[derive(Debug, Default)]
struct Kept {
    events: VecDeque<Event>,
    /// How many have gone.
    gone: u64,
}

impl Kept {
    fn next(&self) -> u64 {
        self.gone + self.events.len() as u64
    }

    /// The event with this number, or the first one that is still there.
    fn from(&self, number: u64) -> Option<(u64, &Event)> {
        let number = number.max(self.gone);
        let place = usize::try_from(number - self.gone).ok()?;
        Some((number, self.events.get(place)?))
    }

    /// The number of the first event that a listener has not seen.
    fn unseen(&self, last: Option<EventId>) -> u64 {
        let find = |is_wanted: &dyn Fn(&Event) -> bool| self.events.iter().position(is_wanted);
        let seen = last.and_then(|last| find(&|event| event.id() == last));
        let place = if let Some(seen) = seen {
            seen + 1
        } else {
            match self.events.back() {
                // Whoever was there before wants to know how it ended, others what goes on.
                Some(newest) if last.is_some() || !newest.kind.is_terminal() => {
                    find(&|event| event.run == newest.run).unwrap_or_default()
                }
                _ => self.events.len(),
            }
        };
        self.gone + place as u64
    }
}

impl EventLog {
    pub(crate) fn new() -> Self {
        Self {
            kept: Mutex::default(),
            next: watch::Sender::new(Some(0)),
        }
    }

    pub(crate) fn add(&self, event: Event) {
        let mut kept = self.kept();
        if kept.events.len() == CAPACITY {
            kept.events.pop_front();
            kept.gone += 1;
        }
        kept.events.push_back(event);
        let next = kept.next();
        self.next.send_if_modified(|told| match told {
            Some(told) => {
                *told = next;
                true
            }
            None => false,
        });
    }

    /// Tells nobody any more.
    pub(crate) fn end(&self) {
        self.next.send_replace(None);
    }

    /// Those from now on.
    pub(crate) fn from_now(self: &Arc<Self>) -> Events {
        let next = self.kept().next();
        self.listen(next)
    }

    /// Those after `last`; without it those of the run that is under way.
    pub(crate) fn after(self: &Arc<Self>, last: Option<EventId>) -> Events {
        let next = self.kept().unseen(last);
        self.listen(next)
    }

    fn listen(self: &Arc<Self>, next: u64) -> Events {
        Events {
            log: self.clone(),
            next,
            told: self.next.subscribe(),
        }
    }

    /// Nothing panics while it holds this lock; a poisoned one would be as good.
    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a listener hears. One that is slow, or goes away, changes nothing for the reset; one
/// that is thousands of events behind misses the oldest.
#[derive(Debug)]
pub struct Events {
    log: Arc<EventLog>,
    next: u64,
    told: watch::Receiver<Option<u64>>,
}

impl Events {
    /// Waits for the next event; nothing comes after
    /// [`Engine::end_events`](crate::Engine::end_events).
    pub async fn next(&mut self) -> Option<Event> {
        loop {
            let ended = self.told.borrow_and_update().is_none();
            if let Some(event) = self.try_next() {
                return Some(event);
            }
            if ended || self.told.changed().await.is_err() {
                return None;
            }
        }
    }

    /// The next event, if it has happened already.
    pub fn try_next(&mut self) -> Option<Event> {
        let kept = self.log.kept();
        let (number, event) = kept.from(self.next)?;
        self.next = number + 1;
        Some(event.clone())
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::event::{EventKind, Progress};

    fn kinds(mut events: Events) -> Vec<EventKind> {
        std::iter::from_fn(|| events.try_next())
            .map(|event| event.kind)
            .collect()
    }

    #[test]
    fn who_comes_late_hears_the_run_from_its_beginning() {
        let log = Arc::new(EventLog::new());
        let first = Progress::new(log.clone(), Uuid::now_v7());
        first.send(EventKind::ResetStarted);
        first.send(EventKind::ResetFinished { pending: 0 });
        assert!(kinds(log.after(None)).is_empty());
        let second = Progress::new(log.clone(), Uuid::now_v7());
        second.send(EventKind::ResetStarted);
        second.send(EventKind::Drained);
        let all = [EventKind::ResetStarted, EventKind::Drained];
        assert_eq!(kinds(log.after(None)), all);
        assert!(kinds(log.from_now()).is_empty());
    }

    #[test]
    fn who_comes_back_hears_what_he_has_missed() {
        let log = Arc::new(EventLog::new());
        let run = Uuid::now_v7();
        let progress = Progress::new(log.clone(), run);
        progress.send(EventKind::ResetStarted);
        progress.send(EventKind::Drained);
        progress.send(EventKind::ResetFinished { pending: 0 });
        let last = EventId { run, index: 0 };
        assert_eq!(kinds(log.after(Some(last))).len(), 2);
        let of_another_process = format!("{}:7", Uuid::now_v7()).parse().unwrap();
        assert_eq!(kinds(log.after(Some(of_another_process))).len(), 3);
        assert!("7".parse::<EventId>().is_err());
    }

    #[test]
    fn the_oldest_go_first() {
        let log = Arc::new(EventLog::new());
        let mut events = log.from_now();
        let progress = Progress::new(log, Uuid::now_v7());
        (0..=CAPACITY).for_each(|_| progress.send(EventKind::Drained));
        assert_eq!(events.try_next().unwrap().index, 1);
    }

    #[tokio::test]
    async fn an_end_ends_the_waiting() {
        let log = Arc::new(EventLog::new());
        let mut events = log.from_now();
        let waiting = tokio::spawn(async move { events.next().await });
        log.end();
        assert!(waiting.await.unwrap().is_none());
    }
}
