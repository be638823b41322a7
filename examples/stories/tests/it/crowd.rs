//! A crowd that signs in.

use std::io::Write;
use std::net::TcpStream;

use reqwest::Method;
use serde_json::json;

use crate::host::Host;
use crate::server::send;

#[tokio::test]
async fn sign_ins_of_clients_that_disconnect_delay_no_reset() {
    let server = Host::new().demo().start();
    let token = server.token("admin").await;
    let body = json!({ "username": "admin", "password": "wrong" }).to_string();
    let address = server.address.strip_prefix("http://").unwrap();
    let request = format!(
        "POST /api/auth/token HTTP/1.1\r\nhost: {address}\r\ncontent-type: application/json\r\n\
         content-length: {}\r\n\r\n{body}",
        body.len()
    );
    // Hashing for each of them would take minutes.
    for _ in 0..5000 {
        let mut client = TcpStream::connect(address).unwrap();
        client.write_all(request.as_bytes()).unwrap();
    }
    // On connections of their own: idle ones make room for a crowd.
    let fresh = |method, path| {
        let client = reqwest::Client::new();
        client.request(method, server.url(path))
    };
    let health = send(fresh(Method::GET, "/api/health")).await;
    assert_eq!(health.status, 200);
    let reset = fresh(Method::POST, "/api/reset/complete");
    let reset = reset.bearer_auth(token).json(&json!({ "confirm": true }));
    let reset = send(reset).await;
    assert_eq!(reset.status, 200, "{}", reset.text);
    assert_eq!(server.count("users").await, 0);
}

#[tokio::test]
async fn further_sign_ins_are_asked_to_come_back_while_many_are_checked() {
    let server = Host::new().demo().start();
    let crowd = (0..100).map(|_| server.sign_in("admin", "wrong"));
    let answers = futures::future::join_all(crowd).await;
    let (refused, checked): (Vec<_>, Vec<_>) = answers
        .iter()
        .partition(|answer| matches!(answer.status.as_u16(), 429 | 503));
    assert!(!refused.is_empty() && !checked.is_empty());
    for answer in refused {
        assert!(
            answer.headers.contains_key("retry-after"),
            "{}",
            answer.text
        );
    }
    for answer in checked {
        assert_eq!(answer.status, 401, "{}", answer.text);
    }
}
