//! Why a request is refused for its host or its origin.

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

use crate::http::refused::Refused;

/// Why [`AllowedHosts`](super::AllowedHosts) refuses a request. Each text names the remedy.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HostRefusal {
    /// The request names no host.
    #[error("the request has no `Host` header: send the host and port of the service's URL")]
    Missing,
    /// The request names several hosts.
    #[error("the request has several `Host` headers: send one")]
    Several,
    /// The `Host` header is not a host with an optional port.
    #[error(
        "the `Host` header is not a host with an optional port: send that of the service's URL"
    )]
    Malformed,
    /// The service is not reached under this host.
    #[error(
        "`{0}` is not an allowed host of this service: use the address that it listens on, or \
         start it with `--allowed-host {0}`"
    )]
    NotAllowed(String),
    /// A page of another origin makes the request.
    #[error(
        "a page of `{origin}` made this request, and it is not a page of this service: use a page \
         of the service itself; where a reverse proxy serves that page, start the service with \
         `--allowed-host {host}`"
    )]
    Origin {
        /// The origin of the page.
        origin: String,
        /// What would have to be allowed.
        host: String,
    },
    /// A page without a comparable origin makes the request: a sandboxed frame, a local file, or
    /// a header that no browser sends.
    #[error(
        "a page without an HTTP origin made this request: use a page of the service itself, or a \
         client that sends no `Origin`"
    )]
    OpaqueOrigin,
    /// A page of another site makes a request that may change something.
    #[error("a page of another site made this request: use a page of the service itself")]
    CrossSite,
}

impl HostRefusal {
    /// 421 for a host that is not allowed, 400 for none or a malformed one, and 403 for a page of
    /// another origin.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        match self {
            Self::NotAllowed(_) => StatusCode::MISDIRECTED_REQUEST,
            Self::Missing | Self::Several | Self::Malformed => StatusCode::BAD_REQUEST,
            Self::Origin { .. } | Self::OpaqueOrigin | Self::CrossSite => StatusCode::FORBIDDEN,
        }
    }
}

/// In the form of the reset service: `{"success": false, "error": …}`.
impl IntoResponse for HostRefusal {
    fn into_response(self) -> Response {
        Refused::new(self.status(), self.to_string()).into_response()
    }
}
