//! `If-Match`: only if what would be cleared is what was looked at.

use axum::http::{HeaderMap, header};

use crate::engine::Engine;
use crate::error::PlanError;
use crate::selection::Selection;

/// What a request demands of the plan's digest.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Condition {
    /// Nothing.
    None,
    /// That it is one of these. Weak and malformed tags match nothing, and do not stand here.
    OneOf(Vec<String>),
}

impl Condition {
    /// What `headers` demand; what they say several times counts as one list.
    pub(super) fn of(headers: &HeaderMap) -> Self {
        let values: Vec<_> = headers.get_all(header::IF_MATCH).iter().collect();
        if values.is_empty()
            || values
                .iter()
                .any(|value| value.as_bytes().trim_ascii() == b"*")
        {
            return Self::None;
        }
        let texts = values.iter().filter_map(|value| value.to_str().ok());
        let tags = texts.flat_map(|text| text.split(',')).map(str::trim);
        Self::OneOf(tags.filter_map(strong).map(str::to_owned).collect())
    }

    /// The digest that the engine is to insist on.
    pub(super) async fn digest(
        self,
        engine: &Engine,
        selection: &Selection,
    ) -> Result<Option<String>, PlanError> {
        let Self::OneOf(mut digests) = self else {
            return Ok(None);
        };
        if digests.len() > 1 {
            // Whichever of them fits now; the engine looks again when nobody writes any more.
            for selection in [selection, &Selection::all()] {
                let plan = engine.plan(selection).await?;
                if digests.iter().any(|digest| digest == plan.digest()) {
                    return Ok(Some(plan.digest().to_owned()));
                }
            }
        }
        // No plan has an empty digest.
        Ok(Some(digests.pop().unwrap_or_default()))
    }
}

/// What stands in a strong tag.
fn strong(tag: &str) -> Option<&str> {
    let opaque = tag.strip_prefix('"')?.strip_suffix('"')?;
    (!opaque.contains('"')).then_some(opaque)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(values: &[&str]) -> Condition {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(header::IF_MATCH, value.parse().unwrap());
        }
        Condition::of(&headers)
    }

    fn one_of(digests: &[&str]) -> Condition {
        Condition::OneOf(digests.iter().map(|digest| (*digest).to_owned()).collect())
    }

    #[test]
    fn only_strong_tags_match() {
        assert_eq!(of(&[]), Condition::None);
        assert_eq!(of(&[" * "]), Condition::None);
        assert_eq!(of(&["\"a\""]), one_of(&["a"]));
        assert_eq!(of(&["\"a\" , \"b\"", "\"c\""]), one_of(&["a", "b", "c"]));
        for nothing in ["", "W/\"a\"", "a", "\"", "\"a", "a\"", "\"a\"b\"", ","] {
            assert_eq!(of(&[nothing]), one_of(&[]), "{nothing}");
        }
        assert_eq!(of(&["W/\"a\", \"b\""]), one_of(&["b"]));
    }
}
