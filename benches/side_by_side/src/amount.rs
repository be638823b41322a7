//! Numbers of rows and files as people write them: `300`, `100k`, `1M`.

use std::fmt;
use std::str::FromStr;

use serde::Serialize;

/// A number of rows or files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub(crate) struct Amount(pub(crate) u64);

impl FromStr for Amount {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (digits, unit) = match text.strip_suffix(['k', 'M']) {
            Some(digits) if text.ends_with('k') => (digits, 1000),
            Some(digits) => (digits, 1_000_000),
            None => (text, 1),
        };
        let number: Option<u64> = digits.parse().ok();
        number
            .and_then(|number| number.checked_mul(unit))
            .filter(|number| *number > 0)
            .map(Self)
            .ok_or_else(|| "write a number such as `300`, `100k` or `1M`".to_owned())
    }
}

impl fmt::Display for Amount {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let number = self.0;
        match number {
            _ if number.is_multiple_of(1_000_000) => write!(formatter, "{}M", number / 1_000_000),
            _ if number.is_multiple_of(1000) => write!(formatter, "{}k", number / 1000),
            _ => write!(formatter, "{number}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_amount_is_written_as_it_is_read() {
        for text in ["1", "300", "10k", "999k", "1M", "5M"] {
            let amount: Amount = text.parse().unwrap();
            assert_eq!(amount.to_string(), text);
        }
        for text in ["", "0", "k", "1.5M", "-3", "99999999999999M"] {
            text.parse::<Amount>().unwrap_err();
        }
    }
}
