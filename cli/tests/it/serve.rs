//! The page and the API behind a token.

use std::io::{BufRead, BufReader};
use std::process::{Child, Stdio};

use reqwest::{Client, StatusCode};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use crate::bench::Bench;
use crate::sample::{SQLITE, Sample};

/// A server that is killed with the test.
struct Server {
    child: Child,
    /// Ends with `/`.
    address: String,
    token: Option<String>,
}

impl Server {
    fn start(bench: &Bench, arguments: &[&str]) -> Self {
        let arguments = [&["serve"], arguments].concat();
        let mut command = bench.command(&arguments);
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        let stdout = child.stdout.take().unwrap();
        BufReader::new(stdout).read_line(&mut line).unwrap();
        let line = line.trim();
        let (address, token) = match line.split_once("#token=") {
            Some((address, token)) => (address, Some(token.to_owned())),
            None => (line, None),
        };
        let address = address.to_owned();
        Self {
            child,
            address,
            token,
        }
    }

    fn api(&self, path: &str) -> String {
        format!("{}api/reset/{path}", self.address)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

async fn served(bench: &Bench) -> Sample {
    let sample = Sample::sqlite(bench, &SQLITE).await;
    let url = sample.url();
    bench.done(&[
        "init",
        "--database",
        &url,
        "--data-dir",
        "data",
        "--claim-all",
    ]);
    bench.edit(|manifest| {
        manifest.replace(
            "# [service]",
            "[service]\nstop = [\"true\"]\nstart = [\"touch\", \"started\"]",
        )
    });
    sample
}

#[tokio::test]
async fn who_has_the_token_can_reset_and_nobody_else() {
    let bench = Bench::new();
    let sample = served(&bench).await;
    let mut server = Server::start(&bench, &[]);
    let token = server.token.clone().unwrap();
    assert_eq!(token.len(), 64);
    let client = Client::new();

    let page = client.get(&server.address).send().await.unwrap();
    assert_eq!(page.status(), StatusCode::OK);
    assert!(page.headers().contains_key("content-security-policy"));
    let page = page.text().await.unwrap();
    assert!(page.contains("<html") && !page.contains(&token), "{page}");

    for wrong in [None, Some("wrong"), Some(&token[1..])] {
        let mut request = client.get(server.api("options"));
        if let Some(wrong) = wrong {
            request = request.bearer_auth(wrong);
        }
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::UNAUTHORIZED, "{wrong:?}");
        assert_eq!(answer.headers()["www-authenticate"], "Bearer");
    }
    let confirmed = json!({ "confirm": true, "confirmation": "RESET DATA" });
    let denied = client
        .post(server.api("run"))
        .json(&confirmed)
        .send()
        .await
        .unwrap();
    assert_eq!(denied.status(), StatusCode::UNAUTHORIZED);
    assert_eq!(sample.number("SELECT count(*) FROM customers").await, 40);

    let busy = bench.run(&["preview"]);
    assert_eq!(busy.exit, 4, "{busy:?}");
    let api = server.api("");
    let preview = bench.done(&["--url", &api, "--token", &token, "preview"]);
    assert!(preview.stdout.contains("customers"), "{preview:?}");
    let denied = bench.run(&["--url", &api, "--token", "wrong", "preview"]);
    assert_eq!(denied.exit, 5, "{denied:?}");

    let done = client
        .post(server.api("run"))
        .json(&confirmed)
        .bearer_auth(&token);
    let done: Value = done.send().await.unwrap().json().await.unwrap();
    assert_eq!(done["success"], true, "{done}");
    assert_eq!(sample.number("SELECT count(*) FROM customers").await, 0);

    let pid = Pid::from_raw(i32::try_from(server.child.id()).unwrap()).unwrap();
    kill_process(pid, Signal::TERM).unwrap();
    assert!(server.child.wait().unwrap().success());
    assert!(bench.has("started"), "the service runs again");
}

#[tokio::test]
async fn web_pages_of_other_sites_reach_nothing() {
    let bench = Bench::new();
    let sample = served(&bench).await;
    let server = Server::start(&bench, &["--allowed-host", "reset.example"]);
    let token = server.token.clone().unwrap();
    let client = Client::new();
    let confirmed = json!({ "confirm": true, "confirmation": "RESET DATA" });
    let run = || {
        let request = client.post(server.api("run")).bearer_auth(&token);
        request.json(&confirmed)
    };
    for (name, value, status) in [
        ("host", "evil.example", StatusCode::MISDIRECTED_REQUEST),
        ("origin", "http://evil.example", StatusCode::FORBIDDEN),
        ("origin", "null", StatusCode::FORBIDDEN),
        ("sec-fetch-site", "cross-site", StatusCode::FORBIDDEN),
    ] {
        let answer = run().header(name, value).send().await.unwrap();
        assert_eq!(answer.status(), status, "{name}: {value}");
        let answer: Value = answer.json().await.unwrap();
        assert_eq!(answer["success"], false, "{answer}");
    }
    for path in [
        "",
        "page.js",
        "settings.json",
        "api/reset/options",
        "nothing",
    ] {
        let request = client.get(format!("{}{path}", server.address));
        let request = request.bearer_auth(&token).header("host", "evil.example");
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::MISDIRECTED_REQUEST, "{path}");
    }
    assert_eq!(sample.number("SELECT count(*) FROM customers").await, 40);
    let origin = server.address.trim_end_matches('/');
    for (host, origin) in [
        (origin.strip_prefix("http://").unwrap(), origin),
        ("reset.example", "https://reset.example"),
    ] {
        let preview = client.post(server.api("preview")).bearer_auth(&token);
        let preview = preview.header("host", host).header("origin", origin);
        assert_eq!(preview.send().await.unwrap().status(), StatusCode::OK);
    }
}

#[tokio::test]
async fn the_token_can_be_given() {
    let bench = Bench::new();
    let _sample = served(&bench).await;
    let token = "a token that is long enough".replace(' ', "-");
    bench.write("token", format!("{token}\n"));
    let server = Server::start(&bench, &["--token-file", "token"]);
    assert_eq!(server.token, None, "a secret that is known is not printed");
    let answer = Client::new().get(server.api("options")).bearer_auth(&token);
    assert_eq!(answer.send().await.unwrap().status(), StatusCode::OK);
    drop(server);
    bench.write("token", "short");
    let ran = bench.run(&["serve", "--token-file", "token"]);
    assert_eq!(ran.exit, 2, "{ran:?}");
    assert!(ran.error().contains("`--token-file`"), "{ran:?}");
    let ran = bench.run(&["serve", "--bind", "192.0.2.1:1"]);
    assert_eq!(ran.exit, 5, "{ran:?}");
    assert!(ran.error().contains("`--bind`"), "{ran:?}");
}
