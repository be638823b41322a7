use std::error::Error;
use std::time::Duration;

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use factory_reset::http::HostRefusal;
use factory_reset::{ProofError, ResetError, chain};
use serde_json::json;
use shared_host::{BodyError, Hashing, HashingError};

/// When to look again at a reset that could not begin, or has still to be ended.
const RESET_RETRY_AFTER: Duration = Duration::from_secs(5);

/// When to try again where others have kept the database to themselves.
const BUSY_RETRY_AFTER: Duration = Duration::from_secs(1);

/// Why a call is refused or has failed. The client sees the text, the log sees the
/// sources too.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ApiError {
    /// The request is for another host, or from a page of another origin.
    #[error("{0}")]
    Host(HostRefusal),
    /// The input is not what this call takes.
    #[error("{0}")]
    BadRequest(String),
    /// Nobody we know.
    #[error("unauthorized")]
    Unauthorized,
    /// Known, but without the CSRF token of the session.
    #[error("the `X-CSRF-Token` header is missing or does not match the session")]
    CsrfMismatch,
    /// The setup token proves nothing, and the caller has no API token.
    #[error(
        "the setup token is unknown, used, expired or not active: send the API token as bearer, or \
         leave the token out"
    )]
    WrongSetupToken,
    /// The passphrase is another one.
    #[error("wrong passphrase")]
    WrongPassphrase,
    /// There is no such thing.
    #[error("{0}")]
    NotFound(&'static str),
    /// The route exists, the method does not.
    #[error("method not allowed")]
    MethodNotAllowed,
    /// The request did not arrive, or could not be answered, in time.
    #[error("request timed out")]
    TimedOut,
    /// What is asked for contradicts what is there.
    #[error("{0}")]
    Conflict(String),
    /// The body is not what this call takes.
    #[error("{0}")]
    Body(BodyError),
    /// Too many login attempts from one address.
    #[error("too many login attempts")]
    TooManyAttempts {
        /// When the next one is let through.
        retry_after: Duration,
    },
    /// A reset runs.
    #[error("a factory reset is under way: try again in a moment")]
    HeldOff,
    /// Too many hashes are being computed, or the client has gone meanwhile.
    #[error("too many sign-ins at a time: try again in a moment")]
    Busy,
    /// Nobody has set a passphrase yet.
    #[error("no passphrase is set")]
    Unclaimed,
    /// The reset did not happen; nothing is lost.
    #[error("{}", reset_message(.0))]
    Reset(ResetError),
    /// The database failed, or was busy for longer than we wait.
    #[error("database query error")]
    Database(#[from] sqlx::Error),
    /// Something else failed.
    #[error("internal error")]
    Internal(#[source] Box<dyn Error + Send + Sync>),
    /// A handler panicked; the panic is in the log.
    #[error("internal error")]
    Panicked,
}

impl ApiError {
    /// Wraps a failure that the caller can do nothing about.
    pub fn internal(error: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::Internal(error.into())
    }

    /// The status that this error answers with.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        match self {
            Self::Host(refusal) => refusal.status(),
            Self::BadRequest(_) => StatusCode::BAD_REQUEST,
            Self::Unauthorized | Self::WrongPassphrase => StatusCode::UNAUTHORIZED,
            Self::CsrfMismatch | Self::WrongSetupToken => StatusCode::FORBIDDEN,
            Self::NotFound(_) => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::TimedOut => StatusCode::REQUEST_TIMEOUT,
            Self::Conflict(_) => StatusCode::CONFLICT,
            Self::Body(error) => error.status(),
            Self::TooManyAttempts { .. } => StatusCode::TOO_MANY_REQUESTS,
            Self::Unclaimed | Self::HeldOff | Self::Busy => StatusCode::SERVICE_UNAVAILABLE,
            Self::Reset(error) => reset_status(error),
            Self::Database(error) if is_busy(error) => StatusCode::SERVICE_UNAVAILABLE,
            Self::Database(_) | Self::Internal(_) | Self::Panicked => {
                StatusCode::INTERNAL_SERVER_ERROR
            }
        }
    }
}

impl From<BodyError> for ApiError {
    fn from(error: BodyError) -> Self {
        Self::Body(error)
    }
}

impl From<HashingError> for ApiError {
    fn from(error: HashingError) -> Self {
        match error {
            HashingError::Busy => Self::Busy,
            error => Self::internal(error),
        }
    }
}

impl From<ProofError> for ApiError {
    fn from(error: ProofError) -> Self {
        match error {
            ProofError::Token => Self::WrongSetupToken,
            error => Self::internal(error),
        }
    }
}

impl From<ResetError> for ApiError {
    fn from(error: ResetError) -> Self {
        Self::Reset(error)
    }
}

/// The database's own words where it was the database that failed: they tell the user whether
/// to try again.
fn reset_message(error: &ResetError) -> String {
    match (error, error.database()) {
        (_, Some(database)) => format!("database query error: {}", chain(database)),
        // Foreseen by now, and no other error to the clients of this call than it always was.
        (ResetError::References(_), None) => format!("database query error: {}", chain(error)),
        (_, None) => chain(error),
    }
}

fn reset_status(error: &ResetError) -> StatusCode {
    match error {
        ResetError::Confirmation => StatusCode::BAD_REQUEST,
        ResetError::SetupToken(_) => StatusCode::FORBIDDEN,
        ResetError::AlreadyRunning | ResetError::Blocked(_) | ResetError::Guard { .. } => {
            StatusCode::CONFLICT
        }
        ResetError::Drain(_) | ResetError::Undecided { .. } => StatusCode::SERVICE_UNAVAILABLE,
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

/// Whether nothing is wrong with the database, only others were at it all the time.
fn is_busy(error: &sqlx::Error) -> bool {
    // The lowest eight bits are the primary code: <https://sqlite.org/rescode.html>.
    const BUSY: u32 = 5;
    match error {
        sqlx::Error::PoolTimedOut => true,
        sqlx::Error::Database(error) => {
            let code = error.code().and_then(|code| code.parse::<u32>().ok());
            code.is_some_and(|code| code & 0xff == BUSY)
        }
        _ => false,
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let status = self.status();
        if status == StatusCode::INTERNAL_SERVER_ERROR {
            tracing::error!(error = chain(&self), "request failed");
        }
        let mut response = (status, Json(json!({ "error": self.to_string() }))).into_response();
        let retry_after = match self {
            Self::TooManyAttempts { retry_after } => Some(retry_after),
            Self::HeldOff | Self::Busy => Some(Hashing::RETRY_AFTER),
            Self::Reset(_) if status == StatusCode::SERVICE_UNAVAILABLE => Some(RESET_RETRY_AFTER),
            Self::Database(_) if status == StatusCode::SERVICE_UNAVAILABLE => {
                Some(BUSY_RETRY_AFTER)
            }
            _ => None,
        };
        if let Some(wait) = retry_after {
            // Whole seconds, rounded up: a client that waits as told is let through.
            let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
            response
                .headers_mut()
                .insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}
