//! A reset service over HTTP.

use std::error::Error;
use std::time::Duration;

use reqwest::{Method, RequestBuilder, StatusCode, Url};

use super::answer::Answer;
use super::exit::Exit;
use super::failure::{Failure, in_words_of_the_command};
use super::shown::{Refused, Run};
use crate::backup::BackupError;
use crate::error::{ResetError, chain};
use crate::history::RunOutcome;

/// How long a connection may take to be made.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a server may take to tell something; it may have to count millions of rows.
pub(super) const READ_TIMEOUT: Duration = Duration::from_secs(300);

/// How the requests of people who wait for a run to end are refused.
const DRAIN: &str = "requests under way did not end";

#[derive(Debug, Clone)]
pub(super) struct Client {
    http: reqwest::Client,
    base: String,
    token: Option<String>,
}

impl Client {
    pub(super) fn new(url: &str, token: Option<String>) -> Result<Self, Failure> {
        let invalid = |reason: String| {
            let text = format!(
                "`--url {url}` {reason}: write the address at which the service has its resets, \
                 as `http://127.0.0.1:3001/api/reset`"
            );
            Failure::new(Exit::Usage, text)
        };
        let parsed = Url::parse(url).map_err(|error| invalid(format!("is no address: {error}")))?;
        if !matches!(parsed.scheme(), "http" | "https") {
            return Err(invalid("is not of HTTP".to_owned()));
        }
        if parsed.query().is_some() || parsed.fragment().is_some() {
            return Err(invalid("goes on after its path".to_owned()));
        }
        let http = reqwest::Client::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .build()
            .map_err(|error| Failure::new(Exit::Failed, chain(&error)))?;
        Ok(Self {
            http,
            base: url.trim_end_matches('/').to_owned(),
            token: token.filter(|token| !token.is_empty()),
        })
    }

    /// Where the service is.
    pub(super) fn base(&self) -> &str {
        &self.base
    }

    pub(super) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.http.request(method, format!("{}{path}", self.base));
        match &self.token {
            Some(token) => request.bearer_auth(token),
            None => request,
        }
    }

    /// What is answered to `request`, which changes nothing or little.
    pub(super) async fn ask(&self, request: RequestBuilder) -> Result<Answer, Failure> {
        let (status, text) = exchange(request.timeout(READ_TIMEOUT))
            .await
            .map_err(|error| self.unreachable(&error))?;
        self.judge(status, text).await
    }

    /// What an answer comes to.
    pub(super) async fn judge(&self, status: StatusCode, text: String) -> Result<Answer, Failure> {
        if status.is_success() {
            return Ok(Answer { text });
        }
        if matches!(status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) {
            let text = format!(
                "`{}` does not let us in ({status}): give `--token`, or FACTORY_RESET_TOKEN, one \
                 that the service accepts",
                self.base
            );
            return Err(Failure::new(Exit::Unreachable, text));
        }
        let refused = serde_json::from_str::<Refused>(&text).ok();
        let Some(refused) = refused.filter(|refused| !refused.success) else {
            let text = format!(
                "`{}` answers {status}, and not as a reset service: give `--url` the address at \
                 which the service has its resets, as `http://127.0.0.1:3001/api/reset`",
                self.base
            );
            return Err(Failure::new(Exit::Unreachable, text));
        };
        let exit = match status {
            StatusCode::BAD_REQUEST if refused.error == ResetError::Confirmation.to_string() => {
                Exit::Refused
            }
            StatusCode::BAD_REQUEST | StatusCode::NOT_FOUND => Exit::Usage,
            StatusCode::CONFLICT if is_busy(&refused.error) => Exit::Busy,
            StatusCode::CONFLICT
            | StatusCode::PRECONDITION_FAILED
            | StatusCode::UNPROCESSABLE_ENTITY => Exit::Refused,
            StatusCode::INTERNAL_SERVER_ERROR => self.of_failed_run(&refused).await,
            _ => Exit::Unreachable,
        };
        Err(Failure {
            exit,
            text: in_words_of_the_command(&refused.error),
            report: refused.report,
        })
    }

    /// Whether a run that has failed is undone: the history knows.
    async fn of_failed_run(&self, refused: &Refused) -> Exit {
        let report = refused.report.as_ref();
        let Some(run) = report.and_then(|report| report["run"].as_str()) else {
            return Exit::Failed;
        };
        let request = self.request(Method::GET, &format!("/history/{run}"));
        let told = exchange(request.timeout(READ_TIMEOUT)).await;
        let entry = told
            .ok()
            .and_then(|(_, text)| serde_json::from_str::<Run>(&text).ok());
        match entry.map(|entry| entry.outcome) {
            Some(RunOutcome::NotUndone | RunOutcome::Undecided) => Exit::Undecided,
            _ => Exit::Failed,
        }
    }

    pub(super) fn unreachable(&self, error: &reqwest::Error) -> Failure {
        let text = reason(error);
        let remedy = if self.base.starts_with("https:") && text.contains("scheme") {
            "this program was built without TLS: give `--url` an `http://` address"
        } else {
            "see that the service runs, and that `--url` is its address"
        };
        Failure::new(
            Exit::Unreachable,
            format!("could not reach `{}`: {text}: {remedy}", self.base),
        )
    }
}

/// Sends `request`, and waits for all of the answer.
pub(super) async fn exchange(
    request: RequestBuilder,
) -> Result<(StatusCode, String), reqwest::Error> {
    let response = request.send().await?;
    let status = response.status();
    Ok((status, response.text().await?))
}

/// What is behind `error`: what is before that repeats the address.
pub(super) fn reason(error: &(dyn Error + 'static)) -> String {
    let mut error = error;
    while let Some(source) = error.source() {
        error = source;
    }
    error.to_string()
}

fn is_busy(error: &str) -> bool {
    error == ResetError::AlreadyRunning.to_string()
        || error == BackupError::Busy.to_string()
        || error.starts_with(DRAIN)
}
