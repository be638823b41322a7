//! Web pages of other sites reach nothing: neither under a name that resolves to this machine
//! (DNS rebinding), nor with requests across origins.

use reqwest::Method;
use serde_json::{Value, json};

use crate::server::{RESET, Server, onboarding, send};
use crate::state::State;

impl Server {
    /// What a request with these headers is answered: the whole head and body.
    fn raw_request(&self, method: &str, path: &str, headers: &[&str], body: &str) -> String {
        let (headers, length) = (headers.join("\r\n"), body.len());
        self.raw(&format!(
            "{method} {path} HTTP/1.1\r\n{headers}\r\ncontent-type: application/json\r\n\
             content-length: {length}\r\n\r\n{body}"
        ))
    }

    /// `Host: name:port`, with the port of the service.
    fn named(&self, name: &str) -> String {
        let port = self.host().rsplit(':').next().unwrap();
        format!("host: {name}:{port}")
    }
}

/// Asserts that `answer` has this status, and an error that says so.
#[track_caller]
fn assert_refused(answer: &str, status: u16, says: &str) {
    let start = format!("HTTP/1.1 {status} ");
    assert!(answer.starts_with(&start), "{answer}");
    let body: Value = serde_json::from_str(answer.split("\r\n\r\n").nth(1).unwrap()).unwrap();
    let fields = body.as_object().unwrap();
    assert_eq!(fields.len(), 1, "{answer}");
    assert!(fields["error"].as_str().unwrap().contains(says), "{answer}");
}

/// Every kind of route, with a body that it would take.
fn routes() -> Vec<(&'static str, &'static str, String)> {
    let none = String::new;
    let confirmed = || json!({ "confirm": true }).to_string();
    vec![
        ("GET", "/", none()),
        ("GET", "/onboarding", none()),
        ("GET", "/onboarding/fields.js", none()),
        ("GET", "/settings/reset", none()),
        ("GET", "/settings/reset/settings.json", none()),
        ("GET", "/settings/reset/page.js", none()),
        ("GET", "/nothing", none()),
        ("HEAD", "/", none()),
        ("OPTIONS", "/api/settings/init", none()),
        ("GET", "/api/health", none()),
        ("GET", "/api/settings/status", none()),
        ("GET", "/api/settings", none()),
        ("GET", "/api/auth/status", none()),
        ("GET", "/api/targets", none()),
        (
            "POST",
            "/api/settings/init",
            onboarding("a passphrase").to_string(),
        ),
        (
            "POST",
            "/api/auth/login",
            json!({ "passphrase": "tuitbot-demo" }).to_string(),
        ),
        ("POST", "/api/runtime/start", none()),
        (
            "POST",
            "/api/targets",
            json!({ "username": "evil" }).to_string(),
        ),
        (
            "POST",
            RESET,
            json!({ "confirmation": "RESET TUITBOT" }).to_string(),
        ),
        ("GET", "/api/reset/options", none()),
        ("GET", "/api/reset/events", none()),
        ("GET", "/api/reset/backups", none()),
        ("GET", "/api/reset/answer", none()),
        ("GET", "/api/reset/openapi.json", none()),
        ("GET", "/api/reset/docs/", none()),
        ("POST", "/api/reset/preview", none()),
        ("POST", "/api/reset/run", confirmed()),
        ("POST", "/api/reset/complete", confirmed()),
        (
            "POST",
            "/api/reset/backup",
            json!({ "name": "evil" }).to_string(),
        ),
        (
            "POST",
            "/api/reset/restore",
            json!({ "name": "kept", "confirm": true }).to_string(),
        ),
        ("DELETE", "/api/reset/backups/kept", none()),
    ]
}

/// A demo that is stopped and has the backup `kept`.
async fn with_backup() -> Server {
    let server = Server::quiet_demo().await;
    let made = server.post("/api/reset/backup", json!({ "name": "kept" }));
    assert_eq!(made.await.status, 200);
    server
}

