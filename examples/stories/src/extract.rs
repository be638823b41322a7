use axum::extract::{FromRequest, FromRequestParts};

use crate::ApiError;

/// A JSON object as request body; what is wrong with it is said in JSON too.
#[derive(Debug, FromRequest)]
#[from_request(via(shared_host::JsonBody), rejection(ApiError))]
pub struct JsonBody<T>(pub T);

/// What stands in the path; what cannot stand there is not found.
#[derive(Debug, FromRequestParts)]
#[from_request(via(axum::extract::Path), rejection(ApiError))]
pub struct Path<T>(pub T);
