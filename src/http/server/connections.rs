//! The open connections, and which of them makes room for another one.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::time::Instant;

use super::address::Address;
use super::connection::Connection;
use super::limits::Limits;

/// All open connections of a server.
#[derive(Debug)]
pub(super) struct Connections {
    limits: Limits,
    open: Mutex<Open>,
}

#[derive(Debug, Default)]
struct Open {
    next: u64,
    connections: HashMap<u64, Arc<Connection>>,
    of_address: HashMap<Address, usize>,
}

/// A connection in the list; dropping it removes it.
#[derive(Debug)]
pub(super) struct Admitted {
    pub(super) connection: Arc<Connection>,
    number: u64,
    pub(super) connections: Arc<Connections>,
}

impl Drop for Admitted {
    fn drop(&mut self) {
        self.connections.open().remove(self.number);
    }
}

impl Connections {
    pub(super) fn new(limits: Limits) -> Self {
        Self {
            limits,
            open: Mutex::default(),
        }
    }

    /// Adds a connection from `address`. At a limit, those that have idled longest are closed for
    /// it; `None` when a handler works for each of them.
    pub(super) fn admit(self: &Arc<Self>, address: Address) -> Option<Admitted> {
        let mut open = self.open();
        let of_address = open.of_address.get(&address).copied().unwrap_or_default();
        if of_address >= self.limits.of(address) {
            open.close_some(|connection| {
                let is_of_address = connection.address == address;
                is_of_address.then(|| connection.idle_since())?
            })?;
        }
        if open.connections.len() >= self.limits.connections {
            open.close_some(Connection::idle_since)?;
        }
        let connection = Arc::new(Connection::new(address));
        let number = open.next;
        open.next += 1;
        open.connections.insert(number, Arc::clone(&connection));
        *open.of_address.entry(address).or_default() += 1;
        Some(Admitted {
            connection,
            number,
            connections: Arc::clone(self),
        })
    }

    /// Closes idle connections, because the process has run out of file descriptors.
    pub(super) fn make_room(&self) {
        let _ = self.open().close_some(Connection::idle_since);
    }

    /// A client has stopped to read. Where too many do, those that have stalled longest are
    /// closed, because each holds an answer in memory.
    pub(super) fn stalled(&self) {
        let mut open = self.open();
        let all = open.connections.values();
        let stalled = all.filter(|connection| connection.stalled_since().is_some());
        if stalled.count() > self.limits.stalled() {
            let _ = open.close_some(Connection::stalled_since);
        }
    }

    /// Nothing panics while it holds this lock; a poisoned one would be as good.
    fn open(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Open {
    /// Of the connections for which `since` returns a time, closes those with the earliest ones of
    /// the address that has most connections: an eighth of what it has, because under a flood each
    /// accepted connection would search all of them otherwise. They count no more, although their
    /// tasks have still to drop the sockets.
    fn close_some(&mut self, since: impl Fn(&Connection) -> Option<Instant>) -> Option<()> {
        let mut idle: HashMap<Address, Vec<(Instant, u64)>> = HashMap::new();
        for (number, connection) in &self.connections {
            if let Some(since) = since(connection) {
                let of_address = idle.entry(connection.address).or_default();
                of_address.push((since, *number));
            }
        }
        let count = |address: &Address| self.of_address.get(address).copied().unwrap_or_default();
        let (address, mut idle) = idle
            .into_iter()
            .max_by_key(|(address, idle)| (count(address), Reverse(idle.iter().min().copied())))?;
        idle.sort_unstable();
        let closed = (count(&address) / 8).max(1);
        for (_, number) in idle.into_iter().take(closed) {
            if let Some(connection) = self.remove(number) {
                connection.closed.cancel();
            }
        }
        Some(())
    }

    fn remove(&mut self, number: u64) -> Option<Arc<Connection>> {
        let connection = self.connections.remove(&number)?;
        if let Some(of_address) = self.of_address.get_mut(&connection.address) {
            *of_address -= 1;
            if *of_address == 0 {
                self.of_address.remove(&connection.address);
            }
        }
        Some(connection)
    }
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};

    use super::*;

    fn connections(connections: usize, per_address: usize) -> Arc<Connections> {
        Arc::new(Connections::new(Limits {
            connections,
            per_address: Some(per_address),
            ..Limits::default()
        }))
    }

    fn remote(last: u8) -> Address {
        Address::Remote(IpAddr::V4(Ipv4Addr::new(192, 0, 2, last)))
    }

    fn is_open(admitted: &Admitted) -> bool {
        !admitted.connection.closed.is_cancelled()
    }

    fn work(admitted: &Admitted) {
        let request = admitted.connection.begin();
        admitted.connection.arrived(request);
    }

    #[tokio::test]
    async fn the_longest_idle_connection_of_the_greediest_address_is_closed() {
        let connections = connections(4, 4);
        let other = connections.admit(remote(1)).unwrap();
        let greedy = [0; 3].map(|_| connections.admit(remote(2)).unwrap());
        work(&greedy[0]);
        let newest = connections.admit(remote(3)).unwrap();
        assert!(is_open(&other) && is_open(&greedy[0]) && is_open(&greedy[2]) && is_open(&newest));
        assert!(!is_open(&greedy[1]), "the first one is being answered");
    }

    #[tokio::test]
    async fn a_connection_whose_client_does_not_read_is_closed_although_it_is_being_answered() {
        let connections = connections(1, 1);
        let first = connections.admit(remote(1)).unwrap();
        work(&first);
        assert!(connections.admit(remote(2)).is_none());
        first.connection.stalled();
        assert!(connections.admit(remote(2)).is_some());
        assert!(!is_open(&first) && first.connection.drops_unsent());
    }

    #[tokio::test]
    async fn few_clients_that_do_not_read_hold_an_answer_each() {
        let connections = connections(64, 64);
        let most = connections.limits.stalled();
        let all: Vec<_> = (0..64)
            .map(|_| connections.admit(remote(1)).unwrap())
            .collect();
        for admitted in &all {
            work(admitted);
            admitted.connection.stalled();
            connections.stalled();
        }
        let open = all.iter().filter(|admitted| is_open(admitted)).count();
        assert!((1..=most).contains(&open), "{open} of {most}");
        assert!(is_open(&all[63]) && !is_open(&all[0]));
    }

    #[tokio::test]
    async fn an_address_at_its_limit_takes_nothing_from_others() {
        let connections = connections(10, 2);
        let other = connections.admit(remote(1)).unwrap();
        let first = connections.admit(remote(2)).unwrap();
        let second = connections.admit(remote(2)).unwrap();
        let third = connections.admit(remote(2)).unwrap();
        assert!(is_open(&other) && !is_open(&first) && is_open(&second) && is_open(&third));
        work(&second);
        work(&third);
        assert!(connections.admit(remote(2)).is_none());
        drop(third);
        assert!(connections.admit(remote(2)).is_some());
    }

    #[tokio::test]
    async fn a_body_that_ends_after_its_answer_does_not_keep_the_connection_open() {
        let connections = connections(1, 1);
        let first = connections.admit(remote(1)).unwrap();
        let request = first.connection.begin();
        first.connection.answered(request);
        first.connection.arrived(request);
        assert!(connections.admit(remote(2)).is_some());
    }
}
