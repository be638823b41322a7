//! What the bot does by itself: for each account a runtime of several loops, which
//! discover tweets, draft content and take stock, and write rows all the while.
//!
//! Nothing here talks to X or to a language model: templates and chance stand in
//! for both, the rows are real.

mod analytics;
mod automation_loop;
mod content;
mod content_generator;
mod discovery;
mod generators;
mod runtimes;

pub use content_generator::{ContentGenerator, Draft};
pub use generators::Generators;
pub use runtimes::{AlreadyRunning, NotRunning, Runtimes};
