//! The `Origin` of the page that makes a request.

use super::authority::{Authority, Host};

/// The ports of `http` and `https`, which a URL need not name.
pub(super) const DEFAULT_PORTS: [u16; 2] = [80, 443];

/// An origin of a page, with its port even where the URL names none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Origin {
    pub(super) host: Host,
    pub(super) port: u16,
}

impl Origin {
    /// Parses what a browser sends: scheme, host and port. An opaque origin (`null`) and every
    /// other scheme have no host that could be allowed.
    pub(super) fn parse(text: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(text).ok()?;
        let (scheme, authority) = text.split_once("://")?;
        let [http, https] = DEFAULT_PORTS;
        let default = match scheme.to_ascii_lowercase().as_str() {
            "http" => http,
            "https" => https,
            _ => return None,
        };
        let Authority { host, port } = Authority::parse(authority.as_bytes())?;
        Some(Self {
            host,
            port: port.unwrap_or(default),
        })
    }

    /// Whether a page of this origin is a page of the service that the request names as its
    /// host. Without a port the scheme decides, which a proxy that ends TLS hides: either port.
    pub(super) fn is_of(&self, host: &Authority) -> bool {
        let is_same_port = match host.port {
            Some(port) => port == self.port,
            None => DEFAULT_PORTS.contains(&self.port),
        };
        self.host == host.host && is_same_port
    }
}
