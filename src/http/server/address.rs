//! Which clients count as one.

use std::net::{IpAddr, Ipv6Addr};

/// The clients that share one limit: an IPv4 address, an IPv6 network of 64 bits, which is what
/// one subscriber gets, or this machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Address {
    /// Reverse proxies and local users.
    Local,
    /// Anyone else.
    Remote(IpAddr),
}

impl From<IpAddr> for Address {
    fn from(address: IpAddr) -> Self {
        match address.to_canonical() {
            address if address.is_loopback() => Self::Local,
            IpAddr::V6(address) => {
                let [first, second, third, fourth, ..] = address.segments();
                let network = Ipv6Addr::new(first, second, third, fourth, 0, 0, 0, 0);
                Self::Remote(network.into())
            }
            address @ IpAddr::V4(_) => Self::Remote(address),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> Address {
        text.parse::<IpAddr>().unwrap().into()
    }

    #[test]
    fn loopback_and_networks_of_64_bits_count_as_one() {
        for local in ["127.0.0.1", "127.200.3.4", "::1", "::ffff:127.0.0.2"] {
            assert_eq!(address(local), Address::Local, "{local}");
        }
        assert_eq!(address("2001:db8::1"), address("2001:db8::ffff:0:0:1"));
        assert_ne!(address("2001:db8::1"), address("2001:db8:0:1::1"));
        assert_eq!(address("192.0.2.1"), address("::ffff:192.0.2.1"));
        assert_ne!(address("192.0.2.1"), address("192.0.2.2"));
    }
}
