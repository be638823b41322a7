//! The options page: what can be reset, with its preview, backups and history, for a browser.
//!
//! It is a handful of static files, written for the browser as they are, and asks the router of
//! the reset service for everything that it shows.

mod asset;
mod options_page;
mod settings;
mod sign_in;

pub use options_page::Page;
pub use sign_in::SignIn;
