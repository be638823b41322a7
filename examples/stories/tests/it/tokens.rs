//! Who gets a token, and which tokens are let in.

use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use reqwest::Method;
use serde_json::{Value, json};

use crate::host::Host;
use crate::server::{Server, send};

const ME: &str = "/api/users/me";

/// What a token says, unverified.
fn claims(token: &str) -> Value {
    let parts: Vec<&str> = token.split('.').collect();
    assert_eq!(parts.len(), 3);
    jsonwebtoken::dangerous::insecure_decode_claims::<Value>(token).unwrap()
}

/// These claims, signed by whoever knows the server's secret.
fn signed(server: &Server, algorithm: Algorithm, claims: &Value) -> String {
    let secret = std::fs::read(server.path("jwt_secret")).unwrap();
    encode(
        &Header::new(algorithm),
        claims,
        &EncodingKey::from_secret(&secret),
    )
    .unwrap()
}

#[tokio::test]
async fn a_password_gets_a_token_for_15_minutes() {
    let server = Host::new().demo().start();
    let sessions = server.count("sessions").await;
    let answer = server.sign_in("test", "test-demo").await.json();
    let token = answer["token"].as_str().unwrap();
    let claims = claims(token);
    let lifetime = claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap();
    assert_eq!(lifetime, 15 * 60);
    let expires_at: jiff::Timestamp = answer["expires_at"].as_str().unwrap().parse().unwrap();
    assert_eq!(expires_at.as_second(), claims["exp"].as_i64().unwrap());
    assert_eq!(server.count("sessions").await, sessions + 1);

    let me = server.get(ME, token).await.json();
    assert_eq!(me["username"], "test");
    assert_eq!(me["role"], "writer");
    assert_eq!(me["id"].to_string(), claims["sub"].as_str().unwrap());
}

#[tokio::test]
async fn a_wrong_password_and_an_unknown_name_are_told_alike() {
    let server = Host::new().demo().start();
    for (username, password) in [
        ("admin", "wrong"),
        ("admin", ""),
        ("nobody", "admin-demo"),
        ("", ""),
        ("a\0b", "admin-demo"),
        ("' OR 1=1 --", "admin-demo"),
    ] {
        let answer = server.sign_in(username, password).await;
        answer.refuses(401, "wrong username or password");
    }
}

#[tokio::test]
async fn a_password_cannot_be_guessed_for_long_and_right_ones_do_not_count() {
    let server = Host::new().demo().start();
    for _ in 0..12 {
        assert_eq!(server.sign_in("writer", "writer-demo").await.status, 200);
    }
    for _ in 0..10 {
        assert_eq!(server.sign_in("admin", "wrong").await.status, 401);
    }
    let answer = server.sign_in("admin", "wrong").await;
    answer.refuses(429, "too many sign-in attempts");
    let wait: u64 = answer.headers["retry-after"]
        .to_str()
        .unwrap()
        .parse()
        .unwrap();
    assert!((1..=60).contains(&wait), "{wait}");
    // Not even with the right password: it would tell that it is the right one.
    let answer = server.sign_in("admin", "admin-demo").await;
    assert_eq!(answer.status, 429);
}

#[tokio::test]
async fn everything_but_health_and_auth_needs_a_token() {
    let server = Host::new().demo().start();
    let health = send(server.request(Method::GET, "/api/health")).await;
    health.is(200, json!({ "status": "ok" }));
    for (method, path) in [
        (Method::GET, ME),
        (Method::GET, "/api/stories"),
        (Method::POST, "/api/stories"),
        (Method::GET, "/api/stories/1"),
        (Method::POST, "/api/stories/1/chapters"),
        (Method::POST, "/api/stories/1/comments"),
        (Method::POST, "/api/stories/1/publish"),
        (Method::POST, "/api/reports"),
        (Method::GET, "/api/reset/options"),
        (Method::POST, "/api/reset/preview"),
        (Method::GET, "/api/reset/history"),
    ] {
        let request = || server.request(method.clone(), path);
        send(request()).await.refuses(401, "unauthorized");
        for header in [
            "",
            "Bearer",
            "Bearer ",
            "Bearer x",
            "Bearer a.b.c",
            "Basic YWRtaW46YWRtaW4tZGVtbw==",
        ] {
            let answer = send(request().header("authorization", header)).await;
            answer.refuses(401, "unauthorized");
        }
    }
}

