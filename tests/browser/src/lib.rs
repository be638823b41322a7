//! A real browser for tests: Debian's Chromium without a window, driven by chromedriver as a
//! person would use it. Both are gone when the test process is, however it ends.
//!
//! | to | look into |
//! |---|---|
//! | run a test in a browser of its own | [`Browser::run`] |
//! | wait, click, type, read | [`Browser`] |
//! | look for faults that hinder people | [`Browser::assert_accessible`] |
//! | have it dark, narrow or offline | [`Scheme`], [`Browser::resize`], [`Browser::go_offline`] |
//! | cut the line to the server | [`Line`] |
//!
//! Whatever does not come to pass within a minute is a panic that shows the page, and so is a
//! program that is missing: `tests/run` installs what is needed.

mod accessibility;
mod browser;
mod driver;
mod element;
mod emulation;
mod line;
mod log;
mod screenshot;
mod session;

pub use browser::{Browser, Tab};
pub use emulation::Scheme;
pub use line::Line;
pub use thirtyfour::Key;
