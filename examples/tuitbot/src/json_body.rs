use axum::extract::FromRequest;

use crate::ApiError;

/// A JSON object as request body; what is wrong with it is said in JSON too.
#[derive(Debug, FromRequest)]
#[from_request(via(shared_host::JsonBody), rejection(ApiError))]
pub struct JsonBody<T>(pub T);
