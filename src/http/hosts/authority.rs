//! A host with an optional port, as a `Host` header or a URL names it.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The longest name that DNS allows, in bytes.
const LONGEST_NAME: usize = 253;

/// A host, in the one form in which equal hosts are equal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Host {
    /// A DNS name in lower case, without a dot at its end.
    Name(String),
    /// An IP address. An IPv4 address that is mapped into IPv6 is an IPv4 address.
    Address(IpAddr),
}

/// A host with an optional port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Authority {
    pub(super) host: Host,
    pub(super) port: Option<u16>,
}

impl Authority {
    /// Parses `host`, `host:port`, `[IPv6]` or `[IPv6]:port`, and nothing else: no user
    /// information, no list, no zone of an IPv6 address.
    pub(super) fn parse(text: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(text).ok()?;
        let (host, rest) = match text.strip_prefix('[') {
            Some(text) => {
                let (address, rest) = text.split_once(']')?;
                (Host::from(address.parse::<Ipv6Addr>().ok()?), rest)
            }
            None => {
                let end = text.find(':').unwrap_or(text.len());
                let (name, rest) = text.split_at(end);
                (Host::parse(name)?, rest)
            }
        };
        let port = match rest {
            // RFC 3986 allows an empty port, which is the default one.
            "" | ":" => None,
            rest => Some(parse_port(rest.strip_prefix(':')?)?),
        };
        Some(Self { host, port })
    }
}

impl Host {
    pub(super) fn localhost() -> Self {
        Self::Name("localhost".to_owned())
    }

    /// A DNS name or an IPv4 address.
    fn parse(text: &str) -> Option<Self> {
        // A name with a dot at its end is the same name, fully qualified.
        let name = text.strip_suffix('.').unwrap_or(text);
        if let Ok(address) = name.parse::<Ipv4Addr>() {
            return Some(IpAddr::from(address).into());
        }
        let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        let is_label = |label: &str| !label.is_empty() && label.bytes().all(is_allowed);
        let is_name = name.len() <= LONGEST_NAME && name.split('.').all(is_label);
        is_name.then(|| Self::Name(name.to_ascii_lowercase()))
    }
}

impl<Address: Into<IpAddr>> From<Address> for Host {
    fn from(address: Address) -> Self {
        let address: IpAddr = address.into();
        Self::Address(address.to_canonical())
    }
}

/// One to five digits: `u16::from_str` would also accept a sign, and any number of zeros.
fn parse_port(text: &str) -> Option<u16> {
    let is_number = text.len() <= 5 && text.bytes().all(|byte| byte.is_ascii_digit());
    let port = text.parse().ok().filter(|port| *port > 0);
    port.filter(|_| is_number)
}

impl fmt::Display for Host {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => formatter.write_str(name),
            Self::Address(IpAddr::V4(address)) => address.fmt(formatter),
            Self::Address(IpAddr::V6(address)) => write!(formatter, "[{address}]"),
        }
    }
}

impl fmt::Display for Authority {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.port {
            None => self.host.fmt(formatter),
            Some(port) => write!(formatter, "{}:{port}", self.host),
        }
    }
}
