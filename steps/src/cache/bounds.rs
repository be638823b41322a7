//! What a server may answer on one way through its keys, so that the way has an end.

use super::error::Endless;

/// How many keys one answer may have: a hundred times what is asked for.
const MOST_AT_ONCE: usize = 100_000;

/// How many answers and keys there may be, besides those that the number of keys explains: a
/// table may be nearly empty, and others may write meanwhile.
const SPARE_ANSWERS: u64 = 10_000;
const SPARE_KEYS: u64 = 100_000;

/// How many there may be whatever number of keys the server claims to have.
const MOST_ANSWERS: u64 = 1_000_000;
const MOST_KEYS: u64 = 80_000_000;

/// How many different keys a census may find. Each takes 16 bytes.
pub(super) const MOST_COUNTED: usize = 20_000_000;

/// What one way through the keys may still take.
pub(super) struct Bounds {
    answers: u64,
    keys: u64,
    /// A cursor that was met earlier, and how many answers it stays in place (Brent's cycle
    /// detection): every cycle is found, and no list of cursors has to be kept.
    anchor: Option<u64>,
    since: u64,
    window: u64,
}

impl Bounds {
    /// The bounds for a server that claims to have `size` keys, or does not say.
    pub(super) fn new(size: Option<u64>) -> Self {
        let bound = |spare: u64, factor: u64, most: u64| {
            let size = size.unwrap_or(most).saturating_mul(factor);
            size.saturating_add(spare).min(most)
        };
        Self {
            answers: bound(SPARE_ANSWERS, 1, MOST_ANSWERS),
            // A key is told again when the server's table changes its size.
            keys: bound(SPARE_KEYS, 4, MOST_KEYS),
            anchor: None,
            since: 0,
            window: 1,
        }
    }

    /// Takes note of an answer with a cursor that is not the end, and so many keys.
    pub(super) fn check(&mut self, cursor: u64, keys: usize) -> Result<(), Endless> {
        if self.anchor == Some(cursor) {
            return Err(Endless::Repeats);
        }
        self.since += 1;
        if self.since == self.window {
            self.anchor = Some(cursor);
            self.since = 0;
            self.window *= 2;
        }
        let left = self.keys.checked_sub(keys as u64);
        let left = left.filter(|_| keys <= MOST_AT_ONCE);
        self.keys = left.ok_or(Endless::Keys)?;
        self.answers = self.answers.checked_sub(1).ok_or(Endless::Answers)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_cycle_of_cursors_is_found() {
        for (tail, length) in [(0, 1), (0, 2), (3, 1), (7, 5), (100, 333), (2000, 1)] {
            let mut bounds = Bounds::new(Some(1_000_000));
            let cursors = (0..).map(|step: u64| match step < tail {
                true => 1 + step,
                false => 1 + tail + (step - tail) % length,
            });
            let mut ends = cursors.map(|cursor| bounds.check(cursor, 0));
            let found = ends.position(|end| end.is_err()).unwrap() as u64;
            assert!(found <= 3 * (tail + length) + 3, "{tail} {length}: {found}");
        }
    }

    #[test]
    fn a_server_that_claims_any_number_of_keys_comes_to_an_end() {
        for size in [None, Some(0), Some(u64::MAX)] {
            let mut bounds = Bounds::new(size);
            let end = (1..).find(|&cursor| bounds.check(cursor, 0).is_err());
            assert!(end.unwrap() <= MOST_ANSWERS + 1, "{size:?}");
            let mut bounds = Bounds::new(size);
            let end = (1..).find(|&cursor| bounds.check(cursor, 1000).is_err());
            assert!(end.unwrap() * 1000 <= MOST_KEYS + 1000, "{size:?}");
            assert!(Bounds::new(size).check(1, usize::MAX).is_err());
        }
    }

    #[test]
    fn a_table_that_is_nearly_empty_is_gone_through() {
        let mut bounds = Bounds::new(Some(10));
        assert!((1..5000).all(|cursor| bounds.check(cursor, 0).is_ok()));
    }
}
