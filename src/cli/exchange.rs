//! One request and its whole answer, within limits that a server cannot exceed.

use std::error::Error;
use std::time::Duration;

use futures::StreamExt;
use reqwest::{RequestBuilder, Response, StatusCode};
use tokio::time::timeout;

/// How long an answer may take to arrive once it has begun, in which a server may have to count
/// millions of rows for other answers.
pub(super) const READ_TIMEOUT: Duration = Duration::from_secs(300);

/// How many bytes an answer may have: a plan with 100,000 items has about 10 MiB.
const LONGEST_BODY: usize = 16 * 1024 * 1024;

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum ExchangeError {
    #[error("{}", reason(.0))]
    Request(reqwest::Error),
    #[error("the answer has more than {} MiB", LONGEST_BODY / 1024 / 1024)]
    TooLong,
    #[error("the answer did not end within {} s", READ_TIMEOUT.as_secs())]
    TooSlow,
}

impl ExchangeError {
    /// Whether there was no connection, so that the server has received nothing.
    pub(super) fn is_connect(&self) -> bool {
        matches!(self, Self::Request(error) if error.is_connect())
    }

    /// Whether there is no such request, as with a digest that no header can hold.
    pub(super) fn is_builder(&self) -> bool {
        matches!(self, Self::Request(error) if error.is_builder())
    }
}

impl From<reqwest::Error> for ExchangeError {
    fn from(error: reqwest::Error) -> Self {
        // The address may contain a password.
        Self::Request(error.without_url())
    }
}

/// Sends `request` and reads the answer. How long the answer takes to begin is for the caller to
/// limit.
pub(super) async fn exchange(
    request: RequestBuilder,
) -> Result<(StatusCode, String), ExchangeError> {
    read(request.send().await?).await
}

/// Reads all of `response`.
pub(super) async fn read(response: Response) -> Result<(StatusCode, String), ExchangeError> {
    let status = response.status();
    let reading = async {
        let mut body = Vec::new();
        let mut chunks = response.bytes_stream();
        while let Some(chunk) = chunks.next().await {
            let chunk = chunk?;
            if body.len() + chunk.len() > LONGEST_BODY {
                return Err(ExchangeError::TooLong);
            }
            body.extend_from_slice(&chunk);
        }
        Ok(String::from_utf8_lossy(&body).into_owned())
    };
    match timeout(READ_TIMEOUT, reading).await {
        Ok(text) => Ok((status, text?)),
        Err(_) => Err(ExchangeError::TooSlow),
    }
}

/// The innermost cause of `error`: the errors around it repeat the address.
fn reason(error: &(dyn Error + 'static)) -> String {
    let mut error = error;
    while let Some(source) = error.source() {
        error = source;
    }
    error.to_string()
}
