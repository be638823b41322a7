use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Five login attempts a minute from one address.
///
/// The times of the attempts are kept: the usual token bucket would either let a
/// sixth through within the minute, or refuse a fifth after it.
#[derive(Debug, Default)]
pub struct LoginLimit {
    attempts: Mutex<Attempts>,
}

type Attempts = HashMap<IpAddr, VecDeque<Instant>>;

impl LoginLimit {
    /// How many attempts one address has.
    pub const ATTEMPTS: usize = 5;
    /// How long an attempt counts.
    pub const PERIOD: Duration = Duration::from_secs(60);

    /// Counts an attempt from this address.
    ///
    /// # Errors
    ///
    /// How long the address has to wait, when it has none left; the attempt is not
    /// counted then.
    pub fn check(&self, address: IpAddr) -> Result<(), Duration> {
        self.check_at(address, Instant::now())
    }

    /// How many addresses have attempts that still count.
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
        let mut attempts = self.lock();
        drop_outdated(&mut attempts, now);
        // One client counts once, over IPv4 and over IPv4 mapped into IPv6.
        let times = attempts.entry(address.to_canonical()).or_default();
        match times.front() {
            Some(&oldest) if times.len() >= Self::ATTEMPTS => {
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
        times.retain(|&time| now.saturating_duration_since(time) < LoginLimit::PERIOD);
        !times.is_empty()
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn five_attempts_in_any_minute_and_no_more() {
        let limit = LoginLimit::default();
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
}
