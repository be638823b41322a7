use serde::Deserialize;

/// What a user is called.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(try_from = "String")]
pub struct Username(String);

/// Why a name is not taken.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected 1 to {} letters, digits, `_`, `-` or `.`", Username::LONGEST)]
pub struct InvalidUsername;

impl Username {
    /// How many characters it may have.
    pub const LONGEST: usize = 64;

    /// The name itself.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Username {
    type Error = InvalidUsername;

    fn try_from(name: String) -> Result<Self, InvalidUsername> {
        let is_allowed =
            |character: char| character.is_ascii_alphanumeric() || "_-.".contains(character);
        if !name.is_empty() && name.len() <= Self::LONGEST && name.chars().all(is_allowed) {
            Ok(Self(name))
        } else {
            Err(InvalidUsername)
        }
    }
}
