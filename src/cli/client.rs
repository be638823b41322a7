//! A reset service over HTTP.

use std::fmt::{self, Debug, Formatter};
use std::time::Duration;

use reqwest::redirect::Policy;
use reqwest::{Method, RequestBuilder, StatusCode, Url};
use uuid::Uuid;

use super::address::{is_loopback, redacted};
use super::answer::Answer;
use super::exchange::{ExchangeError, READ_TIMEOUT, exchange};
use super::exit::Exit;
use super::failure::{Failure, in_words_of_the_command};
use super::shown::{Refused, Run};
use crate::backup::BackupError;
use crate::error::{ResetError, chain};
use crate::history::RunOutcome;

/// How long a connection may take to be made.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// How the requests of people who wait for a run to end are refused.
const DRAIN: &str = "requests under way did not end";

#[derive(Clone)]
pub(super) struct Client {
    http: reqwest::Client,
    base: String,
    /// The same for people: without credentials.
    shown: String,
    token: Option<String>,
    is_exposed: bool,
}

impl Client {
    pub(super) fn new(url: &str, token: Option<String>) -> Result<Self, Failure> {
        // The address is not repeated, because it may contain a password.
        let invalid = |reason: &str| {
            let text = format!(
                "`--url` {reason}: write the address at which the service has its resets, as \
                 `http://127.0.0.1:3001/api/reset`"
            );
            Failure::new(Exit::Usage, text)
        };
        let parsed =
            Url::parse(url).map_err(|error| invalid(&format!("is no address: {error}")))?;
        if !matches!(parsed.scheme(), "http" | "https") {
            return Err(invalid("is not an address of HTTP"));
        }
        if parsed.query().is_some() || parsed.fragment().is_some() {
            return Err(invalid("has a query or a fragment after its path"));
        }
        let http = reqwest::Client::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            // A redirect could send the token, the phrase and the request itself elsewhere.
            .redirect(Policy::none())
            .build()
            .map_err(|error| Failure::new(Exit::Failed, chain(&error)))?;
        let token = token.filter(|token| !token.is_empty());
        let has_secret = token.is_some() || parsed.password().is_some();
        let is_exposed = has_secret && parsed.scheme() == "http" && !is_loopback(&parsed);
        Ok(Self {
            http,
            base: parsed.as_str().trim_end_matches('/').to_owned(),
            shown: redacted(&parsed),
            token,
            is_exposed,
        })
    }

    /// Where the service is, without credentials.
    pub(super) fn shown(&self) -> &str {
        &self.shown
    }

    /// Whether others on the way to the server can read the token or the password.
    pub(super) fn is_exposed(&self) -> bool {
        self.is_exposed
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
        if status.is_redirection() {
            let text = format!(
                "`{}` answers {status}: redirects are not followed, so that the token and the \
                 request reach no other server: give `--url` the address of the service itself",
                self.shown
            );
            return Err(Failure::new(Exit::Unreachable, text));
        }
        if matches!(status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) {
            let text = format!(
                "`{}` does not let us in ({status}): give `--token`, or FACTORY_RESET_TOKEN, one \
                 that the service accepts",
                self.shown
            );
            return Err(Failure::new(Exit::Unreachable, text));
        }
        let refused = serde_json::from_str::<Refused>(&text).ok();
        let Some(refused) = refused.filter(|refused| !refused.success) else {
            let text = format!(
                "`{}` answers {status}, and not as a reset service: give `--url` the address at \
                 which the service has its resets, as `http://127.0.0.1:3001/api/reset`",
                self.shown
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
        let run = report.and_then(|report| report["run"].as_str());
        let Some(run) = run.and_then(|run| run.parse::<Uuid>().ok()) else {
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

    pub(super) fn unreachable(&self, error: &ExchangeError) -> Failure {
        let text = error.to_string();
        let remedy = if self.shown.starts_with("https:") && text.contains("scheme") {
            "this program was built without TLS: give `--url` an `http://` address"
        } else {
            "see that the service runs, and that `--url` is its address"
        };
        Failure::new(
            Exit::Unreachable,
            format!("could not reach `{}`: {text}: {remedy}", self.shown),
        )
    }
}

/// Without the token and the credentials in the address.
impl Debug for Client {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        let mut shown = formatter.debug_struct("Client");
        shown.field("address", &self.shown).finish_non_exhaustive()
    }
}

fn is_busy(error: &str) -> bool {
    error == ResetError::AlreadyRunning.to_string()
        || error == BackupError::Busy.to_string()
        || error.starts_with(DRAIN)
}
