//! Slow, malformed and vanishing clients change nothing, and keep nobody waiting.

use reqwest::Method;
use serde_json::json;
use sqlx::Connection;

use crate::history;
use crate::server::{PASSPHRASE, RESET, Server, onboarding, send, until};
use crate::state::State;
use crate::wire::receive;

async fn assert_healthy(server: &Server) {
    let health = send(server.request(Method::GET, "/api/health")).await;
    health.is(200, json!({ "status": "ok" }));
}

#[tokio::test]
async fn half_a_request_resets_nothing_and_stands_in_nobodys_way() {
    let server = Server::quiet_demo().await;
    let before = State::of(&server).await;
    let request = server.raw_reset();
    let body = request.find('{').unwrap();
    let halves = [4, body / 2, body - 2, body, request.len() - 1].map(|end| &request[..end]);
    let connections: Vec<_> = (0..20)
        .flat_map(|_| halves.map(|half| server.send_raw(half)))
        .collect();
    assert_healthy(&server).await;
    State::of(&server).await.assert_same(&before);
    let answer = server.reset().await;
    assert_eq!(
        answer.status, 200,
        "another client's reset waits for none of them"
    );
    drop(connections);
    assert_healthy(&server).await;
}

#[tokio::test]
async fn a_body_that_is_cut_off_resets_nothing() {
    let server = Server::quiet_demo().await;
    let before = State::of(&server).await;
    let request = server.raw_reset();
    for end in request.find('{').unwrap()..request.len() {
        drop(server.send_raw(&request[..end]));
    }
    // Whatever these began would show by the time that a whole request is answered.
    let wrong = server
        .post(RESET, json!({ "confirmation": "reset tuitbot" }))
        .await;
    assert_eq!(wrong.status, 400);
    assert_healthy(&server).await;
    State::of(&server).await.assert_same(&before);
}

#[tokio::test]
async fn malformed_and_oversized_requests_reset_nothing() {
    let server = Server::quiet_demo().await;
    let before = State::of(&server).await;
    let request = server.raw_reset();
    let (head, body) = request.split_once("\r\n\r\n").unwrap();
    let length = format!("content-length: {}", body.len());
    for malformed in [
        "\r\n\r\n\r\nGARBAGE\r\n\r\n".to_owned(),
        request.replace("HTTP/1.1", "HTTP/9.9"),
        request.replace(body, &format!("\0{body}")),
        request.replace(&length, "content-length: -1"),
        request.replace(&length, &format!("{length}\r\ncontent-length: 1")),
        request.replace(&length, "transfer-encoding: chunked"),
        head.to_owned(),
    ] {
        drop(server.send_raw(&malformed));
    }
    let space = " ".repeat(2 << 20);
    for body in [format!("{space}{body}"), format!("{body}{space}"), space] {
        let request = server.bearer_request(Method::POST, RESET).body(body);
        assert!([400, 413].contains(&send(request).await.status.as_u16()));
    }
    let nested = "[".repeat(100_000);
    let request = server.bearer_request(Method::POST, RESET).body(nested);
    assert_eq!(send(request).await.status, 400);
    assert_healthy(&server).await;
    State::of(&server).await.assert_same(&before);
}

#[tokio::test]
async fn a_client_that_hangs_up_in_the_middle_gets_one_whole_reset() {
    let server = Server::quiet_demo().await;
    let preview = server
        .bearer(Method::POST, "/api/reset/preview")
        .await
        .json();
    // The reset waits for this lock, and is in its middle for as long.
    let mut connection = server.database().await;
    let lock = connection.begin_with("BEGIN IMMEDIATE").await.unwrap();
    let client = server.send_raw(&server.raw_reset());
    until(async || server.is_held_off().await).await;
    drop(client);
    assert_healthy(&server).await;
    lock.rollback().await.unwrap();

    until(async || !server.is_held_off().await).await;
    State::of(&server)
        .await
        .assert_factory(&State::fresh().await);
    let runs = history::runs(&server).await;
    assert_eq!(runs.len(), 1, "{runs:?}");
    assert_eq!(runs[0]["outcome"], "completed");
    let run = history::run(&server, &runs[0]["id"]).await;
    assert_eq!(run["report"]["cleared"], preview["cleared"]);
}