#[tokio::test]
async fn a_token_that_was_not_issued_here_is_not_let_in() {
    let server = Host::new().demo().start();
    let token = server.token("admin").await;
    let ours = claims(&token);
    let with = |name: &str, value: Value| {
        let mut claims = ours.clone();
        claims[name] = value;
        signed(&server, Algorithm::HS256, &claims)
    };
    let without = |name: &str| {
        let mut claims = ours.clone();
        claims.as_object_mut().unwrap().remove(name);
        signed(&server, Algorithm::HS256, &claims)
    };
    let now = jiff::Timestamp::now().as_second();
    assert_eq!(server.get(ME, &with("iat", json!(1))).await.status, 200);

    let (signed_part, signature) = token.rsplit_once('.').unwrap();
    let payload = signed_part.split_once('.').unwrap().1;
    let foreign_key = EncodingKey::from_secret(&[b'x'; 64]);
    for forged in [
        // {"alg":"none"}, in two spellings
        format!("eyJhbGciOiJub25lIn0.{payload}."),
        format!("eyJ0eXAiOiJKV1QiLCJhbGciOiJOb25lIn0.{payload}.{signature}"),
        format!("{signed_part}."),
        format!("{signed_part}.{}", signature.to_uppercase()),
        encode(&Header::default(), &ours, &foreign_key).unwrap(),
        signed(&server, Algorithm::HS512, &ours),
        with("exp", json!(now - 1)),
        with("exp", json!("never")),
        with("sub", json!("4711")),
        with("sub", json!("")),
        with("sub", json!(1)),
        with("key", json!("x")),
        with("epoch", json!("x")),
        without("exp"),
        without("sub"),
        without("key"),
        without("epoch"),
    ] {
        for path in [ME, "/api/reset/options"] {
            let answer = server.get(path, &forged).await;
            answer.refuses(401, "unauthorized");
        }
    }
}

#[tokio::test]
async fn a_token_dies_with_its_user_even_if_somebody_else_gets_his_id() {
    let server = Host::new().start();
    let answer = server.set_up(&server.setup_token()).await.json();
    let token = answer["token"].as_str().unwrap();
    assert_eq!(server.get(ME, token).await.status, 200);

    server
        .execute("DELETE FROM sessions; DELETE FROM audit_log; DELETE FROM users")
        .await;
    server.get(ME, token).await.refuses(401, "unauthorized");

    server
        .execute(
            "INSERT INTO users (id, username, password_hash, token_key, role)
             VALUES (1, 'first', '', 'another', 'administrator')",
        )
        .await;
    server.get(ME, token).await.refuses(401, "unauthorized");
}

#[tokio::test]
async fn what_administrators_may_do_is_forbidden_to_writers() {
    let server = Host::new().demo().start();
    let (admin, writer) = (server.token("admin").await, server.token("writer").await);
    let forbidden = "only administrators may do this";
    let options = server.get("/api/reset/options", &writer).await;
    options.refuses(403, forbidden);
    let body = json!({ "name": "mine" });
    let report = server.post("/api/reports", &writer, body.clone()).await;
    report.refuses(403, forbidden);
    assert!(!server.path("reports/mine.json").exists());

    assert_eq!(server.get("/api/reset/options", &admin).await.status, 200);
    assert_eq!(server.post("/api/reports", &admin, body).await.status, 201);
}

#[tokio::test]
async fn who_only_reads_writes_nothing() {
    let server = Host::new().demo().start();
    let token = server.token("admin").await;
    let digest = async || {
        let options = server.get("/api/reset/options", &token).await;
        options.headers["etag"].clone()
    };
    let before = digest().await;
    for path in [ME, "/api/stories", "/api/stories/1", "/api/health"] {
        assert_eq!(server.get(path, &token).await.status, 200);
    }
    assert_eq!(server.get(ME, "wrong").await.status, 401);
    assert_eq!(digest().await, before);
}
