//! Takes apart the text of a manifest.

use std::path::Path;

use factory_reset::cli::{Exit, Failure};

use super::Manifest;

impl Manifest {
    /// Takes apart `text`, the manifest at `path`.
    pub(crate) fn parse(path: &Path, text: &str) -> Result<Self, Failure> {
        let shown = path.display();
        toml::from_str(text).map_err(|error| {
            let line = error.span().map(|span| {
                let before = text.get(..span.start).unwrap_or_default();
                format!(", line {}", before.matches('\n').count() + 1)
            });
            let message = error.message().trim().replace('\n', ", ");
            let message = without_password(&plain(&message));
            let (line, field) = (line.unwrap_or_default(), field(text).unwrap_or_default());
            Failure::new(Exit::Usage, format!("{shown}{line}: {field}{message}"))
        })
    }
}

/// The field of `text` that cannot be taken, for a message: known only to an error that knows no
/// line.
fn field(text: &str) -> Option<String> {
    let table: toml::Table = toml::from_str(text).ok()?;
    let error = table.try_into::<Manifest>().err()?.to_string();
    let field = error.lines().last()?.strip_prefix("in ")?;
    Some(format!("{field}: "))
}

/// `message` without anything that it quotes, if that may be an address with a password.
fn without_password(message: &str) -> String {
    let quotes = ['"', '`'];
    let may_hold_one = message.contains('@') || message.contains("://");
    match (message.find(quotes), message.rfind(quotes)) {
        (Some(first), Some(last)) if may_hold_one => {
            format!("{}…{}", &message[..=first], &message[last..])
        }
        _ => message.to_owned(),
    }
}

/// `message` of serde without words that only programmers know. All numbers are times.
fn plain(message: &str) -> String {
    let (told, expected) = message.rsplit_once("expected ").unwrap_or((message, ""));
    let expected = match expected {
        "" => return message.to_owned(),
        "u64" => "a number of seconds",
        "a sequence" => "a list",
        "a map" => "a table",
        kind if kind.starts_with("struct ") => "a table",
        kind => kind,
    };
    format!("{told}expected {expected}")
}
