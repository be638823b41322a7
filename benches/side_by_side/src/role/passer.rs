//! Somebody who goes through the gate of a host, again and again.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use factory_reset::Gate;

use crate::failure::Failure;

/// Between two tries.
const PAUSE: Duration = Duration::from_micros(100);

/// Tries until it is stopped.
pub(super) struct Passer {
    is_over: Arc<AtomicBool>,
    thread: JoinHandle<Duration>,
}

impl Passer {
    /// Begins to go through `gate`.
    pub(super) fn start(gate: Gate) -> Self {
        let is_over = Arc::new(AtomicBool::new(false));
        let over = Arc::clone(&is_over);
        let thread = thread::spawn(move || {
            let (mut longest, mut last) = (Duration::ZERO, Instant::now());
            while !over.load(Ordering::Relaxed) {
                if gate.enter().is_some() {
                    longest = longest.max(last.elapsed());
                    last = Instant::now();
                }
                thread::sleep(PAUSE);
            }
            longest.max(last.elapsed())
        });
        Self { is_over, thread }
    }

    /// Stops, and returns the longest time for which it could not go through.
    pub(super) fn longest_wait(self) -> Result<Duration, Failure> {
        self.is_over.store(true, Ordering::Relaxed);
        Ok(self.thread.join().map_err(|_| "the passer panicked")?)
    }
}
