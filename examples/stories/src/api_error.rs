use std::error::Error;
use std::time::Duration;

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use factory_reset::chain;
use factory_reset::http::HostRefusal;
use serde::Serialize;
use shared_host::{BodyError, Hashing, HashingError};

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
    /// Another password, or nobody of that name: which of them is not told.
    #[error("wrong username or password")]
    WrongPassword,
    /// The setup token is another one.
    #[error("wrong setup token: it stands in the file `setup_token` of the data directory")]
    WrongSetupToken,
    /// Known, but not allowed to.
    #[error("{0}")]
    Forbidden(&'static str),
    /// There is no such thing.
    #[error("{0}")]
    NotFound(&'static str),
    /// The route exists, the method does not.
    #[error("method not allowed")]
    MethodNotAllowed,
    /// The request could not be answered in time.
    #[error("request timed out")]
    TimedOut,
    /// What is asked for contradicts what is there.
    #[error("{0}")]
    Conflict(String),
    /// A reset runs.
    #[error("a factory reset is under way: try again in a moment")]
    HeldOff,
    /// Too many hashes are being computed, or the client has gone meanwhile.
    #[error("too many sign-ins at a time: try again in a moment")]
    Busy,
    /// The body is not what this call takes.
    #[error("{0}")]
    Body(BodyError),
    /// Too many wrong passwords from one client.
    #[error("too many sign-in attempts")]
    TooManyAttempts {
        /// When the next one is let through.
        retry_after: Duration,
    },
    /// The database failed.
    #[error("database query error")]
    Database(#[from] sqlx::Error),
    /// Something else failed.
    #[error("internal error")]
    Internal(#[source] Box<dyn Error + Send + Sync>),
    /// A handler panicked; the panic is in the log.
    #[error("internal error")]
    Panicked,
}

/// What the client is told.
#[derive(Serialize)]
struct Refused {
    success: bool,
    error: String,
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
            Self::Unauthorized | Self::WrongPassword => StatusCode::UNAUTHORIZED,
            Self::WrongSetupToken | Self::Forbidden(_) => StatusCode::FORBIDDEN,
            Self::NotFound(_) => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::TimedOut => StatusCode::REQUEST_TIMEOUT,
            Self::Conflict(_) => StatusCode::CONFLICT,
            Self::HeldOff | Self::Busy => StatusCode::SERVICE_UNAVAILABLE,
            Self::Body(error) => error.status(),
            Self::TooManyAttempts { .. } => StatusCode::TOO_MANY_REQUESTS,
            Self::Database(_) | Self::Internal(_) | Self::Panicked => {
                StatusCode::INTERNAL_SERVER_ERROR
            }
        }
    }

    /// What to say of an insert: that `taken` is there already, if that is what stops it.
    pub(crate) fn of_insert(error: sqlx::Error, taken: impl FnOnce() -> String) -> Self {
        match error.as_database_error() {
            Some(known) if known.is_unique_violation() => Self::Conflict(taken()),
            _ => error.into(),
        }
    }
}

impl From<BodyError> for ApiError {
    fn from(error: BodyError) -> Self {
        Self::Body(error)
    }
}

impl From<PathRejection> for ApiError {
    fn from(_: PathRejection) -> Self {
        Self::NotFound("no such route")
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

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let status = self.status();
        if status == StatusCode::INTERNAL_SERVER_ERROR {
            tracing::error!(error = chain(&self), "request failed");
        }
        let is_busy = matches!(self, Self::HeldOff | Self::Busy);
        let refused = Refused {
            success: false,
            error: self.to_string(),
        };
        let mut response = (status, Json(refused)).into_response();
        if is_busy {
            let wait = HeaderValue::from(Hashing::RETRY_AFTER.as_secs());
            response.headers_mut().insert(header::RETRY_AFTER, wait);
        }
        if status == StatusCode::UNAUTHORIZED {
            let scheme = HeaderValue::from_static("Bearer");
            response
                .headers_mut()
                .insert(header::WWW_AUTHENTICATE, scheme);
        }
        if let Self::TooManyAttempts { retry_after } = self {
            // Whole seconds, rounded up: a client that waits as told is let through.
            let seconds = retry_after.as_secs() + u64::from(retry_after.subsec_nanos() > 0);
            response
                .headers_mut()
                .insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}