#[tokio::test]
async fn no_route_answers_under_a_name_that_is_not_the_services() {
    let server = with_backup().await;
    let before = State::of(&server).await;
    let authorization = format!("authorization: Bearer {}", server.token());
    for name in [
        "evil.example",
        "127.0.0.1.evil.example",
        "localhost.evil.example",
        "192.0.2.1",
    ] {
        for (method, path, body) in routes() {
            if method == "HEAD" {
                continue;
            }
            let headers = [&*server.named(name), &authorization];
            let answer = server.raw_request(method, path, &headers, &body);
            assert_refused(&answer, 421, &format!("`--allowed-host {name}`"));
        }
    }
    State::of(&server).await.assert_same(&before);
}

#[tokio::test]
async fn a_request_names_its_host_once_and_well_formed() {
    let server = with_backup().await;
    let before = State::of(&server).await;
    let (authorization, own) = (
        format!("authorization: Bearer {}", server.token()),
        format!("host: {}", server.host()),
    );
    let (path, evil) = ("/api/reset/backups/kept", server.named("evil.example"));
    let listed = format!("{own}, evil.example");
    let as_user = own.replace("host: ", "host: evil.example@");
    for (headers, status) in [
        (&[][..], 400),
        (&["host:"], 400),
        (&[&*own, &*own], 400),
        (&[&*own, &*evil], 400),
        (&[&*evil, &*own], 400),
        (&[&*listed], 400),
        (&[&*as_user], 400),
        (&[&*evil, "x-forwarded-host: localhost"], 421),
    ] {
        let headers = [headers, &[&*authorization]].concat();
        let answer = server.raw_request("DELETE", path, &headers, "");
        assert_refused(&answer, status, "");
    }
    // The target of a request to a proxy.
    let target = format!("http://evil.example{path}");
    let answer = server.raw_request("DELETE", &target, &[&own, &authorization], "");
    assert_refused(&answer, 421, "evil.example");
    State::of(&server).await.assert_same(&before);

    for name in ["localhost", "LOCALHOST", "localhost.", "127.0.0.1", "[::1]"] {
        let answer = server.raw_request("GET", "/api/health", &[&server.named(name)], "");
        assert!(answer.starts_with("HTTP/1.1 200 "), "{name}: {answer}");
    }
}

#[tokio::test]
async fn a_page_of_another_origin_changes_nothing() {
    let server = with_backup().await;
    let before = State::of(&server).await;
    let (own, authorization) = (
        format!("host: {}", server.host()),
        format!("authorization: Bearer {}", server.token()),
    );
    let mut headers = vec![
        "origin: http://evil.example".to_owned(),
        "origin: http://127.0.0.1".to_owned(),
        "origin: http://127.0.0.1:1".to_owned(),
        "origin: null".to_owned(),
        server
            .named("evil.example")
            .replace("host: ", "origin: http://"),
        "sec-fetch-site: cross-site".to_owned(),
        "sec-fetch-site: same-site".to_owned(),
    ];
    headers.push(format!("origin: http://{}.evil.example", server.host()));
    for header in &headers {
        for (method, path, body) in routes() {
            if matches!(method, "GET" | "HEAD" | "OPTIONS") {
                continue;
            }
            let answer = server.raw_request(method, path, &[&own, header, &authorization], &body);
            assert_refused(&answer, 403, "page");
        }
    }
    State::of(&server).await.assert_same(&before);
    // A link leads to the page.
    let link = [&*own, "sec-fetch-site: cross-site"];
    let answer = server.raw_request("GET", "/settings/reset/settings.json", &link, "");
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    let request = server.bearer_request(Method::DELETE, "/api/reset/backups/kept");
    let removed = send(request.header("origin", &server.address)).await;
    assert_eq!(removed.status, 200, "{}", removed.text);
}

