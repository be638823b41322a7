use std::net::IpAddr;
use std::time::Duration;

use shared_host::AttemptLimit;

/// Five login attempts a minute from one client. A type of this host's own, because a reset
/// clears it.
#[derive(Debug)]
pub struct LoginLimit(AttemptLimit);

impl LoginLimit {
    /// How many attempts one client has.
    pub const ATTEMPTS: usize = 5;

    /// Counts an attempt from this address.
    ///
    /// # Errors
    ///
    /// How long the client has to wait, when it has none left; the attempt is not counted then.
    pub fn check(&self, address: IpAddr) -> Result<(), Duration> {
        self.0.check(address)
    }

    /// How many clients have attempts that still count.
    pub fn tracked(&self) -> usize {
        self.0.tracked()
    }

    /// Forgets all attempts.
    pub fn clear(&self) {
        self.0.clear();
    }
}

impl Default for LoginLimit {
    fn default() -> Self {
        Self(AttemptLimit::new(Self::ATTEMPTS))
    }
}
