//! Requests that take long, and are done once however often the connection is lost.

use std::time::Duration;

use reqwest::{Method, RequestBuilder, StatusCode};
use serde_json::Value;
use tokio::time::sleep;

use super::answer::{Answer, key};
use super::client::{Client, READ_TIMEOUT, exchange, reason};
use super::console::Console;
use super::exit::Exit;
use super::failure::Failure;
use super::interruption::Interruption;

const KEY: &str = "idempotency-key";
const REPLAYED: &str = "idempotency-replayed";

/// How long to wait before a server is asked again.
const PAUSE: Duration = Duration::from_secs(1);

/// Sends `body` to `path`, bound to `digest`, and waits for the answer for as long as it takes.
pub(super) async fn once(
    client: &Client,
    path: &str,
    body: &Value,
    digest: Option<&str>,
    console: &Console,
    interruption: &Interruption,
) -> Result<Answer, Failure> {
    let key = key();
    let request = || {
        let request = client.request(Method::POST, path);
        let request = request.header(KEY, &key).json(body);
        match digest {
            Some(digest) => request.header("if-match", format!("\"{digest}\"")),
            None => request,
        }
    };
    tokio::select! {
        answer = answered(client, request, &key, console) => answer,
        () = interruption.come() => Err(Failure::new(
            Exit::Undecided,
            format!(
                "not waiting any longer: the server goes on by itself: see what comes of it with \
                 `--url {} history`",
                client.base()
            ),
        )),
    }
}

async fn answered(
    client: &Client,
    request: impl Fn() -> RequestBuilder,
    key: &str,
    console: &Console,
) -> Result<Answer, Failure> {
    let mut sent = exchange(request()).await;
    if let Err(error) = &sent
        && error.is_connect()
    {
        return Err(client.unreachable(error));
    }
    loop {
        match sent {
            Ok((status, text)) => return client.judge(status, text).await,
            Err(error) => console.note(format_args!(
                "lost the connection: {}: asking for the answer",
                reason(&error)
            )),
        }
        sent = match recalled(client, key).await {
            Recalled::Answer(status, text) => return client.judge(status, text).await,
            // Nothing has begun: the key and the digest make sure that it is done once, and as
            // it was shown.
            Recalled::Unknown => exchange(request()).await,
        };
    }
}

enum Recalled {
    Answer(StatusCode, String),
    Unknown,
}

/// Asks for the answer to the request with `key` until there is one.
async fn recalled(client: &Client, key: &str) -> Recalled {
    loop {
        sleep(PAUSE).await;
        let request = client.request(Method::GET, "/answer").header(KEY, key);
        let Ok(response) = request.timeout(READ_TIMEOUT).send().await else {
            continue;
        };
        let (status, is_replayed) = (response.status(), response.headers().contains_key(REPLAYED));
        let Ok(text) = response.text().await else {
            continue;
        };
        if is_replayed {
            return Recalled::Answer(status, text);
        }
        let is_ours =
            serde_json::from_str::<Value>(&text).is_ok_and(|body| body["success"] == false);
        if status == StatusCode::NOT_FOUND && is_ours {
            return Recalled::Unknown;
        }
    }
}
