//! Which tables are cleared.

use std::fmt;

use serde::de::{self, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

/// Which tables are cleared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Clear {
    /// Every one that is not preserved.
    All,
    /// These.
    Named(Vec<String>),
}

impl Default for Clear {
    fn default() -> Self {
        Self::Named(Vec::new())
    }
}

impl<'de> Deserialize<'de> for Clear {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ClearVisitor)
    }
}

struct ClearVisitor;

impl<'de> Visitor<'de> for ClearVisitor {
    type Value = Clear;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a list of tables, or \"all\"")
    }

    fn visit_str<E: de::Error>(self, word: &str) -> Result<Clear, E> {
        match word {
            "all" => Ok(Clear::All),
            _ => Err(E::invalid_value(de::Unexpected::Str(word), &self)),
        }
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut names: A) -> Result<Clear, A::Error> {
        let mut named = Vec::new();
        while let Some(name) = names.next_element()? {
            named.push(name);
        }
        Ok(Clear::Named(named))
    }
}
