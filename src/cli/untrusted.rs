//! Text that the command itself has not written.

use std::fmt::{self, Display, Formatter};

use serde::Deserialize;

use crate::printable::Printable;

/// A name, reason or unit from a server, a database, a file or the history. It is displayed
/// escaped, so that no format string can write it to a terminal as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(transparent)]
pub(super) struct Untrusted(String);

impl Untrusted {
    /// The text itself, to be compared or sent back, not to be shown.
    pub(super) fn raw(&self) -> &str {
        &self.0
    }
}

impl From<&str> for Untrusted {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl Display for Untrusted {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        Printable::new(&self.0).fmt(formatter)
    }
}

/// All of `texts`, separated by commas.
pub(super) fn joined<'a>(texts: impl IntoIterator<Item = &'a Untrusted>) -> String {
    let texts: Vec<_> = texts.into_iter().map(ToString::to_string).collect();
    texts.join(", ")
}
