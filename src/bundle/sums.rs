//! Lines in the format of `sha256sum`.

/// One line: the sum and the name, written as GNU coreutils escape it.
pub(super) fn line(sum: &str, name: &[u8]) -> Vec<u8> {
    let mut line = Vec::with_capacity(sum.len() + name.len() + 4);
    let is_special = |byte: &u8| matches!(byte, b'\\' | b'\n' | b'\r');
    if name.iter().any(is_special) {
        line.push(b'\\');
    }
    line.extend_from_slice(sum.as_bytes());
    line.extend_from_slice(b"  ");
    for &byte in name {
        match byte {
            b'\\' => line.extend_from_slice(b"\\\\"),
            b'\n' => line.extend_from_slice(b"\\n"),
            b'\r' => line.extend_from_slice(b"\\r"),
            _ => line.push(byte),
        }
    }
    line.push(b'\n');
    line
}

/// The sum in a file that holds the one line of `name`.
pub(super) fn sum_of(text: &[u8], name: &str) -> Option<String> {
    let sum = text.get(..64).and_then(|sum| str::from_utf8(sum).ok())?;
    let is_sum = sum
        .bytes()
        .all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte));
    (is_sum && text == line(sum, name.as_bytes())).then(|| sum.to_owned())
}
