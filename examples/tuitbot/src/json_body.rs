use std::error::Error;

use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::extract::{FromRequest, Request};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use tower_http::timeout::TimeoutError;

use crate::ApiError;

/// A JSON object as request body; what is wrong with it is said in JSON too.
#[derive(Debug)]
pub struct JsonBody<T>(pub T);

impl<T, S> FromRequest<S> for JsonBody<T>
where
    T: DeserializeOwned,
    S: Send + Sync,
{
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        // An object first: serde would read an array as the fields in their order.
        let Json(object) = Json::<Map<String, Value>>::from_request(request, state)
            .await
            .map_err(refusal)?;
        serde_path_to_error::deserialize(Value::Object(object))
            .map(Self)
            .map_err(|error| ApiError::BadRequest(error.to_string()))
    }
}

fn refusal(rejection: JsonRejection) -> ApiError {
    match rejection {
        JsonRejection::MissingJsonContentType(_) => ApiError::NotJson,
        JsonRejection::JsonDataError(_) => {
            ApiError::BadRequest("the body is not a JSON object".to_owned())
        }
        JsonRejection::JsonSyntaxError(_) => {
            ApiError::BadRequest("the body is not valid JSON".to_owned())
        }
        JsonRejection::BytesRejection(rejection) if rejection.status() == 413 => {
            ApiError::BodyTooLarge
        }
        rejection if is_timeout(&rejection) => ApiError::TimedOut,
        _ => ApiError::BadRequest("the body could not be read".to_owned()),
    }
}

fn is_timeout(error: &(dyn Error + 'static)) -> bool {
    error.is::<TimeoutError>() || error.source().is_some_and(is_timeout)
}
