//! Text from outside the program, made safe to show.

use std::fmt::{self, Display, Formatter, Write};

/// How many combining marks in a row are shown as they are. No script needs more; a long row of
/// them covers the lines above and below.
const MARKS: usize = 4;

/// Text that another user, a server or a file has supplied, for a terminal, a log or a comment.
///
/// Its `Display` escapes every character that a terminal obeys or that a reader cannot see:
/// control characters, line breaks, bidirectional controls, zero-width and other invisible
/// characters, unusual blanks, and the replacement character that stands for bytes that are not
/// UTF-8. All other characters stay as they are. The escaped text is one line, and escaping it
/// again changes nothing.
///
/// ```
/// use factory_reset::Printable;
///
/// let name = "\u{1b}[31mred\n\u{202e}gpj.größe";
/// assert_eq!(Printable::new(name).to_string(), r"\u{1b}[31mred\n\u{202e}gpj.größe");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Printable<'a> {
    text: &'a str,
}

impl<'a> Printable<'a> {
    /// Wraps `text`.
    #[must_use]
    pub const fn new(text: &'a str) -> Self {
        Self { text }
    }

    /// Whether the text contains nothing to escape, so that a person sees all of it and can type
    /// it.
    #[must_use]
    pub fn is_plain(&self) -> bool {
        escaped(self.text).all(|(_, is_escaped)| !is_escaped)
    }
}

impl Display for Printable<'_> {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        for (letter, is_escaped) in escaped(self.text) {
            match is_escaped {
                true => write!(formatter, "{}", letter.escape_default())?,
                false => formatter.write_char(letter)?,
            }
        }
        Ok(())
    }
}

/// The JSON document `json` with the same characters escaped as JSON escapes them: the same
/// value, in one line.
///
/// `json` must be valid: the characters in question then occur inside strings alone, except for
/// the line breaks and tabs between values, which become blanks.
#[must_use]
pub fn printable_json(json: &str) -> String {
    let mut text = String::with_capacity(json.len());
    let mut units = [0; 2];
    for (letter, is_escaped) in escaped(json) {
        match letter {
            '\n' | '\r' | '\t' => text.push(' '),
            letter if is_escaped => {
                for unit in letter.encode_utf16(&mut units) {
                    text.push_str(&format!("\\u{unit:04x}"));
                }
            }
            letter => text.push(letter),
        }
    }
    text
}

/// Each character of `text`, and whether it is to be escaped.
fn escaped(text: &str) -> impl Iterator<Item = (char, bool)> {
    // At the beginning a mark would combine with the character before the text.
    let mut marks = MARKS;
    text.chars().map(move |letter| {
        if is_hidden(letter) {
            marks = MARKS;
            return (letter, true);
        }
        if !is_mark(letter) {
            marks = 0;
            return (letter, false);
        }
        marks = (marks + 1).min(MARKS + 1);
        (letter, marks > MARKS)
    })
}

/// Whether `letter` may combine with the character before it. Besides the combining marks this
/// holds for characters that the standard library does not know.
fn is_mark(letter: char) -> bool {
    !letter.is_ascii() && letter.escape_debug().len() > 1
}

