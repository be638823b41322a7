use std::fmt;

use serde::Deserialize;

/// A password that somebody chooses.
#[derive(Deserialize)]
#[serde(try_from = "String")]
pub struct Password(String);

/// Why a password is not taken.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected {} to {} characters", Password::SHORTEST, Password::LONGEST)]
pub struct InvalidPassword;

impl Password {
    /// How many characters it must have.
    pub const SHORTEST: usize = 8;
    /// How many it may have.
    pub const LONGEST: usize = 1024;

    pub(super) fn into_inner(self) -> String {
        self.0
    }
}

impl TryFrom<String> for Password {
    type Error = InvalidPassword;

    fn try_from(password: String) -> Result<Self, InvalidPassword> {
        if (Self::SHORTEST..=Self::LONGEST).contains(&password.chars().count()) {
            Ok(Self(password))
        } else {
            Err(InvalidPassword)
        }
    }
}

/// Without the password.
impl fmt::Debug for Password {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Password")
    }
}
