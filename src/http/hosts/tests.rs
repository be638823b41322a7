use std::net::SocketAddr;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Method, Request, StatusCode};
use axum::response::IntoResponse;
use axum::routing::any;
use serde_json::Value;
use tower::ServiceExt;

use super::{AllowedHosts, HostRefusal};

fn allowed(bound: &str, added: &[&str]) -> AllowedHosts {
    let bound: SocketAddr = bound.parse().unwrap();
    AllowedHosts::new(bound).and(added.iter().map(|host| host.parse().unwrap()))
}

/// The status for a request to `target` with these headers.
async fn answer(
    allowed: &AllowedHosts,
    method: Method,
    target: &str,
    headers: &[(&str, &str)],
) -> (StatusCode, String) {
    let app = Router::new().fallback(any(async || "passed"));
    let mut request = Request::builder().method(method).uri(target);
    for (name, value) in headers {
        let value = axum::http::HeaderValue::from_bytes(value.as_bytes()).unwrap();
        request = request.header(*name, value);
    }
    let request = request.body(Body::empty()).unwrap();
    let response = app.layer(allowed.clone()).oneshot(request).await.unwrap();
    let status = response.status();
    let body = to_bytes(response.into_body(), usize::MAX).await.unwrap();
    (status, String::from_utf8(body.to_vec()).unwrap())
}

async fn of_host(allowed: &AllowedHosts, host: &str) -> u16 {
    let (status, _) = answer(allowed, Method::GET, "/", &[("host", host)]).await;
    status.as_u16()
}

#[tokio::test]
async fn only_the_bound_address_and_the_local_names_are_hosts_of_a_service() {
    let allowed = allowed("127.0.0.2:3001", &[]);
    for (host, status) in [
        ("127.0.0.2:3001", 200),
        ("localhost:3001", 200),
        ("LocalHost:3001", 200),
        ("localhost.:3001", 200),
        ("127.0.0.1:3001", 200),
        ("127.0.0.1.:3001", 200),
        ("[::1]:3001", 200),
        ("[0:0:0:0:0:0:0:1]:3001", 200),
        ("[::ffff:127.0.0.1]:3001", 200),
        // An SSH tunnel has another port.
        ("localhost:8080", 200),
        ("localhost", 200),
        ("localhost:", 200),
        ("evil.example:3001", 421),
        ("evil.example", 421),
        ("localhost.evil.example:3001", 421),
        ("evil.localhost:3001", 421),
        ("127.0.0.1.evil.example:3001", 421),
        ("127.0.0.3:3001", 421),
        ("127.1:3001", 421),
        ("2130706433:3001", 421),
        ("0x7f000001:3001", 421),
        ("0.0.0.0:3001", 421),
        ("[::]:3001", 421),
        ("192.0.2.1:3001", 421),
        ("xn--lcalhost-n6a:3001", 421),
        ("", 400),
        (".", 400),
        (":3001", 400),
        ("localhost..:3001", 400),
        ("localhost:3001, evil.example", 400),
        ("localhost:3001 evil.example", 400),
        ("localhost evil.example", 400),
        ("user@localhost:3001", 400),
        ("localhost:3001@evil.example", 400),
        ("evil.example#@localhost", 400),
        ("http://localhost:3001", 400),
        ("localhost/", 400),
        ("localhost\\evil", 400),
        ("localhost%00.evil.example", 400),
        ("l\u{f6}calhost:3001", 400),
        ("localhost:+3001", 400),
        ("localhost:0", 400),
        ("localhost:65536", 400),
        ("localhost:000000003001", 400),
        ("localhost:3001:3001", 400),
        ("[::1%25eth0]:3001", 400),
        ("[::1]3001", 400),
        ("[127.0.0.1]:3001", 400),
        ("::1", 400),
        ("[::1", 400),
    ] {
        assert_eq!(of_host(&allowed, host).await, status, "{host}");
    }
    let long = "a".repeat(300);
    assert_eq!(of_host(&allowed, &long).await, 400);
}

