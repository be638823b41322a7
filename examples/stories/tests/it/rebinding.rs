//! Web pages of other sites reach nothing: neither under a name that resolves to this machine
//! (DNS rebinding), nor with requests across origins.

use reqwest::Method;
use serde_json::{Value, json};

use crate::host::Host;
use crate::server::{Answer, Server, send};

/// A request with this `Host` header instead of the right one.
async fn under(server: &Server, host: &str, token: &str, call: &Call) -> Answer {
    send(call.request(server, token).header("host", host)).await
}

/// A call with a body that it would take.
struct Call(Method, &'static str, Value);

impl Call {
    fn request(&self, server: &Server, token: &str) -> reqwest::RequestBuilder {
        let Self(method, path, body) = self;
        let request = server.request(method.clone(), path).bearer_auth(token);
        if body.is_null() {
            request
        } else {
            request.json(body)
        }
    }
}

fn calls(server: &Server) -> Vec<Call> {
    let setup = json!({
        "setup_token": std::fs::read_to_string(server.path("setup_token")).unwrap_or_default(),
        "username": "evil",
        "password": "long enough",
    });
    let sign_in = json!({ "username": "admin", "password": "admin-demo" });
    let confirmed = json!({ "confirm": true });
    vec![
        Call(Method::GET, "/", Value::Null),
        Call(Method::GET, "/onboarding", Value::Null),
        Call(Method::GET, "/settings/reset", Value::Null),
        Call(Method::GET, "/settings/reset/page.js", Value::Null),
        Call(Method::GET, "/api/health", Value::Null),
        Call(Method::GET, "/api/stories", Value::Null),
        Call(Method::GET, "/api/reset/options", Value::Null),
        Call(Method::GET, "/api/reset/openapi.json", Value::Null),
        Call(Method::GET, "/nothing", Value::Null),
        Call(Method::POST, "/api/auth/token", sign_in),
        Call(Method::POST, "/api/auth/setup", setup),
        Call(Method::POST, "/api/stories", json!({ "title": "evil" })),
        Call(Method::POST, "/api/reset/complete", confirmed.clone()),
        Call(Method::POST, "/api/reset/run", confirmed),
        Call(Method::POST, "/api/reset/backup", json!({ "name": "evil" })),
        Call(Method::DELETE, "/api/reset/backups/kept", Value::Null),
    ]
}

async fn backups(server: &Server, token: &str) -> Vec<Value> {
    let listed = server.get("/api/reset/backups", token).await.json();
    let backups = listed["backups"].as_array().unwrap().iter();
    backups.map(|backup| backup["name"].clone()).collect()
}

#[tokio::test]
async fn neither_another_host_nor_a_page_of_another_origin_reaches_any_route() {
    let server = Host::new().demo().start();
    let token = server.token("admin").await;
    let kept = json!({ "name": "kept" });
    assert_eq!(
        server.post("/api/reset/backup", &token, kept).await.status,
        200
    );
    let counts = async || (server.count("users").await, server.count("stories").await);
    let before = counts().await;
    let own = server.address.strip_prefix("http://").unwrap();
    let port = own.rsplit(':').next().unwrap();
    for host in [
        &*format!("evil.example:{port}"),
        "evil.example",
        &*format!("192.0.2.1:{port}"),
    ] {
        for call in calls(&server) {
            let answer = under(&server, host, &token, &call).await;
            assert_eq!(answer.status, 421, "{} {}", call.0, call.1);
            let name = host.split(':').next().unwrap();
            let answer = answer.json();
            assert_eq!(answer["success"], false);
            let error = answer["error"].as_str().unwrap();
            assert!(
                error.contains(&format!("`--allowed-host {name}`")),
                "{error}"
            );
        }
    }
    for (name, value) in [
        ("origin", "http://evil.example"),
        ("origin", &*format!("http://evil.example:{port}")),
        ("origin", "null"),
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-site", "same-site"),
    ] {
        for call in calls(&server) {
            if call.0 == Method::GET {
                continue;
            }
            let request = call.request(&server, &token).header(name, value);
            let answer = send(request).await;
            assert_eq!(answer.status, 403, "{} {} {value}", call.0, call.1);
            assert_eq!(answer.json()["success"], false);
        }
    }
    assert_eq!(counts().await, before);
    assert_eq!(backups(&server, &token).await, [json!("kept")]);
    let call = Call(Method::DELETE, "/api/reset/backups/kept", Value::Null);
    let request = call
        .request(&server, &token)
        .header("origin", &server.address);
    assert_eq!(send(request).await.status, 200);
}

#[tokio::test]
async fn a_page_cannot_set_up_a_fresh_service() {
    let server = Host::new().start();
    let body = json!({
        "setup_token": server.setup_token(),
        "username": "evil",
        "password": "long enough",
    });
    let request = || server.request(Method::POST, "/api/auth/setup").json(&body);
    let rebound = send(request().header("host", "evil.example")).await;
    assert_eq!(rebound.status, 421);
    let cross_origin = send(request().header("origin", "http://evil.example")).await;
    assert_eq!(cross_origin.status, 403);
    assert_eq!(server.count("users").await, 0);
    let own = send(request().header("origin", &server.address)).await;
    assert_eq!(own.status, 201, "{}", own.text);
    assert_eq!(own.headers["cache-control"], "no-store");
}

#[tokio::test]
async fn answers_with_tokens_and_settings_are_kept_by_no_cache() {
    let server = Host::new().demo().start();
    let token = server.token("admin").await;
    let mut answers = vec![
        server.sign_in("admin", "admin-demo").await,
        server.sign_in("admin", "wrong").await,
    ];
    for path in [
        "/api/users/me",
        "/api/stories",
        "/api/nothing",
        "/api/reset/options",
    ] {
        answers.push(server.get(path, &token).await);
        answers.push(server.get(path, "wrong").await);
    }
    for answer in answers {
        assert_eq!(
            answer.headers["cache-control"], "no-store",
            "{}",
            answer.text
        );
        assert_eq!(answer.headers["x-content-type-options"], "nosniff");
    }
}
