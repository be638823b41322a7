use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::client_network;

/// Limits attempts, at a password for one, to a number a minute from one client.
///
/// The times of the attempts are kept: the usual token bucket would either let one more
/// through within the minute, or refuse the last one after it. Clients are counted by their
/// [network](client_network).
#[derive(Debug)]
pub struct AttemptLimit {
    most: usize,
    attempts: Mutex<Attempts>,
}

type Attempts = HashMap<IpAddr, VecDeque<Instant>>;

impl AttemptLimit {
    /// How long an attempt counts.
    pub const PERIOD: Duration = Duration::from_secs(60);
    /// How many clients are tracked at most, because each one takes memory. The one whose last
    /// attempt is the oldest is forgotten for a further one: to refuse that would lock everybody
    /// out.
    pub const TRACKED: usize = 10_000;

    /// A limit of `most` attempts a minute.
    #[must_use]
    pub fn new(most: usize) -> Self {
        Self {
            most,
            attempts: Mutex::default(),
        }
    }

    /// Counts an attempt from this address.
    ///
    /// # Errors
    ///
    /// How long the client has to wait, when it has no attempt left; this one is not counted
    /// then.
    pub fn check(&self, address: IpAddr) -> Result<(), Duration> {
        self.check_at(address, Instant::now())
    }

    /// Takes the last attempt from this address back: it was successful.
    pub fn forgive(&self, address: IpAddr) {
        let (client, mut attempts) = (client_network(address), self.lock());
        if let Some(times) = attempts.get_mut(&client) {
            times.pop_back();
            if times.is_empty() {
                attempts.remove(&client);
            }
        }
    }

    /// How many clients have attempts that still count.
    pub fn tracked(&self) -> usize {
        let mut attempts = self.lock();
        drop_outdated(&mut attempts, Instant::now());
        attempts.len()
    }

    /// Forgets all attempts.
    pub fn clear(&self) {
        // Replaced, not emptied: the memory goes too.
        *self.lock() = HashMap::new();
    }

    fn check_at(&self, address: IpAddr, now: Instant) -> Result<(), Duration> {
        let (client, mut attempts) = (client_network(address), self.lock());
        drop_outdated(&mut attempts, now);
        if attempts.len() >= Self::TRACKED && !attempts.contains_key(&client) {
            drop_oldest(&mut attempts);
        }
        let times = attempts.entry(client).or_default();
        match times.front() {
            Some(&oldest) if times.len() >= self.most => {
                Err((oldest + Self::PERIOD).saturating_duration_since(now))
            }
            _ => {
                times.push_back(now);
                Ok(())
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Attempts> {
        self.attempts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn drop_outdated(attempts: &mut Attempts, now: Instant) {
    attempts.retain(|_, times| {
        times.retain(|&time| now.saturating_duration_since(time) < AttemptLimit::PERIOD);
        !times.is_empty()
    });
}

fn drop_oldest(attempts: &mut Attempts) {
    let oldest = attempts.iter().min_by_key(|(_, times)| times.back());
    if let Some(client) = oldest.map(|(client, _)| *client) {
        attempts.remove(&client);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn five_attempts_in_any_minute_and_no_more() {
        let limit = AttemptLimit::new(5);
        let (address, start) = (IpAddr::from([192, 0, 2, 1]), Instant::now());
        let second = |n| start + Duration::from_secs(n);
        for n in [0, 10, 20, 30, 40] {
            assert_eq!(limit.check_at(address, second(n)), Ok(()));
        }
        let wait = Duration::from_secs(15);
        assert_eq!(limit.check_at(address, second(45)), Err(wait));
        assert_eq!(limit.check_at(address, second(60)), Ok(()));
        assert!(limit.check_at(address, second(61)).is_err());
        assert_eq!(limit.check_at([192, 0, 2, 2].into(), second(61)), Ok(()));

        limit.clear();
        assert_eq!(limit.tracked(), 0);
        assert_eq!(limit.check_at(address, second(62)), Ok(()));
    }

    #[test]
    fn a_client_has_no_more_attempts_for_having_many_addresses() {
        for addresses in [
            ["127.0.0.1", "127.0.0.2", "::1", "::ffff:127.1.1.1"],
            [
                "2001:db8::1",
                "2001:db8::2",
                "2001:db8::a:b:c:d",
                "2001:db8::ffff:ffff:ffff:ffff",
            ],
        ] {
            let limit = AttemptLimit::new(3);
            let mut attempts = addresses.iter().map(|address| {
                let address = address.parse().unwrap();
                limit.check(address).is_ok()
            });
            assert!(attempts.by_ref().take(3).all(|passed| passed));
            assert_eq!(attempts.next(), Some(false));
            assert_eq!(limit.tracked(), 1);
        }
    }

    #[test]
    fn a_successful_attempt_does_not_count() {
        let (limit, address) = (AttemptLimit::new(1), IpAddr::from([192, 0, 2, 1]));
        for _ in 0..3 {
            limit.check(address).unwrap();
            limit.forgive(address);
        }
        assert_eq!(limit.tracked(), 0);
        limit.forgive(address);
        limit.check(address).unwrap();
        limit.check(address).unwrap_err();
    }

    #[test]
    fn the_memory_is_bounded_and_no_further_client_is_locked_out() {
        let (limit, start) = (AttemptLimit::new(1), Instant::now());
        let address = |n: u32| IpAddr::from((0x0a00_0000 + n).to_be_bytes());
        let most = u32::try_from(AttemptLimit::TRACKED).unwrap();
        {
            let mut attempts = limit.lock();
            for n in 0..most {
                let time = start + Duration::from_millis(n.into());
                attempts.insert(address(n), VecDeque::from([time]));
            }
        }
        let now = start + Duration::from_secs(20);
        limit.check_at(address(most), now).unwrap();
        assert_eq!(limit.lock().len(), AttemptLimit::TRACKED);
        assert!(limit.check_at(address(1), now).is_err());
        limit.check_at(address(0), now).unwrap();
    }
}
