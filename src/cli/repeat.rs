//! Requests that take long, and are done once however often the connection is lost.

use std::time::Duration;

use reqwest::{Method, RequestBuilder, StatusCode};
use serde_json::Value;
use tokio::time::{sleep, timeout};

use super::answer::{Answer, key};
use super::client::Client;
use super::console::Console;
use super::exchange::{ExchangeError, exchange, read};
use super::exit::Exit;
use super::failure::Failure;
use super::interruption::Interruption;

const KEY: &str = "idempotency-key";
const REPLAYED: &str = "idempotency-replayed";

/// How long a run may take in all before the command stops waiting.
const LONGEST: Duration = Duration::from_secs(12 * 60 * 60);

/// How often a request is sent: again only after the server has said that it does not know it.
const SENDINGS: u32 = 5;

/// How often in a row a server may fail to say anything about the request.
const FAILURES: u32 = 60;

/// How long the server may take to say what it knows of the request.
const RECALL_TIMEOUT: Duration = Duration::from_secs(30);

/// How long to wait before a server is asked again: at first, and at most.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LAST_PAUSE: Duration = Duration::from_secs(10);

/// Sends `body` to `path`, bound to `digest`, and waits for the answer. Only a server that is
/// still at work is waited for long.
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
    let answer = timeout(LONGEST, answered(client, request, &key, console));
    tokio::select! {
        answer = answer => answer.unwrap_or_else(|_| {
            Err(unanswered(client, "the server has not answered for 12 hours"))
        }),
        () = interruption.come() => {
            Err(unanswered(client, "not waiting any longer: the server goes on by itself"))
        }
    }
}

/// That only the server knows the outcome.
fn unanswered(client: &Client, why: &str) -> Failure {
    let text = format!(
        "{why}: see what comes of it with `--url {} history`",
        client.shown()
    );
    Failure::new(Exit::Undecided, text)
}

async fn answered(
    client: &Client,
    request: impl Fn() -> RequestBuilder,
    key: &str,
    console: &Console,
) -> Result<Answer, Failure> {
    for sending in 0..SENDINGS {
        let error = match exchange(request()).await {
            Ok((status, text)) => return client.judge(status, text).await,
            Err(error) => error,
        };
        if sending == 0 && (error.is_connect() || error.is_builder()) {
            return Err(client.unreachable(&error));
        }
        if matches!(error, ExchangeError::TooLong) {
            return Err(unanswered(client, &error.to_string()));
        }
        console.note(format_args!(
            "lost the connection: {error}: asking for the answer"
        ));
        match recalled(client, key).await {
            Recalled::Answer(status, text) => return client.judge(status, text).await,
            // Nothing has begun, so the request is sent again: the key and the digest make sure
            // that it is done once, and as it was shown.
            Recalled::Unknown => {}
            Recalled::Nothing => break,
        }
    }
    let why = "the connection was lost, and the server does not tell the answer";
    Err(unanswered(client, why))
}

enum Recalled {
    Answer(StatusCode, String),
    Unknown,
    /// The server has failed too often.
    Nothing,
}

/// Asks for the answer to the request with `key` until there is one. The server does not decide
/// when it is asked again: `Retry-After` is not read.
async fn recalled(client: &Client, key: &str) -> Recalled {
    let mut pause = FIRST_PAUSE;
    let mut failures = 0;
    while failures < FAILURES {
        sleep(pause).await;
        pause = (pause * 2).min(LAST_PAUSE);
        let request = client.request(Method::GET, "/answer").header(KEY, key);
        match timeout(RECALL_TIMEOUT, recall(request)).await {
            Ok(Some(Recall::Known(recalled))) => return recalled,
            Ok(Some(Recall::UnderWay)) => failures = 0,
            _ => failures += 1,
        }
    }
    Recalled::Nothing
}

enum Recall {
    Known(Recalled),
    UnderWay,
}

/// What the server knows of a request; none when it does not say.
async fn recall(request: RequestBuilder) -> Option<Recall> {
    let response = request.send().await.ok()?;
    let is_replayed = response.headers().contains_key(REPLAYED);
    let (status, text) = read(response).await.ok()?;
    if is_replayed {
        return Some(Recall::Known(Recalled::Answer(status, text)));
    }
    if status == StatusCode::ACCEPTED {
        return Some(Recall::UnderWay);
    }
    let is_ours = serde_json::from_str::<Value>(&text).is_ok_and(|body| body["success"] == false);
    (status == StatusCode::NOT_FOUND && is_ours).then_some(Recall::Known(Recalled::Unknown))
}
