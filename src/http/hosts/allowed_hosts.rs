//! Which hosts and origins a service accepts requests for.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use axum::http::uri;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, Uri, header};
use axum::response::{IntoResponse, Response};

use super::allowed_host::AllowedHost;
use super::authority::{Authority, Host};
use super::origin::{DEFAULT_PORTS, Origin};
use super::refusal::HostRefusal;

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Host header validation, as the outermost layer of a service.
///
/// A web page can have its own name resolve to the address of a service on the reader's machine
/// (DNS rebinding). The browser then sends the page's requests to that service as requests of the
/// same origin, and only the `Host` header tells them apart. This layer refuses them:
///
/// | request | answer |
/// |---|---|
/// | its host is the bound address, `localhost`, `127.0.0.1`, `[::1]` or one that was [added](Self::and) | passed on |
/// | its host is an IP address, and the service is bound to all addresses (`0.0.0.0`, `[::]`) | passed on: DNS resolves names, so an address cannot be rebound |
/// | any other host | 421 |
/// | no `Host`, several, or a malformed one | 400 |
/// | it has an `Origin` that is neither that of its host nor an allowed one; `null` is never one | 403 |
/// | it has no `Origin`, can change something, and `Sec-Fetch-Site` says that a page of another site makes it | 403 |
/// | it has neither header, as those of `curl` and other programs | passed on |
///
/// The port of a `Host` is not compared, because an SSH tunnel or a container's port mapping
/// changes it and DNS cannot choose it; the port of an `Origin` is, because another port of the
/// same host is another service. The host of a request is that of its target where it names one
/// (HTTP/2, a request to a proxy), and its `Host` header must be allowed as well. Headers that a
/// proxy adds, as `X-Forwarded-Host`, are ignored, because anybody can send them.
///
/// A host offers the added names as an option `--allowed-host`, which the refusals name.
///
/// ```
/// # use std::net::SocketAddr;
/// use factory_reset::http::{AllowedHost, AllowedHosts};
/// # fn app(app: axum::Router, bound: SocketAddr, added: Vec<AllowedHost>) -> axum::Router {
/// // Last, so that it is asked first.
/// app.layer(AllowedHosts::new(bound).and(added))
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct AllowedHosts {
    hosts: Arc<[Authority]>,
    bound: SocketAddr,
    answer: fn(HostRefusal) -> Response,
}

impl AllowedHosts {
    /// Allows the address that the service is bound to, and the names of the local machine.
    #[must_use]
    pub fn new(bound: SocketAddr) -> Self {
        let local = [
            Host::localhost(),
            Ipv4Addr::LOCALHOST.into(),
            Ipv6Addr::LOCALHOST.into(),
            bound.ip().into(),
        ];
        let of_port = |host| Authority {
            host,
            port: Some(bound.port()),
        };
        Self {
            hosts: local.map(of_port).into(),
            bound,
            answer: IntoResponse::into_response,
        }
    }

    /// Allows these hosts as well.
    #[must_use]
    pub fn and(mut self, hosts: impl IntoIterator<Item = AllowedHost>) -> Self {
        let added = hosts.into_iter().map(|AllowedHost(authority)| authority);
        self.hosts = self.hosts.iter().cloned().chain(added).collect();
        self
    }

    /// Answers refused requests in the host's own form, instead of
    /// `{"success": false, "error": …}`. The [status](HostRefusal::status) should stay.
    #[must_use]
    pub fn answer(mut self, answer: fn(HostRefusal) -> Response) -> Self {
        self.answer = answer;
        self
    }

    pub(super) fn refuse(&self, refusal: HostRefusal) -> Response {
        tracing::debug!(%refusal, "refused a request");
        (self.answer)(refusal)
    }

    pub(super) fn check(
        &self,
        method: &Method,
        target: &Uri,
        headers: &HeaderMap,
    ) -> Result<(), HostRefusal> {
        let host = self.host(target, headers)?;
        let mut origins = headers.get_all(header::ORIGIN).iter();
        match (origins.next(), origins.next()) {
            (Some(origin), None) => self.check_origin(origin, &host),
            (Some(_), Some(_)) => Err(HostRefusal::OpaqueOrigin),
            (None, _) => check_site(method, headers),
        }
    }

    /// The host that the request is for, if every host that it names is allowed.
    fn host(&self, target: &Uri, headers: &HeaderMap) -> Result<Authority, HostRefusal> {
        let mut named = headers.get_all(header::HOST).iter();
        let (header, other) = (named.next(), named.next());
        if other.is_some() {
            return Err(HostRefusal::Several);
        }
        let header = header.map(HeaderValue::as_bytes);
        let target = target.authority().map(uri::Authority::as_str);
        let header = header.map(|text| self.allowed(text)).transpose()?;
        let target = target
            .map(|text| self.allowed(text.as_bytes()))
            .transpose()?;
        target.or(header).ok_or(HostRefusal::Missing)
    }

    fn allowed(&self, text: &[u8]) -> Result<Authority, HostRefusal> {
        let named = Authority::parse(text).ok_or(HostRefusal::Malformed)?;
        let is_address = matches!(named.host, Host::Address(_));
        let is_allowed = self.hosts.iter().any(|allowed| allowed.host == named.host)
            || (is_address && self.is_bound_to_all());
        if is_allowed {
            Ok(named)
        } else {
            Err(HostRefusal::NotAllowed(named.host.to_string()))
        }
    }

    fn is_bound_to_all(&self) -> bool {
        self.bound.ip().to_canonical().is_unspecified()
    }

    fn check_origin(&self, origin: &HeaderValue, host: &Authority) -> Result<(), HostRefusal> {
        let text = origin.as_bytes();
        let origin = Origin::parse(text).ok_or(HostRefusal::OpaqueOrigin)?;
        let is_allowed = |allowed: &Authority| {
            let is_allowed_port = match allowed.port {
                Some(port) => port == origin.port,
                None => origin.port == self.bound.port() || DEFAULT_PORTS.contains(&origin.port),
            };
            allowed.host == origin.host && is_allowed_port
        };
        if origin.is_of(host) || self.hosts.iter().any(is_allowed) {
            return Ok(());
        }
        let port = Some(origin.port).filter(|port| !DEFAULT_PORTS.contains(port));
        Err(HostRefusal::Origin {
            // It was parsed, so it is short and has no character that could mislead a reader.
            origin: String::from_utf8_lossy(text).into_owned(),
            host: Authority {
                port,
                host: origin.host,
            }
            .to_string(),
        })
    }
}

/// A browser that sends no `Origin` says in `Sec-Fetch-Site` whose page makes the request.
fn check_site(method: &Method, headers: &HeaderMap) -> Result<(), HostRefusal> {
    if matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS) {
        // A link from another site to a page of the service is such a request.
        return Ok(());
    }
    let mut sites = headers.get_all(SEC_FETCH_SITE).iter();
    if sites.all(|site| site == "same-origin" || site == "none") {
        Ok(())
    } else {
        Err(HostRefusal::CrossSite)
    }
}