/// Whether a terminal obeys `letter`, or a reader does not see it.
fn is_hidden(letter: char) -> bool {
    letter.is_control()
        || u32::from(letter) & 0xfffe == 0xfffe
        || matches!(letter,
            // Blanks other than the common and the ideographic one, line separators, zero-width
            // characters and bidirectional controls.
            '\u{a0}' | '\u{1680}' | '\u{2000}'..='\u{200f}' | '\u{2028}'..='\u{202f}'
            | '\u{205f}'..='\u{206f}' | '\u{61c}' | '\u{feff}'
            // The soft hyphen, joiners, fillers, and the empty Braille pattern.
            | '\u{ad}' | '\u{34f}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
            | '\u{180b}'..='\u{180f}' | '\u{2800}' | '\u{3164}' | '\u{ffa0}'
            // Variation selectors and tags.
            | '\u{fe00}'..='\u{fe0f}' | '\u{e0000}'..='\u{e0fff}'
            // Annotations, and what replaces bytes that are not UTF-8.
            | '\u{fff0}'..='\u{fffb}' | '\u{fffd}'
            // Format controls of single scripts, of shorthand and of music; noncharacters.
            | '\u{13430}'..='\u{1343f}' | '\u{1bca0}'..='\u{1bca3}' | '\u{1d159}'
            | '\u{1d173}'..='\u{1d17a}' | '\u{fdd0}'..='\u{fdef}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn characters_that_a_terminal_obeys_or_a_reader_cannot_see_are_escaped() {
        let ranges = [
            0x00..=0x1f,
            0x7f..=0xa0,
            0xad..=0xad,
            0x34f..=0x34f,
            0x61c..=0x61c,
            0x115f..=0x1160,
            0x17b4..=0x17b5,
            0x180b..=0x180f,
            0x2000..=0x200f,
            0x2028..=0x202f,
            0x205f..=0x206f,
            0x3164..=0x3164,
            0xfe00..=0xfe0f,
            0xfeff..=0xfeff,
            0xffa0..=0xffa0,
            0xfff9..=0xfffb,
            0xfffd..=0xffff,
            0x1d173..=0x1d17a,
            0xe0000..=0xe0fff,
        ];
        for letter in ranges.into_iter().flatten().filter_map(char::from_u32) {
            let text = format!("a{letter}b");
            let shown = Printable::new(&text).to_string();
            assert!(!shown.contains(letter), "{letter:?}: {shown}");
            assert!(!Printable::new(&text).is_plain(), "{letter:?}");
            assert!(shown.starts_with("a\\") && shown.ends_with('b'), "{shown}");
            assert_eq!(Printable::new(&shown).to_string(), shown);
        }
    }

    #[test]
    fn readable_text_stays_as_it_is() {
        for text in [
            "",
            "plain text, 100 % `quoted` \"so\" \\ '",
            "Größe Ærø ñandú ĐẶNG",
            "e\u{301}a\u{308}",
            "日本語\u{3000}한국어 中文",
            "Ελληνικά Русский עברית العربية हिन्दी ไทย",
            "שָׁלוֹם",
            "🦀 👍🏽 ☃",
            "→ … ≤ √ “quotes” – dash",
        ] {
            assert_eq!(Printable::new(text).to_string(), text);
            assert!(Printable::new(text).is_plain(), "{text}");
        }
    }

    #[test]
    fn combining_marks_cover_no_other_line() {
        let shown = Printable::new("\u{301}a").to_string();
        assert_eq!(shown, r"\u{301}a");
        let text = format!("z{}", "\u{321}\u{30d}".repeat(50));
        let shown = Printable::new(&text).to_string();
        assert_eq!(shown.matches('\u{321}').count(), 2, "{shown}");
        assert_eq!(Printable::new(&shown).to_string(), shown);
    }

    #[test]
    #[cfg(feature = "axum")]
    fn the_page_escapes_the_same_characters() {
        let mut expected = String::new();
        let mut hidden = (0..=0x10_ffff).filter(|&it| char::from_u32(it).is_some_and(is_hidden));
        let mut next = hidden.next();
        while let Some(first) = next {
            let mut last = first;
            next = hidden.next();
            while next == Some(last + 1) {
                last += 1;
                next = hidden.next();
            }
            expected += &match last - first {
                0 => format!("\\u{{{first:x}}}"),
                1 => format!("\\u{{{first:x}}}\\u{{{last:x}}}"),
                _ => format!("\\u{{{first:x}}}-\\u{{{last:x}}}"),
            };
        }
        let script = include_str!("http/page/assets/printable.js");
        let lines = script
            .lines()
            .filter_map(|line| line.trim().strip_prefix("String.raw`"));
        let told: String = lines.filter_map(|line| line.split('`').next()).collect();
        assert_eq!(told, expected);
    }

    #[test]
    fn json_keeps_its_value_in_one_line_of_visible_characters() {
        let hostile = "\u{9b}31m\u{202e}\u{e0041}\u{7f}\u{feff}ö\u{1b}\n\"\\";
        let value = serde_json::json!({ hostile: [hostile, 1.5, null] });
        for json in [value.to_string(), format!("\r\n{value:#}\r\t")] {
            let printable = printable_json(&json);
            assert!(!printable.chars().any(is_hidden), "{printable}");
            assert!(printable.contains("\\udb40\\udc41"), "{printable}");
            assert!(printable.contains('ö'), "{printable}");
            let read: serde_json::Value = serde_json::from_str(&printable).unwrap();
            assert_eq!(read, value);
        }
    }
}
