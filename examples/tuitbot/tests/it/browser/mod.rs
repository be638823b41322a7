//! The pages in a real browser, from signing in to onboarding. Every test ends with the assertion
//! that the console is empty and that nothing outside of the service was asked for.
//!
//! With the environment variable `SCREENSHOTS` the pictures of the README are written to the
//! directory that it names.

mod accessibility;
mod backups;
mod changes;
mod failure;
mod keyboard;
mod lost_line;
mod onboarding;
mod person;
mod preview;
mod progress;
mod reset;
mod selection;
mod signing_in;
