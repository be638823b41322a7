//! How much a server does at a time, and how long it waits.

use std::time::Duration;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use super::address::Address;

/// How many connections are open at a time unless the host says otherwise.
const CONNECTIONS: usize = 4096;
/// Fewer would not serve one browser.
const FEWEST: usize = 8;

/// The limits of one server.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    /// How many connections are open at a time.
    pub(super) connections: usize,
    /// How many of them one remote address may have; a fourth when absent.
    pub(super) per_address: Option<usize>,
    /// How long the head of a request may take to arrive, and a connection may idle.
    pub(super) head: Duration,
    /// How long the body of a request may take to arrive, in all.
    pub(super) body: Duration,
    /// How long a write may make no progress.
    pub(super) write: Duration,
    /// How long requests under way may take to end at shutdown.
    pub(super) shutdown: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: CONNECTIONS,
            per_address: None,
            head: Duration::from_secs(10),
            body: Duration::from_secs(30),
            write: Duration::from_secs(10),
            shutdown: Duration::from_secs(30),
        }
    }
}

impl Limits {
    /// The same, so that the sockets leave a fourth of the process's file descriptors to databases
    /// and files. Raises the soft limit on file descriptors where the hard one allows it: the
    /// usual 1024 would make clients beyond it wait for each other.
    pub(super) fn below_file_limit(mut self) -> Self {
        let wanted = self.connections.saturating_mul(3) / 2;
        raise_file_limit(wanted.try_into().unwrap_or(u64::MAX));
        // `None` means unlimited.
        if let Some(files) = getrlimit(Resource::Nofile).current {
            let files = usize::try_from(files).unwrap_or(usize::MAX);
            // `closing` adds an eighth.
            let most = files / 3 * 2;
            self.connections = self.connections.min(most);
        }
        self.connections = self.connections.max(FEWEST);
        self
    }

    /// How many sockets may be open beyond `connections`: those that are being closed.
    pub(super) fn closing(&self) -> usize {
        (self.connections / 8).max(1)
    }

    /// How many connections may have been accepted whose socket was not read yet. Fewer than there
    /// are, otherwise a burst would push out connections whose request has arrived.
    pub(super) fn unread(&self) -> usize {
        (self.connections / 8).clamp(1, 64)
    }

    /// How many connections may have a client that does not read: an eighth.
    pub(super) fn stalled(&self) -> usize {
        (self.connections / 8).max(1)
    }

    /// How many connections `address` may have.
    pub(super) fn of(&self, address: Address) -> usize {
        match address {
            // A reverse proxy on this machine carries the connections of all clients; others keep
            // an eighth, otherwise local users could lock them out.
            Address::Local => self.connections - self.connections / 8,
            Address::Remote(_) => self.per_address.unwrap_or(self.connections / 4).max(1),
        }
    }
}

/// Best effort: with fewer file descriptors there are fewer connections.
fn raise_file_limit(wanted: u64) {
    let limit = getrlimit(Resource::Nofile);
    let current = limit.maximum.map_or(wanted, |most| most.min(wanted));
    if limit.current.is_some_and(|now| now < current) {
        let raised = Rlimit {
            current: Some(current),
            ..limit
        };
        if let Err(error) = setrlimit(Resource::Nofile, raised) {
            tracing::debug!(%error, "failed to raise the limit on open files");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};

    use super::*;

    #[test]
    fn sockets_leave_file_descriptors_to_databases() {
        let limits = Limits {
            connections: usize::MAX / 4,
            ..Limits::default()
        };
        let limits = limits.below_file_limit();
        let files = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
        let sockets = limits.connections.saturating_add(limits.closing()) as u64;
        assert!(sockets <= files / 4 * 3 + 1, "{sockets} of {files}");
    }

    #[test]
    fn a_remote_address_gets_less_than_a_proxy_on_this_machine() {
        let limits = Limits::default();
        let remote = Address::Remote(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)));
        assert!(limits.of(remote) < limits.of(Address::Local));
        assert!(limits.of(Address::Local) < limits.connections);
    }
}