#[tokio::test]
async fn a_page_cannot_claim_a_fresh_bot() {
    let server = Server::fresh();
    let (path, body) = (
        "/api/settings/init",
        onboarding("evil passphrase").to_string(),
    );
    let own = format!("host: {}", server.host());
    let answer = server.raw_request("POST", path, &[&server.named("evil.example")], &body);
    assert_refused(&answer, 421, "evil.example");
    let origin = "origin: http://evil.example";
    let answer = server.raw_request("POST", path, &[&own, origin], &body);
    assert_refused(&answer, 403, "evil.example");
    let status = server.status().await;
    assert_eq!(
        (&status["configured"], &status["claimed"]),
        (&json!(false), &json!(false))
    );
    let answer = server.raw_request("POST", path, &[&own], &body);
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
}

#[tokio::test]
async fn an_operator_allows_the_name_of_a_proxy() {
    let allowed = [
        "--allowed-host",
        "bot.example",
        "--allowed-host",
        "192.0.2.7:8443",
    ];
    let server = Server::start(&[&["--demo"], &allowed[..]].concat());
    let own = format!("host: {}", server.host());
    let preview = |headers: &[&str]| {
        let authorization = format!("authorization: Bearer {}", server.token());
        let headers = [headers, &[&*authorization]].concat();
        server.raw_request("POST", "/api/runtime/stop", &headers, "")
    };
    for headers in [
        &["host: bot.example", "origin: https://bot.example"][..],
        &[&*own, "origin: https://192.0.2.7:8443"],
    ] {
        let answer = preview(headers);
        assert!(
            answer.starts_with("HTTP/1.1 200 ") || answer.starts_with("HTTP/1.1 409 "),
            "{answer}"
        );
    }
    let other_port = preview(&[&own, "origin: https://192.0.2.7"]);
    assert_refused(&other_port, 403, "`--allowed-host 192.0.2.7`");
    assert_refused(&preview(&["host: www.bot.example"]), 421, "www.bot.example");

    let mut command = Server::command(server.directory(), &[]);
    let wrong = command.env("TUITBOT_ALLOWED_HOSTS", "bot.example,https://bot.example/");
    let output = wrong.output().unwrap();
    assert!(!output.status.success());
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(
        error.contains("`https://bot.example/` is not a host"),
        "{error}"
    );
}

#[tokio::test]
async fn no_answer_is_kept_by_a_cache_and_none_is_shown_in_a_frame() {
    let server = Server::demo();
    let login = server.login("tuitbot-demo").await;
    let cookie = login.session();
    let with_cookie = |path| send(server.request(Method::GET, path).header("cookie", &cookie));
    let mut answers = vec![login, server.login("wrong").await];
    for path in [
        "/api/auth/status",
        "/api/settings",
        "/api/settings/status",
        "/api/targets",
        "/api/health",
        "/api/nothing",
        "/api/reset/options",
        "/api/reset/history",
        "/api/reset/backups",
        "/api/reset/openapi.json",
    ] {
        answers.push(with_cookie(path).await);
        answers.push(send(server.request(Method::GET, path)).await);
    }
    answers.push(server.reset().await);
    let init = server.request(Method::POST, "/api/settings/init");
    answers.push(send(init.json(&onboarding("a passphrase"))).await);
    for answer in answers {
        assert_eq!(
            answer.headers["cache-control"], "no-store",
            "{}",
            answer.text
        );
        assert_eq!(answer.headers["x-content-type-options"], "nosniff");
        assert_eq!(answer.headers["referrer-policy"], "no-referrer");
    }
    for path in ["/onboarding", "/settings/reset", "/api/reset/docs/"] {
        let page = send(server.request(Method::GET, path)).await;
        let policy = page.headers["content-security-policy"].to_str().unwrap();
        assert!(
            policy.contains("frame-ancestors 'none'"),
            "{path}: {policy}"
        );
        assert_eq!(page.headers["referrer-policy"], "no-referrer");
    }
}
