//! Where things lie in a bundle.
//!
//! ```text
//! manifest.json
//! SHA256SUMS
//! steps/<step>/tables/<table>/000000   the rows, in parts
//! steps/<step>/files/<path>…           the claimed paths, as they are
//! steps/<step>/entries/<name>/000000   whatever else the step saves, in parts
//! ```

use super::hashing;

pub(super) const MANIFEST: &str = "manifest.json";
pub(super) const SUMS: &str = "SHA256SUMS";

/// How long a part is; only the last one of a content is shorter, and it may be empty.
pub(super) const PART: usize = 4 * 1024 * 1024;

/// Where the rows of a table lie.
pub(super) fn table_path(step: &str, table: &str) -> String {
    format!("steps/{step}/tables/{}", encoded(table))
}

/// Where an entry of a step's own lies.
pub(super) fn entry_path(step: &str, name: &str) -> String {
    format!("steps/{step}/entries/{}", encoded(name))
}

/// Where a claimed path lies.
pub(super) fn claimed_path(step: &str, path: &str) -> String {
    format!("steps/{step}/files/{path}")
}

/// The name of the part of that number.
pub(super) fn part(number: u64) -> String {
    format!("{number:06}")
}

/// Any text as the name of a file. Two texts never have the same.
fn encoded(text: &str) -> String {
    // With room for the sum below what file systems take.
    const LONGEST: usize = 180;
    let mut name = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"_-".contains(&byte) {
            name.push(char::from(byte));
        } else {
            name.push_str(&format!("%{byte:02X}"));
        }
    }
    if name.is_empty() {
        // Nothing else is encoded like this, nor with two of them.
        name.push('%');
    } else if name.len() > LONGEST {
        name.truncate(LONGEST);
        name.push_str("%%");
        name.push_str(&hashing::sum(text.as_bytes()));
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_text_is_one_component() {
        for (text, name) in [
            ("posts", "posts"),
            ("a.b/c", "a%2Eb%2Fc"),
            ("..", "%2E%2E"),
            ("ä", "%C3%A4"),
            ("", "%"),
            ("%", "%25"),
        ] {
            assert_eq!(encoded(text), name);
        }
    }

    #[test]
    fn long_texts_stay_apart() {
        let (one, other) = (format!("{:300}1", ""), format!("{:300}2", ""));
        assert!(encoded(&one).len() < 255);
        assert_ne!(encoded(&one), encoded(&other));
    }
}
