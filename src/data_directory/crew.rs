//! Several threads at one job, of which more is found while it is done.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{Builder, Scope, panicking, scope};

/// How much one thread does before others join it: little work is done sooner than they start.
const ALONE: usize = 512;

/// What a crew does.
pub(super) trait Job: Sync {
    /// A part of it.
    type Task: Send;

    /// Does `task`, and may give parts of it to the others.
    fn work(&self, task: Self::Task, crew: &Crew<'_, '_, Self>);
}

/// The threads at a job, as one of them sees them.
pub(super) struct Crew<'scope, 'env, J: Job + ?Sized> {
    job: &'env J,
    shared: &'env Shared<J::Task>,
    scope: &'scope Scope<'scope, 'env>,
}

impl<J: Job + ?Sized> Clone for Crew<'_, '_, J> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<J: Job + ?Sized> Copy for Crew<'_, '_, J> {}

struct Shared<Task> {
    state: Mutex<State<Task>>,
    changed: Condvar,
    most_threads: usize,
    done: AtomicUsize,
}

struct State<Task> {
    /// What nobody does yet; the last one comes first.
    waiting: Vec<Task>,
    threads: usize,
    idle: usize,
}

/// Does `tasks`, and what comes of them, on this thread and at most `threads - 1` others.
pub(super) fn run<J: Job>(job: &J, tasks: Vec<J::Task>, threads: usize) {
    let state = State {
        waiting: tasks,
        threads: 1,
        idle: 0,
    };
    let shared = Shared {
        state: Mutex::new(state),
        changed: Condvar::new(),
        most_threads: threads,
        done: AtomicUsize::new(0),
    };
    let shared = &shared;
    scope(|scope| Crew { job, shared, scope }.serve());
}

impl<J: Job + ?Sized> Crew<'_, '_, J> {
    /// Says that so much more of the job is done, in entries of directories.
    pub(super) fn did(&self, entries: usize) {
        let before = self.shared.done.fetch_add(entries, Ordering::Relaxed);
        if before < ALONE && before + entries >= ALONE {
            let mut state = self.state();
            for _ in 0..state.waiting.len() {
                self.grow(&mut state);
            }
        }
    }

    /// Whether somebody has nothing to do, or will soon.
    pub(super) fn is_hungry(&self) -> bool {
        let state = self.state();
        let has_others = state.threads > 1 || self.may_grow(&state);
        has_others && state.waiting.len() < self.shared.most_threads
    }

    /// How many tasks nobody does yet.
    pub(super) fn waiting(&self) -> usize {
        self.state().waiting.len()
    }

    /// Leaves `task` to whoever comes to it first.
    pub(super) fn give(&self, task: J::Task) {
        let mut state = self.state();
        state.waiting.push(task);
        if state.idle > 0 {
            self.shared.changed.notify_one();
        } else {
            self.grow(&mut state);
        }
    }

    /// Has one more at the job, if there may be one.
    fn grow(&self, state: &mut State<J::Task>) {
        if !self.may_grow(state) {
            return;
        }
        let crew = *self;
        let started = Builder::new()
            .name("factory-reset-files".to_owned())
            .spawn_scoped(self.scope, move || crew.serve());
        // Without it there are fewer of us.
        state.threads += usize::from(started.is_ok());
    }

    fn may_grow(&self, state: &State<J::Task>) -> bool {
        state.threads < self.shared.most_threads
            && self.shared.done.load(Ordering::Relaxed) >= ALONE
    }

    /// Nothing panics while it holds this lock; a poisoned one would be as good.
    fn state(&self) -> MutexGuard<'_, State<J::Task>> {
        let state = self.shared.state.lock();
        state.unwrap_or_else(PoisonError::into_inner)
    }

    /// Works until nobody has anything to do.
    fn serve(self) {
        let _leaving = Leaving(self);
        let mut state = self.state();
        loop {
            if let Some(task) = state.waiting.pop() {
                drop(state);
                self.job.work(task, &self);
                state = self.state();
                continue;
            }
            state.idle += 1;
            while state.waiting.is_empty() && state.idle < state.threads {
                let woken = self.shared.changed.wait(state);
                state = woken.unwrap_or_else(PoisonError::into_inner);
            }
            if state.waiting.is_empty() {
                self.shared.changed.notify_all();
                return;
            }
            state.idle -= 1;
        }
    }
}

/// Keeps the others from waiting for one that has panicked.
struct Leaving<'scope, 'env, J: Job + ?Sized>(Crew<'scope, 'env, J>);

impl<J: Job + ?Sized> Drop for Leaving<'_, '_, J> {
    fn drop(&mut self) {
        if panicking() {
            self.0.state().threads -= 1;
            self.0.shared.changed.notify_all();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::panic::catch_unwind;
    use std::thread;

    use super::*;

    /// Splits a number until nothing is left of it.
    #[derive(Default)]
    struct Split {
        sum: AtomicUsize,
        threads: Mutex<HashSet<thread::ThreadId>>,
        fails_at: Option<usize>,
    }

    impl Job for Split {
        type Task = usize;

        fn work(&self, task: usize, crew: &Crew<'_, '_, Self>) {
            assert_ne!(self.fails_at, Some(task), "the task is bad");
            self.threads.lock().unwrap().insert(thread::current().id());
            crew.did(1);
            self.sum.fetch_add(1, Ordering::Relaxed);
            if task > 1 {
                crew.give(task / 2);
                crew.give(task - task / 2 - 1);
            }
        }
    }

    #[test]
    fn all_that_is_found_is_done_once() {
        for threads in [1, 2, 8] {
            let split = Split::default();
            run(&split, vec![5000, 5000], threads);
            let alone = Split::default();
            run(&alone, vec![5000, 5000], 1);
            let sum = |split: &Split| split.sum.load(Ordering::Relaxed);
            assert_eq!(sum(&split), sum(&alone));
            assert!(split.threads.lock().unwrap().len() <= threads);
        }
    }

    #[test]
    fn little_is_done_alone() {
        let split = Split::default();
        run(&split, vec![100], 8);
        assert_eq!(split.threads.lock().unwrap().len(), 1);
    }

    #[test]
    fn a_panic_reaches_the_caller_and_holds_nobody_up() {
        let split = Split {
            fails_at: Some(3),
            ..Split::default()
        };
        catch_unwind(|| run(&split, vec![50_000], 4)).unwrap_err();
    }
}
