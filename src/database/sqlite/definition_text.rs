//! Compares the statements of two schemas.

/// Whether two statements differ in nothing but white space, comments, a final semicolon, and the
/// case of what is not in quotes. Text in quotes is compared as it is, because what is written as a
/// name may be a string.
pub(super) fn same(one: &str, other: &str) -> bool {
    one == other || tokens(one) == tokens(other)
}

/// The words, signs and quoted texts of a statement.
fn tokens(statement: &str) -> Vec<String> {
    let mut tokens = Vec::new();
    let mut rest = statement;
    while let Some(first) = rest.chars().next() {
        let length = match first {
            first if is_space(first) => {
                rest = &rest[first.len_utf8()..];
                continue;
            }
            '-' if rest.starts_with("--") => {
                rest = rest.split_once('\n').map_or("", |(_, rest)| rest);
                continue;
            }
            '/' if rest.starts_with("/*") => {
                rest = rest[2..].split_once("*/").map_or("", |(_, rest)| rest);
                continue;
            }
            '\'' | '"' | '`' => quoted(rest, first),
            '[' => rest.find(']').map_or(rest.len(), |end| end + 1),
            first if is_word(first) => {
                let end = rest.find(|next| !is_word(next)).unwrap_or(rest.len());
                // A blob: with a space between, the same is a column and its name.
                match rest[end..].starts_with('\'') {
                    true => end + quoted(&rest[end..], '\''),
                    false => end,
                }
            }
            first => first.len_utf8(),
        };
        let (token, next) = rest.split_at(length);
        tokens.push(match token.contains(['\'', '"', '`', '[']) {
            true => token.to_owned(),
            false => token.to_ascii_lowercase(),
        });
        rest = next;
    }
    while tokens.last().is_some_and(|token| token == ";") {
        tokens.pop();
    }
    tokens
}

/// White space as SQLite has it.
fn is_space(letter: char) -> bool {
    matches!(letter, ' ' | '\t' | '\n' | '\r' | '\u{c}')
}

fn is_word(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || matches!(letter, '_' | '$' | '.') || !letter.is_ascii()
}

/// How long the text in quotes is with which `text` begins; a quote that is doubled does not end it.
fn quoted(text: &str, quote: char) -> usize {
    let mut letters = text.char_indices().skip(1).peekable();
    while let Some((place, letter)) = letters.next() {
        if letter == quote && letters.next_if(|(_, next)| *next == quote).is_none() {
            return place + 1;
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::same;

    #[test]
    fn white_space_comments_and_case_make_no_difference() {
        let trigger = "CREATE TRIGGER t AFTER INSERT ON posts BEGIN DELETE FROM log; END";
        for other in [
            "CREATE TRIGGER t AFTER INSERT ON posts BEGIN DELETE FROM log; END;",
            "create trigger T\n  after insert ON Posts -- a 'note\nBEGIN DELETE FROM log /* \" */ ; END",
        ] {
            assert!(same(trigger, other), "{other}");
        }
    }

    #[test]
    fn everything_else_does() {
        for (one, other) in [
            ("CHECK (a = 'x')", "CHECK (a = 'X')"),
            ("CHECK (a = \"x\")", "CHECK (a = \"X\")"),
            ("CHECK (a = 'x  y')", "CHECK (a = 'x y')"),
            ("CHECK (a = '--')", "CHECK (a = '')"),
            (
                "CHECK (a = ')''/*') , b /* */",
                "CHECK (a = ')''/*') , c /* */",
            ),
            ("VIEW v AS SELECT ab", "VIEW v AS SELECT a b"),
            ("VIEW v AS SELECT 1 - -1", "VIEW v AS SELECT 1 --1"),
            ("VIEW v AS SELECT a", "VIEW v AS SELECT [a]"),
            ("VIEW v AS SELECT x'41'", "VIEW v AS SELECT x '41'"),
            (
                "TRIGGER t BEGIN SELECT 1; END",
                "TRIGGER t BEGIN SELECT 1; SELECT 2; END",
            ),
        ] {
            assert!(!same(one, other), "{one} / {other}");
        }
    }
}