#[tokio::test]
async fn a_service_bound_to_all_addresses_is_reached_under_any_address_and_no_other_name() {
    for bound in ["0.0.0.0:3001", "[::]:3001", "[::ffff:0.0.0.0]:3001"] {
        let allowed = allowed(bound, &[]);
        for (host, status) in [
            ("192.0.2.1:3001", 200),
            ("192.0.2.1", 200),
            ("[2001:db8::1]:8080", 200),
            ("localhost:8080", 200),
            ("evil.example:3001", 421),
            ("192.0.2.1.evil.example", 421),
            ("0x7f.0.0.1", 421),
        ] {
            assert_eq!(of_host(&allowed, host).await, status, "{bound} {host}");
        }
    }
}

#[tokio::test]
async fn an_operator_adds_names() {
    let allowed = allowed(
        "127.0.0.1:3001",
        &["Bot.Example.", "192.0.2.7", "2001:db8::7"],
    );
    for (host, status) in [
        ("bot.example", 200),
        ("BOT.example:443", 200),
        ("192.0.2.7", 200),
        ("[2001:db8::7]:80", 200),
        ("www.bot.example", 421),
        ("bot.example.evil.example", 421),
        ("192.0.2.8", 421),
    ] {
        assert_eq!(of_host(&allowed, host).await, status, "{host}");
    }
}

#[tokio::test]
async fn a_request_names_one_host() {
    let allowed = allowed("127.0.0.1:3001", &[]);
    let host = |host| ("host", host);
    for (target, headers, status) in [
        ("/", &[][..], 400),
        ("/", &[host("localhost:3001"), host("localhost:3001")], 400),
        ("/", &[host("localhost:3001"), host("evil.example")], 400),
        ("http://localhost:3001/", &[], 200),
        ("http://localhost:3001/", &[host("localhost:3001")], 200),
        ("http://evil.example/", &[host("localhost:3001")], 421),
        ("http://localhost:3001/", &[host("evil.example")], 421),
        (
            "http://user@localhost:3001/",
            &[host("localhost:3001")],
            400,
        ),
        (
            "/",
            &[host("evil.example"), ("x-forwarded-host", "localhost:3001")],
            421,
        ),
        (
            "/",
            &[host("evil.example"), ("forwarded", "host=localhost:3001")],
            421,
        ),
        ("//localhost:3001/", &[host("evil.example")], 421),
    ] {
        let (answered, _) = answer(&allowed, Method::GET, target, headers).await;
        assert_eq!(answered.as_u16(), status, "{target} {headers:?}");
    }
}