#[tokio::test]
async fn a_request_that_is_replayed_after_the_reset_is_refused() {
    let server = Server::quiet_demo().await;
    let login = server.login(PASSPHRASE).await;
    let csrf = login.json()["csrf_token"].as_str().unwrap().to_owned();
    let request = || {
        let request = server.request(Method::POST, RESET);
        let request = request.header("cookie", login.session());
        let request = request.header("x-csrf-token", &csrf);
        send(request.json(&json!({ "confirmation": "RESET TUITBOT" })))
    };
    assert_eq!(request().await.status, 200);
    assert_eq!(request().await.status, 401);
    let init = server.request(Method::POST, "/api/settings/init");
    let init = init.json(&onboarding(PASSPHRASE));
    assert_eq!(send(init).await.status, 200);
    let before = State::of(&server).await;
    assert_eq!(
        request().await.status,
        401,
        "nor with the same passphrase set again"
    );
    State::of(&server).await.assert_same(&before);
}

#[tokio::test]
async fn more_clients_than_files_that_do_not_behave_stand_in_nobodys_way() {
    const ATTACKERS: usize = 300;
    let large = "GET /api/reset/docs/swagger-ui-bundle.js HTTP/1.1\r\nhost: localhost\r\n\r\n";
    let large = large.repeat(20);
    for half in [
        "",
        "GET /api/health HTTP/1.1\r\nhost:",
        "POST /api/auth/login HTTP/1.1\r\nhost: localhost\r\ncontent-length: 100\r\n\r\n{",
        large.as_str(),
    ] {
        let server = Server::confined();
        let clients: Vec<_> = (0..ATTACKERS).map(|_| server.send_raw(half)).collect();
        assert_healthy(&server).await;
        let reset = server.reset().await;
        assert_eq!(reset.status, 200, "{}", reset.text);
        drop(clients);
    }
}

#[tokio::test]
async fn half_a_body_of_an_ordinary_request_delays_no_reset() {
    let server = Server::quiet_demo().await;
    let body = json!({ "username": "somebody" }).to_string();
    let request = format!(
        "POST /api/targets HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {}\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        server.token(),
        body.len()
    );
    let (most, rest) = request.split_at(request.len() - 3);
    let mut slow = server.send_raw(most);
    assert_eq!(server.reset().await.status, 200);
    // The reset would have waited until the deadline of the body.
    std::io::Write::write_all(&mut slow, rest.as_bytes()).unwrap();
    let answer = receive(&mut slow);
    assert!(answer.starts_with("HTTP/1.1 201"), "{answer}");
}

#[tokio::test]
async fn a_crowd_of_previews_leaves_no_file_open() {
    let server = Server::quiet_demo().await;
    let open_files = || {
        let open = std::fs::read_dir(format!("/proc/{}/fd", server.pid())).unwrap();
        let files = open.filter_map(|file| std::fs::read_link(file.unwrap().path()).ok());
        files
            .filter(|file| file.starts_with(server.directory()))
            .count()
    };
    let preview = || server.bearer(Method::POST, "/api/reset/preview");
    assert_eq!(preview().await.status, 200);
    let before = open_files();
    let answers = futures::future::join_all((0..300).map(|_| preview())).await;
    for answer in &answers {
        match answer.status.as_u16() {
            200 => {}
            503 => assert_eq!(answer.headers["retry-after"], "1"),
            status => panic!("{status}: {}", answer.text),
        }
    }
    assert!(answers.iter().any(|answer| answer.status == 200));
    // SQLite keeps those of the most connections that were open at once.
    let after = open_files();
    assert!(after <= before + 12, "{before} before, {after} after");
}
