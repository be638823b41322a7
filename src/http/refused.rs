//! An answer that tells what is wrong with the request, or with the host.

use axum::extract::rejection::BytesRejection;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::Value;

use super::json::JsonError;
use super::reply::Reply;
use crate::backup::BackupError;
use crate::bundle::BundleError;
use crate::error::{FailureCause, PlanError, ResetError, chain};
use crate::report::{Report, shortened};

/// Why a call is not answered as it hoped to be.
#[derive(Debug)]
pub(super) struct Refused {
    status: StatusCode,
    error: String,
    /// How far a reset had come.
    report: Option<Value>,
    /// Whether the same call can succeed in a moment.
    is_busy: bool,
}

/// When a call that was refused because of others can be repeated, in seconds.
const RETRY_AFTER: HeaderValue = HeaderValue::from_static("1");

#[derive(Serialize)]
struct Body {
    success: bool,
    error: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    report: Option<Value>,
}

impl Refused {
    pub(super) fn new(status: StatusCode, error: impl Into<String>) -> Self {
        Self {
            status,
            error: shortened(error.into()),
            report: None,
            is_busy: false,
        }
    }

    /// There are too many such calls at a time.
    pub(super) fn busy(error: impl Into<String>) -> Self {
        Self {
            is_busy: true,
            ..Self::new(StatusCode::SERVICE_UNAVAILABLE, error)
        }
    }

    /// The client has disconnected; no one receives it.
    pub(super) fn abandoned() -> Self {
        Self::busy("the client has disconnected")
    }

    pub(super) fn bad_request(error: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, error)
    }

    pub(super) fn not_found(error: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, error)
    }

    pub(super) fn failed(error: impl Into<String>, report: Option<Value>) -> Self {
        Self {
            report,
            ..Self::new(StatusCode::INTERNAL_SERVER_ERROR, error)
        }
    }

    fn told(status: StatusCode, error: &(dyn std::error::Error + 'static)) -> Self {
        let error = chain(error);
        if status.is_server_error() {
            tracing::error!(error, "the call failed");
        }
        Self::new(status, error)
    }
}

impl From<Refused> for Reply {
    fn from(refused: Refused) -> Self {
        let body = Body {
            success: false,
            error: refused.error,
            report: refused.report,
        };
        Self::new(refused.status, &body)
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let is_busy = self.is_busy;
        let mut response = Reply::from(self).into_response();
        if is_busy {
            response
                .headers_mut()
                .insert(header::RETRY_AFTER, RETRY_AFTER);
        }
        response
    }
}

impl From<BytesRejection> for Refused {
    fn from(rejection: BytesRejection) -> Self {
        // Also of one that is too large: a caller learns no more from a status of its own.
        Self::bad_request(rejection.body_text())
    }
}

impl From<JsonError> for Refused {
    fn from(error: JsonError) -> Self {
        Self::bad_request(error.to_string())
    }
}

impl From<PlanError> for Refused {
    fn from(error: PlanError) -> Self {
        if matches!(error, PlanError::Busy) {
            return Self::busy(error.to_string());
        }
        Self::told(of_plan(&error), &error)
    }
}

impl From<BackupError> for Refused {
    fn from(error: BackupError) -> Self {
        Self::told(of_backup(&error), &error)
    }
}

impl From<&ResetError> for Refused {
    fn from(error: &ResetError) -> Self {
        let report = error.report().map(Report::to_value);
        Self {
            report,
            ..Self::told(of_reset(error), error)
        }
    }
}

fn of_reset(error: &ResetError) -> StatusCode {
    match error {
        ResetError::Confirmation => StatusCode::BAD_REQUEST,
        ResetError::SetupToken(_) => StatusCode::FORBIDDEN,
        ResetError::Plan(error) => of_plan(error),
        ResetError::Changed { .. } => StatusCode::PRECONDITION_FAILED,
        ResetError::References(_)
        | ResetError::Failed {
            cause: FailureCause::References(_),
            ..
        } => StatusCode::UNPROCESSABLE_ENTITY,
        ResetError::AlreadyRunning
        | ResetError::Cancelled
        | ResetError::Guard { .. }
        | ResetError::Drain(_)
        | ResetError::Blocked(_)
        | ResetError::Failed {
            cause: FailureCause::Blocked(_),
            ..
        } => StatusCode::CONFLICT,
        ResetError::Backup(error)
        | ResetError::Failed {
            cause: FailureCause::Backup(error),
            ..
        } => of_backup(error),
        ResetError::Recovery(_)
        | ResetError::Failed { .. }
        | ResetError::NotUndone { .. }
        | ResetError::Undecided { .. } => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

fn of_plan(error: &PlanError) -> StatusCode {
    match error {
        PlanError::Selection(_) => StatusCode::BAD_REQUEST,
        PlanError::Busy => StatusCode::SERVICE_UNAVAILABLE,
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

fn of_backup(error: &BackupError) -> StatusCode {
    match error {
        BackupError::Name(_) | BackupError::Nothing(_) => StatusCode::BAD_REQUEST,
        BackupError::Nowhere | BackupError::NotFound(_) => StatusCode::NOT_FOUND,
        // What is in the way is on the disk of the host, and stays there until somebody acts.
        BackupError::Bundle(
            BundleError::NotPlain { .. } | BundleError::SetId(_) | BundleError::Unfit { .. },
        )
        | BackupError::Exists(_)
        | BackupError::Busy
        | BackupError::Cancelled
        | BackupError::Changing(_)
        | BackupError::RefersToEphemeral { .. }
        | BackupError::Drain => StatusCode::CONFLICT,
        BackupError::Invalid { .. } | BackupError::Unfit { .. } => StatusCode::UNPROCESSABLE_ENTITY,
        BackupError::Step { .. }
        | BackupError::Database(_)
        | BackupError::Path(_)
        | BackupError::Bundle(_) => StatusCode::INTERNAL_SERVER_ERROR,
    }
}
