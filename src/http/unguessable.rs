//! Whether a key can be a random one, so that nobody else can guess it.

use std::collections::HashSet;

use uuid::Uuid;

/// The fewest characters of a key that is a secret: 32 hexadecimal digits hold 128 random bits.
pub(super) const SHORTEST: usize = 32;

/// The fewest different pairs of neighbours in a key. 32 random hexadecimal digits have about 29,
/// and fewer than 20 once in two million keys; a repeated or padded text has far fewer.
const FEWEST_PAIRS: usize = 20;

/// The length of a UUID with its hyphens.
const UUID: usize = 36;

/// Whether `key` can be a random one of about 128 bits: a UUID of version 4 or 7, or 32 or more
/// digits of any encoding of random bytes.
///
/// Only the client knows how a key was made. This refuses keys that are certainly not random:
/// short ones, repetitions (`aaaa…`), counters (`0000…0001`, `0123456789…`), and UUIDs that are
/// made of a clock or a name.
pub(super) fn is_unguessable(key: &[u8]) -> bool {
    if key.len() < SHORTEST || is_predictable_uuid(key) {
        return false;
    }
    let pairs = || key.windows(2);
    let different: HashSet<&[u8]> = pairs().collect();
    let mut steps = [0_usize; 256];
    for pair in pairs() {
        steps[usize::from(pair[1].wrapping_sub(pair[0]))] += 1;
    }
    let is_sequence = steps.iter().any(|count| count * 2 > key.len() - 1);
    different.len() >= FEWEST_PAIRS && !is_sequence
}

fn is_predictable_uuid(key: &[u8]) -> bool {
    let uuid = Uuid::try_parse_ascii(key).ok();
    let uuid = uuid.filter(|_| key.len() == UUID);
    uuid.is_some_and(|uuid| !matches!(uuid.get_version_num(), 4 | 7))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn random_keys_of_every_usual_form_are_unguessable() {
        for key in [
            "b8f3c1e09a4d4b7785f25a60d3c9e17f",
            "4F9C02E7B1A86D35904EFB7C21D860A3",
            "f47ac10b-58cc-4372-a567-0e02b2c3d479",
            "01939f5e-7c1a-7d3b-9e4f-2a6b8c0d1e3f",
            "q83vEjRWeJq83vP1Zk7xYw9LmT2nBc5D",
            "kX2_9vQe-7LmZp4RtYw8NbHs6JdCf3Ga",
            "mzxw6ytboi2gk3dpn5vhq7lsrfcejaux",
            "38012746591035826470918365024719283",
        ] {
            assert!(is_unguessable(key.as_bytes()), "{key}");
        }
    }

    #[test]
    fn repetitions_counters_and_short_keys_are_guessable() {
        for key in [
            "",
            "one",
            "b8f3c1e09a4d4b7785f25a60d3c9e17",
            &"a".repeat(255),
            &"ab".repeat(32),
            &"reset-1-".repeat(5),
            &"b8f3c1e0".repeat(8),
            "00000000000000000000000000000001",
            "00000000-0000-0000-0000-000000000000",
            "00000000-0000-4000-8000-000000000001",
            "12345678901234567890123456789012",
            "0123456789abcdef0123456789abcdef",
            "abcdefghijklmnopqrstuvwxyz012345",
            "zyxwvutsrqponmlkjihgfedcba987654",
            "request-000000000000000000000042",
            // Of a clock and a network card; of a name.
            "6ba7b810-9dad-11d1-80b4-00c04fd430c8",
            "74738ff5-5367-5958-9aee-98fffdcd1876",
        ] {
            assert!(!is_unguessable(key.as_bytes()), "{key}");
        }
    }

    #[test]
    fn keys_that_are_made_at_random_are_accepted() {
        for _ in 0..1000 {
            let key = Uuid::from_bytes(
                *uuid::Builder::from_random_bytes(random())
                    .as_uuid()
                    .as_bytes(),
            );
            assert!(is_unguessable(key.to_string().as_bytes()), "{key}");
            assert!(is_unguessable(key.simple().to_string().as_bytes()), "{key}");
        }
    }

    /// Random enough for a test: what the hasher of the standard library is seeded with.
    fn random() -> [u8; 16] {
        use std::hash::{BuildHasher, RandomState};
        let half = || RandomState::new().hash_one(0).to_le_bytes();
        let mut bytes = [0; 16];
        bytes[..8].copy_from_slice(&half());
        bytes[8..].copy_from_slice(&half());
        bytes
    }
}
