//! The one extended header that bundles use: a modification time that the plain header cannot
//! hold, for it has whole seconds from 1970 on.

/// Seconds since 1970 and the nanoseconds after them.
pub(super) type Modified = (i64, u32);

const NANOSECONDS: u32 = 1_000_000_000;

/// The longest record there can be, and some more.
pub(super) const LONGEST: u64 = 64;

/// The record that says `modified`, if the plain header cannot.
pub(super) fn record(modified: Modified) -> Option<Vec<u8>> {
    const MOST: i64 = 0o77_777_777_777;
    let (seconds, nanoseconds) = modified;
    if nanoseconds == 0 && (0..=MOST).contains(&seconds) {
        return None;
    }
    let time = match nanoseconds {
        0 => seconds.to_string(),
        // The fraction counts away from zero, the nanoseconds count up.
        _ if seconds < 0 => format!("-{}.{:09}", -(seconds + 1), NANOSECONDS - nanoseconds),
        _ => format!("{seconds}.{nanoseconds:09}"),
    };
    let rest = format!(" mtime={time}\n");
    // The length counts its own digits.
    let mut length = rest.len() + 1;
    while length.to_string().len() + rest.len() != length {
        length += 1;
    }
    Some(format!("{length}{rest}").into_bytes())
}

/// What time a record says, as far as it can be understood; whoever asks looks whether it is
/// written like [`record`] writes it.
pub(super) fn parse(record: &[u8]) -> Option<Modified> {
    let text = str::from_utf8(record).ok()?;
    let time = text.split_once(" mtime=")?.1.strip_suffix('\n')?;
    let Some((seconds, fraction)) = time.split_once('.') else {
        return Some((time.parse().ok()?, 0));
    };
    let fraction: u32 = fraction.parse().ok().filter(|&part| part < NANOSECONDS)?;
    match seconds.strip_prefix('-') {
        Some(seconds) if fraction > 0 => {
            let seconds: i64 = seconds.parse().ok()?;
            Some(((-seconds).checked_sub(1)?, NANOSECONDS - fraction))
        }
        _ => Some((seconds.parse().ok()?, fraction)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_time_comes_back() {
        for modified in [
            (0, 1),
            (1_700_000_000, 123_456_789),
            (-1, 500_000_000),
            (-2, 0),
            (-2, 999_999_999),
            (i64::MAX, 1),
            (i64::MIN, 0),
            (i64::MIN, 1),
            (0o77_777_777_777, 1),
            (0o100_000_000_000, 0),
        ] {
            let record = record(modified).unwrap();
            assert_eq!(parse(&record), Some(modified), "{record:?}");
            assert!(record.len() as u64 <= LONGEST);
            let length = str::from_utf8(&record).unwrap().split(' ').next().unwrap();
            assert_eq!(length.parse(), Ok(record.len()));
        }
        assert_eq!(record((0, 0)), None);
        assert_eq!(record((0o77_777_777_777, 0)), None);
    }
}
