use serde::Deserialize;

/// A text that somebody has typed: not empty, and of at most `LONGEST` characters.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(try_from = "String")]
pub struct Text<const LONGEST: usize>(String);

/// Why a text is not taken.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected 1 to {longest} characters, without NUL")]
pub struct InvalidText {
    longest: usize,
}

impl<const LONGEST: usize> Text<LONGEST> {
    /// The text itself.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl<const LONGEST: usize> TryFrom<String> for Text<LONGEST> {
    type Error = InvalidText;

    fn try_from(text: String) -> Result<Self, InvalidText> {
        // PostgreSQL cannot store a NUL.
        let is_valid =
            !text.trim().is_empty() && text.chars().nth(LONGEST).is_none() && !text.contains('\0');
        if is_valid {
            Ok(Self(text))
        } else {
            Err(InvalidText { longest: LONGEST })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_neither_empty_nor_too_long() {
        let is_valid = |text: &str| Text::<3>::try_from(text.to_owned()).is_ok();
        assert!(is_valid("a") && is_valid("äöü") && is_valid("日本語"));
        assert!(!is_valid("") && !is_valid("  ") && !is_valid("abcd") && !is_valid("a\0"));
    }
}
