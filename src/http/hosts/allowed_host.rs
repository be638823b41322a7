//! A host that an operator allows.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use super::authority::Authority;

/// A host under which a service may be reached beside its own address: the name that a reverse
/// proxy has, for one.
///
/// ```
/// use factory_reset::http::AllowedHost;
///
/// for text in ["bot.example", "bot.example:8443", "192.0.2.7", "[2001:db8::7]:8443"] {
///     assert_eq!(text.parse::<AllowedHost>().unwrap().to_string(), text);
/// }
/// assert!("https://bot.example/".parse::<AllowedHost>().is_err());
/// assert!("*.example".parse::<AllowedHost>().is_err());
/// ```
///
/// The name alone decides whether a `Host` header is accepted. The port decides which pages may
/// make requests: without one, pages at the default ports of HTTP and HTTPS and at the port that
/// the service is bound to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AllowedHost(pub(super) Authority);

/// A text that names no host.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not a host: write a name as `bot.example`, an IP address, or one of them with a port \
     as `bot.example:8443`; an international name in its `xn--` form"
)]
pub struct InvalidHost(String);

impl FromStr for AllowedHost {
    type Err = InvalidHost;

    fn from_str(text: &str) -> Result<Self, InvalidHost> {
        // People leave the brackets out when there is no port.
        let address = text.parse::<IpAddr>().ok().map(|address| Authority {
            host: address.into(),
            port: None,
        });
        let authority = address.or_else(|| Authority::parse(text.as_bytes()));
        authority
            .map(Self)
            .ok_or_else(|| InvalidHost(text.escape_debug().to_string()))
    }
}

impl fmt::Display for AllowedHost {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}
