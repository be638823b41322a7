//! The address of a server.

use std::net::IpAddr;

use reqwest::Url;

/// `url` without its credentials. A path with an `@` is left out too: most likely the slash in it
/// belongs to a password.
pub(super) fn redacted(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    let port = url.port().map(|port| format!(":{port}"));
    let path = Some(url.path().trim_end_matches('/'));
    let path = path.filter(|path| !path.contains('@') && !path.contains("%40"));
    let (port, path) = (port.unwrap_or_default(), path.unwrap_or("/…"));
    format!("{}://{host}{port}{path}", url.scheme())
}

/// Whether requests to `url` stay on this machine.
pub(super) fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let address = host.trim_start_matches('[').trim_end_matches(']');
    match address.parse::<IpAddr>() {
        Ok(address) => address.to_canonical().is_loopback(),
        Err(_) => host == "localhost" || host.ends_with(".localhost"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_shown_without_its_credentials() {
        for (url, shown) in [
            (
                "http://127.0.0.1:3001/api/reset/",
                "http://127.0.0.1:3001/api/reset",
            ),
            ("https://user:secret@host/reset", "https://host/reset"),
            ("http:user:secret@host", "http://host"),
            ("http://user:12/secret@host/reset", "http://user:12/…"),
            ("http://user:12/secret%40host", "http://user:12/…"),
        ] {
            assert_eq!(redacted(&Url::parse(url).unwrap()), shown);
        }
    }

    #[test]
    fn only_addresses_of_this_machine_are_loopback() {
        for (url, expected) in [
            ("http://127.0.0.1:1/", true),
            ("http://127.9.9.9/", true),
            ("http://[::1]:1/", true),
            ("http://[::ffff:127.0.0.1]/", true),
            ("http://localhost/", true),
            ("http://LOCALHOST/", true),
            ("http://app.localhost/", true),
            ("http://10.0.0.1/", false),
            ("http://[::2]/", false),
            ("http://localhost.example.org/", false),
            ("http://127.0.0.1.example.org/", false),
        ] {
            assert_eq!(is_loopback(&Url::parse(url).unwrap()), expected, "{url}");
        }
    }
}
