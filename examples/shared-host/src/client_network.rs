use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// How many bits of an IPv6 address name the host within its network.
const HOST_BITS: u32 = 64;

/// The address by which a client is counted, however many addresses it has.
///
/// All loopback addresses (`127.0.0.0/8` and `::1`) are the same machine; a client with IPv6 has
/// a whole /64 network; an IPv4 address that is mapped into IPv6 is that IPv4 address.
#[must_use]
pub fn client_network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        address if address.is_loopback() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(address) => {
            Ipv6Addr::from_bits(address.to_bits() >> HOST_BITS << HOST_BITS).into()
        }
        address => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_one_client_are_counted_as_one() {
        for (address, network) in [
            ("127.0.0.1", "127.0.0.1"),
            ("127.255.0.9", "127.0.0.1"),
            ("::1", "127.0.0.1"),
            ("::ffff:127.0.0.5", "127.0.0.1"),
            ("::ffff:192.0.2.1", "192.0.2.1"),
            ("192.0.2.1", "192.0.2.1"),
            ("192.0.2.2", "192.0.2.2"),
            ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
            ("2001:db8:1:2:ffff::1", "2001:db8:1:2::"),
            ("2001:db8:1:3::1", "2001:db8:1:3::"),
        ] {
            let counted = client_network(address.parse().unwrap());
            assert_eq!(counted, network.parse::<IpAddr>().unwrap(), "{address}");
        }
    }
}
