//! What a browser is shown: the form that takes the bot into use, and the options page. They tell
//! nothing by themselves, so they lie outside of authentication and of the gate.

mod advice;
mod known_passphrase;
mod router;

pub(crate) use advice::advice;
pub(crate) use known_passphrase::KnownPassphrase;
pub(crate) use router::router;
