//! One value of a row, with its storage class, as bytes and back.

use sqlx::sqlite::{SqliteArguments, SqliteRow};
use sqlx::{Arguments, Decode, Row, Sqlite, TypeInfo, ValueRef};

use super::stream::{Input, Malformed};

/// A row begins with this, and the rows of a table end with [`END`].
pub(super) const ROW: u8 = 1;
/// See [`ROW`].
pub(super) const END: u8 = 0;

const NULL: u8 = 0;
const INTEGER: u8 = 1;
const REAL: u8 = 2;
const TEXT: u8 = 3;
const BLOB: u8 = 4;

/// SQLite's own limit for a row: <https://sqlite.org/limits.html#max_length>.
const MAX_ROW: usize = 1_000_000_000;

/// A value that has been read.
#[derive(Debug)]
pub(super) enum Value {
    Null,
    Integer(i64),
    Real(f64),
    Text(String),
    /// Text that is no UTF-8: SQLite takes any bytes.
    RawText(Vec<u8>),
    Blob(Vec<u8>),
}

/// Puts `row` at the end of `buffer`.
pub(super) fn write_row(row: &SqliteRow, buffer: &mut Vec<u8>) -> Result<(), sqlx::Error> {
    buffer.push(ROW);
    for index in 0..row.len() {
        let value = row.try_get_raw(index)?;
        let kind = match value.type_info().name() {
            // A column's declared type stands in for the type of NULL.
            _ if value.is_null() => NULL,
            "INTEGER" => INTEGER,
            "REAL" => REAL,
            "TEXT" => TEXT,
            _ => BLOB,
        };
        buffer.push(kind);
        match kind {
            NULL => {}
            INTEGER => {
                let number = <i64 as Decode<'_, Sqlite>>::decode(value);
                buffer.extend(number.map_err(sqlx::Error::Decode)?.to_be_bytes());
            }
            REAL => {
                let number = <f64 as Decode<'_, Sqlite>>::decode(value);
                buffer.extend(number.map_err(sqlx::Error::Decode)?.to_be_bytes());
            }
            _ => {
                let bytes = <&[u8] as Decode<'_, Sqlite>>::decode(value);
                let bytes = bytes.map_err(sqlx::Error::Decode)?;
                let length = u32::try_from(bytes.len());
                let length = length.map_err(|error| sqlx::Error::Decode(error.into()))?;
                buffer.extend(length.to_be_bytes());
                buffer.extend(bytes);
            }
        }
    }
    Ok(())
}

/// Reads a row of so many `columns` to the end of `values`, and tells how many bytes it has;
/// nothing at the end of the rows.
pub(super) async fn read_row(
    input: &mut Input<'_>,
    columns: usize,
    values: &mut Vec<Value>,
) -> Result<Option<usize>, Malformed> {
    match input.kind().await? {
        END => return Ok(None),
        ROW => {}
        other => return Err(Malformed::UnknownKind(other)),
    }
    let mut size = 0;
    for _ in 0..columns {
        let value = match input.kind().await? {
            NULL => Value::Null,
            INTEGER => Value::Integer(i64::from_be_bytes(input.array().await?)),
            REAL => Value::Real(f64::from_be_bytes(input.array().await?)),
            kind @ (TEXT | BLOB) => {
                let length = u32::from_be_bytes(input.array().await?);
                let length = usize::try_from(length).unwrap_or(usize::MAX);
                size += length;
                if size > MAX_ROW {
                    return Err(Malformed::TooLarge);
                }
                let bytes = input.take(length).await?.to_vec();
                if kind == BLOB {
                    Value::Blob(bytes)
                } else {
                    let text = String::from_utf8(bytes);
                    text.map_or_else(|raw| Value::RawText(raw.into_bytes()), Value::Text)
                }
            }
            other => return Err(Malformed::UnknownKind(other)),
        };
        values.push(value);
    }
    Ok(Some(size))
}

impl Value {
    /// The parameter that stands for it in a statement.
    pub(super) fn placeholder(&self) -> &'static str {
        match self {
            Self::RawText(_) => "CAST(? AS TEXT)",
            _ => "?",
        }
    }

    pub(super) fn bind(self, arguments: &mut SqliteArguments) -> Result<(), sqlx::Error> {
        let bound = match self {
            Self::Null => arguments.add(None::<i64>),
            Self::Integer(number) => arguments.add(number),
            Self::Real(number) => arguments.add(number),
            Self::Text(text) => arguments.add(text),
            Self::RawText(bytes) | Self::Blob(bytes) => arguments.add(bytes),
        };
        bound.map_err(sqlx::Error::Encode)
    }
}
