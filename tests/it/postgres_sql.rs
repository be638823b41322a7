//! The SQL in the source of the PostgreSQL database, read as text: which names it uses, and which
//! of them it leaves to the search path.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// What SQL itself spells with a parenthesis.
const SYNTAX: &str = "ALL AND ANY ARRAY AS BY CASE COALESCE COPY EXISTS EXTRACT FROM IN KEY LATERAL \
                      MATERIALIZED NOT NULLIF ON ONLY OPERATOR OR ROW SELECT THEN VACUUM VALUES WHEN WHERE WITH";

/// After these comes the name of a relation.
const BEFORE_RELATION: [&str; 7] = [
    "FROM", "INTO", "JOIN", "ONLY", "SEQUENCE", "TABLE", "UPDATE",
];

/// What else may come after them.
const NOT_RELATION: [&str; 8] = [
    "ALTER", "IF", "LATERAL", "ONLY", "PUBLIC", "SELECT", "STDIN", "STDOUT",
];

/// A word that only SQL writes like that.
const MARKS: [&str; 20] = [
    "ALTER", "BEGIN", "CASE", "COPY", "CREATE", "DELETE", "DROP", "EXISTS", "FROM", "INSERT",
    "JOIN", "LOCK", "REFRESH", "SELECT", "SET", "TRUNCATE", "UPDATE", "VACUUM", "WHEN", "WITH",
];

/// A part of an SQL text.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Token {
    /// As it is written.
    Word(String),
    /// A placeholder of `format!`, a parameter, a quoted name, a number, a string.
    Value,
    /// Punctuation, or an operator.
    Sign(String),
}

/// What an SQL text uses.
#[derive(Debug, Default)]
pub(crate) struct Names {
    /// The server's functions, types and relations, without their schema.
    pub(crate) qualified: BTreeSet<String>,
    pub(crate) operators: BTreeSet<String>,
    /// What is left to the search path, with what comes before it.
    pub(crate) unqualified: BTreeSet<String>,
}

/// Every SQL text in the source files of the PostgreSQL database, but for their tests, each with
/// its file.
pub(crate) fn texts() -> Vec<(String, String)> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/database/postgres");
    let mut texts = Vec::new();
    let mut directories = vec![directory];
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                directories.push(path);
                continue;
            }
            let source = fs::read_to_string(&path).unwrap();
            let source = source.split("#[cfg(test)]").next().unwrap_or_default();
            let file = path.file_name().unwrap().to_string_lossy().into_owned();
            let sql = strings(source).into_iter().filter(|text| is_sql(text));
            texts.extend(sql.map(|text| (file.clone(), text)));
        }
    }
    texts
}

fn is_sql(text: &str) -> bool {
    let mut words = text.split(|letter: char| !letter.is_ascii_alphabetic());
    text.contains("::") || words.any(|word| MARKS.contains(&word))
}

/// The strings of Rust source, but for those in comments and attributes.
fn strings(source: &str) -> Vec<String> {
    let letters: Vec<char> = source.chars().collect();
    let mut found = Vec::new();
    let (mut at, mut depth) = (0, 0);
    while at < letters.len() {
        let rest = &letters[at..];
        match rest {
            ['/', '/', ..] => at += rest.iter().position(|letter| *letter == '\n').unwrap_or(1),
            ['#', '[', ..] if depth == 0 => (at, depth) = (at + 2, 1),
            ['[', ..] if depth > 0 => (at, depth) = (at + 1, depth + 1),
            [']', ..] if depth > 0 => (at, depth) = (at + 1, depth - 1),
            ['r', '#', '"', ..] => {
                let end = rest.windows(2).position(|pair| pair == ['"', '#']);
                let end = rest[3..]
                    .windows(2)
                    .position(|pair| pair == ['"', '#'])
                    .or(end)
                    .unwrap();
                if depth == 0 {
                    found.push(rest[3..3 + end].iter().collect());
                }
                at += end + 5;
            }
            ['"', ..] => {
                let (text, length) = string(&rest[1..]);
                if depth == 0 {
                    found.push(text);
                }
                at += length + 1;
            }
            ['\'', '\\', _, '\'', ..] => at += 4,
            ['\'', _, '\'', ..] => at += 3,
            _ => at += 1,
        }
    }
    found
}

/// The string that begins here, and how many letters it takes with its closing quote.
fn string(letters: &[char]) -> (String, usize) {
    let (mut text, mut at) = (String::new(), 0);
    loop {
        match &letters[at..] {
            ['"', ..] => return (text, at + 1),
            ['\\', '\n', rest @ ..] => {
                at += 2 + rest
                    .iter()
                    .take_while(|letter| letter.is_whitespace())
                    .count();
            }
            ['\\', 'n', ..] => {
                text.push('\n');
                at += 2;
            }
            ['\\', letter, ..] | [letter, ..] => {
                text.push(*letter);
                at += if letters[at] == '\\' { 2 } else { 1 };
            }
            [] => return (text, at),
        }
    }
}

