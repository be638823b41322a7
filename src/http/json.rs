//! JSON that means one thing only.

use std::fmt;

use serde::de::{DeserializeOwned, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

/// Why a body is not what a handler asks for.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum JsonError {
    /// It is no JSON, or something else than an object.
    #[error("not a JSON object: {0}")]
    NotAnObject(String),
    /// What it says depends on who reads it.
    #[error("`{0}` is given twice")]
    Twice(String),
    /// Its fields are not those that there are, or not of their type.
    #[error("{0}")]
    Fields(String),
}

/// An object, with a field of it, on any level, that is given twice.
#[derive(Debug)]
pub(super) struct Object {
    fields: Map<String, Value>,
    twice: Option<String>,
}

impl Object {
    pub(super) fn read(body: &[u8]) -> Result<Self, JsonError> {
        let read = serde_json::from_slice::<Read>(body)
            .map_err(|error| JsonError::NotAnObject(error.to_string()))?;
        match read {
            Read {
                value: Value::Object(fields),
                twice,
            } => Ok(Self { fields, twice }),
            _ => Err(JsonError::NotAnObject("it is something else".to_owned())),
        }
    }

    /// Whether `field` is true and nothing else.
    pub(super) fn says(&self, field: &str) -> bool {
        self.fields.get(field) == Some(&Value::Bool(true)) && self.twice.as_deref() != Some(field)
    }

    /// The object as `Fields`, which says by itself which fields there are.
    pub(super) fn fields<Fields: DeserializeOwned>(self) -> Result<Fields, JsonError> {
        if let Some(field) = self.twice {
            return Err(JsonError::Twice(field));
        }
        serde_path_to_error::deserialize(Value::Object(self.fields)).map_err(|error| {
            let path = error.path().to_string();
            let error = error.into_inner().to_string();
            // An error about a missing or unknown field names it.
            let is_named = path == "." || error.starts_with("unknown field");
            JsonError::Fields(if is_named {
                error
            } else {
                format!("`{path}`: {error}")
            })
        })
    }
}

/// A field that may be left out, but says something when it is there: no `null`.
pub(super) fn present<'de, T, D>(deserializer: D) -> Result<Option<T>, D::Error>
where
    T: Deserialize<'de>,
    D: Deserializer<'de>,
{
    T::deserialize(deserializer).map(Some)
}

/// A value, with a field of it that is given twice.
struct Read {
    value: Value,
    twice: Option<String>,
}

impl From<Value> for Read {
    fn from(value: Value) -> Self {
        Self { value, twice: None }
    }
}

impl<'de> Deserialize<'de> for Read {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Reader)
    }
}

struct Reader;

impl<'de> Visitor<'de> for Reader {
    type Value = Read;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Read, E> {
        Ok(Value::Null.into())
    }

    fn visit_bool<E>(self, value: bool) -> Result<Read, E> {
        Ok(Value::from(value).into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Read, E> {
        Ok(Value::from(value).into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Read, E> {
        Ok(Value::from(value).into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Read, E> {
        Ok(Value::from(value).into())
    }

    fn visit_str<E>(self, value: &str) -> Result<Read, E> {
        Ok(Value::from(value).into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Read, A::Error> {
        let (mut values, mut twice) = (Vec::new(), None);
        while let Some(read) = sequence.next_element::<Read>()? {
            twice = twice.or(read.twice);
            values.push(read.value);
        }
        let value = Value::Array(values);
        Ok(Read { value, twice })
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Read, A::Error> {
        let (mut object, mut twice) = (Map::new(), None);
        while let Some((field, read)) = map.next_entry::<String, Read>()? {
            twice = twice.or(read.twice);
            if object.insert(field.clone(), read.value).is_some() {
                twice = twice.or(Some(field));
            }
        }
        let value = Value::Object(object);
        Ok(Read { value, twice })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_is_read_as_it_is() {
        let text = r#"{"a": [1, -2, 0.5, "x", null, true], "b": {"a": {}}}"#;
        let value: Value = serde_json::from_str(text).unwrap();
        let object = Object::read(text.as_bytes()).unwrap();
        assert_eq!(object.fields::<Value>().unwrap(), value);
    }

    #[test]
    fn what_means_nothing_for_sure_is_refused() {
        let deep = format!(r#"{{"a":{}"#, "[".repeat(100_000));
        let none: [&[u8]; 8] = [
            b"",
            b"[]",
            b"null",
            b"{} {}",
            b"{\"a\": 1e999}",
            b"{\"a\": \"\xff\"}",
            b"\xef\xbb\xbf{}",
            deep.as_bytes(),
        ];
        for body in none {
            let error = Object::read(body).unwrap_err();
            assert!(matches!(error, JsonError::NotAnObject(_)), "{error}");
        }
        for body in [r#"{"a":true,"a":true}"#, r#"{"b":[{"a":1,"\u0061":2}]}"#] {
            let object = Object::read(body.as_bytes()).unwrap();
            assert!(!object.says("a"));
            let error = object.fields::<Value>().unwrap_err();
            assert_eq!(error, JsonError::Twice("a".to_owned()));
        }
    }

    #[test]
    fn what_is_wrong_is_named() {
        #[derive(Debug, Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Fields {
            #[serde(default, deserialize_with = "present")]
            tables: Option<Vec<String>>,
        }
        let read = |text: &str| Object::read(text.as_bytes()).unwrap().fields::<Fields>();
        assert_eq!(read("{}").unwrap().tables, None);
        for (text, says) in [
            (
                r#"{"table": 1}"#,
                "unknown field `table`, expected `tables`",
            ),
            (r#"{"tables": null}"#, "`tables`: invalid type: null"),
            (
                r#"{"tables": ["a", 7]}"#,
                "`tables[1]`: invalid type: integer `7`",
            ),
        ] {
            let error = read(text).unwrap_err().to_string();
            assert!(error.starts_with(says), "{error}");
        }
    }
}