#[tokio::test]
async fn a_page_of_another_origin_changes_nothing() {
    let allowed = allowed("127.0.0.1:3001", &["bot.example", "other.example:8443"]);
    for (host, origin, status) in [
        ("127.0.0.1:3001", "http://127.0.0.1:3001", 200),
        ("localhost:3001", "http://localhost:3001", 200),
        ("localhost:3001", "HTTP://LOCALHOST:3001", 200),
        ("127.0.0.1:3001", "http://localhost:3001", 200),
        // Through a tunnel.
        ("localhost:8080", "http://localhost:8080", 200),
        // Behind proxies, one of which replaces the host.
        ("bot.example", "https://bot.example", 200),
        ("bot.example", "http://bot.example", 200),
        ("127.0.0.1:3001", "https://bot.example", 200),
        ("127.0.0.1:3001", "http://bot.example:3001", 200),
        ("127.0.0.1:3001", "https://other.example:8443", 200),
        ("127.0.0.1:3001", "https://other.example", 403),
        ("127.0.0.1:3001", "https://bot.example:8443", 403),
        ("127.0.0.1:3001", "http://evil.example", 403),
        ("127.0.0.1:3001", "http://evil.example:3001", 403),
        ("127.0.0.1:3001", "http://127.0.0.1:8080", 403),
        ("127.0.0.1:3001", "http://127.0.0.1", 403),
        ("127.0.0.1:3001", "http://localhost:8080", 403),
        ("localhost", "http://localhost:3002", 403),
        ("127.0.0.1:3001", "http://127.0.0.1:3001.evil.example", 403),
        ("127.0.0.1:3001", "http://127.0.0.1:3001@evil.example", 403),
        ("127.0.0.1:3001", "http://evil.example#127.0.0.1:3001", 403),
        ("127.0.0.1:3001", "http://127.0.0.1:3001/", 403),
        ("127.0.0.1:3001", "127.0.0.1:3001", 403),
        ("127.0.0.1:3001", "ftp://127.0.0.1:3001", 403),
        ("127.0.0.1:3001", "file://", 403),
        ("127.0.0.1:3001", "chrome-extension://127.0.0.1:3001", 403),
        ("127.0.0.1:3001", "null", 403),
        ("127.0.0.1:3001", "", 403),
    ] {
        for method in [Method::POST, Method::DELETE, Method::PUT, Method::GET] {
            let headers = [("host", host), ("origin", origin)];
            let (answered, _) = answer(&allowed, method.clone(), "/", &headers).await;
            assert_eq!(answered.as_u16(), status, "{method} {host} {origin}");
            // What the page says of itself changes nothing.
            let headers = [&headers[..], &[("sec-fetch-site", "same-origin")]].concat();
            let (answered, _) = answer(&allowed, method, "/", &headers).await;
            assert_eq!(answered.as_u16(), status, "{host} {origin}");
        }
    }
    let own = ("origin", "http://127.0.0.1:3001");
    let two = [("host", "127.0.0.1:3001"), own, ("origin", "null")];
    let (answered, _) = answer(&allowed, Method::POST, "/", &two).await;
    assert_eq!(answered, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn a_page_at_any_address_is_no_page_of_a_service_bound_to_all_addresses() {
    let allowed = allowed("0.0.0.0:3001", &[]);
    for (origin, status) in [
        ("http://192.0.2.1:3001", 200),
        ("http://192.0.2.66:3001", 403),
        ("http://0.0.0.0:3001", 200),
        ("http://evil.example:3001", 403),
    ] {
        let headers = [("host", "192.0.2.1:3001"), ("origin", origin)];
        let (answered, _) = answer(&allowed, Method::POST, "/", &headers).await;
        assert_eq!(answered.as_u16(), status, "{origin}");
    }
}

#[tokio::test]
async fn without_an_origin_the_site_of_the_page_decides_what_it_may_change() {
    let allowed = allowed("127.0.0.1:3001", &[]);
    for (site, method, status) in [
        (None, Method::POST, 200),
        (Some("same-origin"), Method::POST, 200),
        (Some("none"), Method::POST, 200),
        (Some("same-site"), Method::POST, 403),
        (Some("cross-site"), Method::POST, 403),
        (Some("cross-site"), Method::DELETE, 403),
        (Some("unheard-of"), Method::POST, 403),
        // A link.
        (Some("cross-site"), Method::GET, 200),
        (Some("cross-site"), Method::HEAD, 200),
        (Some("cross-site"), Method::OPTIONS, 200),
    ] {
        let mut headers = vec![("host", "127.0.0.1:3001")];
        headers.extend(site.map(|site| ("sec-fetch-site", site)));
        let (answered, _) = answer(&allowed, method.clone(), "/", &headers).await;
        assert_eq!(answered.as_u16(), status, "{method} {site:?}");
    }
}

#[tokio::test]
async fn a_refusal_names_the_remedy_in_the_form_of_the_host() {
    let usual = allowed("127.0.0.1:3001", &[]);
    let headers = [("host", "Bot.Example:3001")];
    let (status, body) = answer(&usual, Method::GET, "/", &headers).await;
    assert_eq!(status, StatusCode::MISDIRECTED_REQUEST);
    let body: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(body["success"], false);
    let error = body["error"].as_str().unwrap();
    assert!(error.contains("`--allowed-host bot.example`"), "{error}");

    let own = usual.answer(|refusal| (refusal.status(), refusal.to_string()).into_response());
    let (_, body) = answer(&own, Method::GET, "/", &headers).await;
    assert_eq!(
        body,
        HostRefusal::NotAllowed("bot.example".to_owned()).to_string()
    );
    let headers = [
        ("host", "127.0.0.1:3001"),
        ("origin", "https://bot.example:8443"),
    ];
    let (status, body) = answer(&own, Method::POST, "/", &headers).await;
    assert_eq!(status, StatusCode::FORBIDDEN);
    assert!(body.contains("`--allowed-host bot.example:8443`"), "{body}");
}