fn tokens(sql: &str) -> Vec<Token> {
    let letters: Vec<char> = sql.chars().collect();
    let mut tokens = Vec::new();
    let mut at = 0;
    let until = |from: usize, end: char| {
        let rest = letters.get(from..).unwrap_or_default();
        let length = rest.iter().position(|letter| *letter == end);
        length.map_or(letters.len(), |length| from + length + 1)
    };
    while let Some(letter) = letters.get(at) {
        let is_word = |letter: &char| letter.is_ascii_alphanumeric() || *letter == '_';
        let mut token = None;
        let end = match letter {
            letter if letter.is_whitespace() => at + 1,
            '{' | '}' if letters.get(at + 1) == Some(letter) => at + 2,
            '{' => {
                token = Some(Token::Value);
                until(at + 1, '}')
            }
            '\'' | '"' => {
                token = Some(Token::Value);
                until(at + 1, *letter)
            }
            letter if is_word(letter) || *letter == '$' => {
                let length = letters[at + 1..]
                    .iter()
                    .take_while(|next| is_word(next))
                    .count();
                let word: String = letters[at..=at + length].iter().collect();
                let is_name = letter.is_ascii_alphabetic() || *letter == '_';
                token = Some(if is_name {
                    Token::Word(word)
                } else {
                    Token::Value
                });
                at + 1 + length
            }
            '(' | ')' | ',' | ';' | '.' | '[' | ']' | '}' => {
                token = Some(Token::Sign(letter.to_string()));
                at + 1
            }
            _ => {
                let is_sign = |letter: &&char| "+-*/<>=~!@#%^&|?:".contains(**letter);
                let length = letters[at..].iter().take_while(is_sign).count().max(1);
                let sign: String = letters[at..at + length].iter().collect();
                token = Some(Token::Sign(sign));
                at + length
            }
        };
        // Two strings side by side are one with a quote in it.
        if token != Some(Token::Value) || tokens.last() != Some(&Token::Value) {
            tokens.extend(token);
        }
        at = end;
    }
    tokens
}

/// The names of common tables in `texts`, which are relations without a schema.
pub(crate) fn common_tables<'a>(texts: impl IntoIterator<Item = &'a str>) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for text in texts {
        let tokens = tokens(text);
        for (at, token) in tokens.iter().enumerate() {
            let Token::Word(name) = token else { continue };
            let rest = &tokens[at + 1..];
            let rest = &rest[columns(rest)..];
            let is_as = rest.first() == Some(&Token::Word("AS".into()));
            let body = rest.get(1);
            let has_body = body == Some(&Token::Sign("(".into()))
                || body == Some(&Token::Word("MATERIALIZED".into()));
            if is_as && has_body {
                found.insert(name.clone());
            }
        }
        // A derived table has a name of its own as well.
        for pair in tokens.windows(3) {
            if let [Token::Sign(end), Token::Word(word), Token::Word(name)] = pair
                && end == ")"
                && word == "AS"
            {
                found.insert(name.clone());
            }
        }
    }
    found
}

/// How many tokens the list of columns takes with which `tokens` begin, if they do.
fn columns(tokens: &[Token]) -> usize {
    let open = tokens.first() == Some(&Token::Sign("(".into()));
    let end = tokens
        .iter()
        .position(|token| *token == Token::Sign(")".into()));
    let Some(end) = end.filter(|_| open) else {
        return 0;
    };
    let is_list = tokens[1..end].iter().all(|token| match token {
        Token::Word(_) => true,
        Token::Sign(sign) => sign == ",",
        Token::Value => false,
    });
    if is_list { end + 1 } else { 0 }
}

/// What `sql` uses, in which `common` are tables without a schema.
pub(crate) fn names(sql: &str, common: &BTreeSet<String>) -> Names {
    let tokens = tokens(sql);
    let mut names = Names::default();
    let word = |at: usize| match tokens.get(at) {
        Some(Token::Word(word)) => word.as_str(),
        _ => "",
    };
    let sign = |at: usize| match tokens.get(at) {
        Some(Token::Sign(sign)) => sign.as_str(),
        _ => "",
    };
    let is_known = |schema: &str| ["pg_catalog", "pg_temp"].contains(&schema);
    for (at, token) in tokens.iter().enumerate() {
        match token {
            Token::Word(name) => {
                let is_member = at > 0 && sign(at - 1) == ".";
                let schema = if at > 1 && is_member {
                    word(at - 2)
                } else {
                    ""
                };
                if is_known(schema) {
                    names.qualified.insert(name.clone());
                    continue;
                }
                let before = if at > 0 { word(at - 1) } else { "" };
                let is_call = sign(at + 1) == "(";
                let is_column_list = before == "AS" && columns(&tokens[at + 1..]) > 0;
                let is_syntax = SYNTAX
                    .split(' ')
                    .any(|syntax| syntax.eq_ignore_ascii_case(name));
                let calls = is_call && !is_syntax && !is_column_list && !common.contains(name);
                let is_distinct = at > 1 && word(at - 2) == "DISTINCT";
                let reads = BEFORE_RELATION.contains(&before)
                    && !is_distinct
                    && !NOT_RELATION.contains(&name.as_str())
                    && !is_known(name)
                    && !common.contains(name);
                let casts = at > 0 && sign(at - 1) == "::" && !is_known(name);
                let is_catalogue = name.starts_with("pg_") && !is_known(name);
                if calls || reads || casts || is_catalogue {
                    names.unqualified.insert(format!("{before} {name}"));
                }
            }
            Token::Sign(operator) if !"(),;.[]}:::$".contains(operator.as_str()) => {
                names.operators.insert(operator.clone());
            }
            _ => {}
        }
    }
    names
}
