use std::error::Error;

use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::extract::{FromRequest, Request};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use tower_http::timeout::TimeoutError;

/// A JSON object as request body. A host wraps it, to refuse in its own words:
///
/// ```
/// # use shared_host::BodyError;
/// # use axum::response::{IntoResponse, Response};
/// # pub struct ApiError(BodyError);
/// # impl From<BodyError> for ApiError { fn from(error: BodyError) -> Self { Self(error) } }
/// # impl IntoResponse for ApiError {
/// #     fn into_response(self) -> Response { self.0.into_response() }
/// # }
/// #[derive(axum::extract::FromRequest)]
/// #[from_request(via(shared_host::JsonBody), rejection(ApiError))]
/// pub struct JsonBody<T>(pub T);
/// ```
#[derive(Debug)]
pub struct JsonBody<T>(pub T);

/// Why a body is not taken.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BodyError {
    /// It is not what the call takes.
    #[error("{0}")]
    Invalid(String),
    /// It is larger than any valid one.
    #[error("request body too large")]
    TooLarge,
    /// It does not say that it is JSON.
    #[error("expected a body of content type `application/json`")]
    NotJson,
    /// It did not arrive in time.
    #[error("request timed out")]
    TimedOut,
}

impl BodyError {
    /// The status that tells so.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        match self {
            Self::Invalid(_) => StatusCode::BAD_REQUEST,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::NotJson => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::TimedOut => StatusCode::REQUEST_TIMEOUT,
        }
    }
}

impl IntoResponse for BodyError {
    fn into_response(self) -> Response {
        (self.status(), self.to_string()).into_response()
    }
}

impl<T, S> FromRequest<S> for JsonBody<T>
where
    T: DeserializeOwned,
    S: Send + Sync,
{
    type Rejection = BodyError;

    async fn from_request(request: Request, state: &S) -> Result<Self, BodyError> {
        // An object first: serde would read an array as the fields in their order.
        let Json(object) = Json::<Map<String, Value>>::from_request(request, state)
            .await
            .map_err(refusal)?;
        serde_path_to_error::deserialize(Value::Object(object))
            .map(Self)
            .map_err(|error| BodyError::Invalid(error.to_string()))
    }
}

fn refusal(rejection: JsonRejection) -> BodyError {
    let invalid = |reason: &str| BodyError::Invalid(reason.to_owned());
    match rejection {
        JsonRejection::MissingJsonContentType(_) => BodyError::NotJson,
        JsonRejection::JsonDataError(_) => invalid("the body is not a JSON object"),
        JsonRejection::JsonSyntaxError(_) => invalid("the body is not valid JSON"),
        JsonRejection::BytesRejection(rejection)
            if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE =>
        {
            BodyError::TooLarge
        }
        rejection if is_timeout(&rejection) => BodyError::TimedOut,
        _ => invalid("the body could not be read"),
    }
}

fn is_timeout(error: &(dyn Error + 'static)) -> bool {
    error.is::<TimeoutError>() || error.source().is_some_and(is_timeout)
}
