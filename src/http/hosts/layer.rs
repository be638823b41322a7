//! The check as a tower layer.

use std::task::{Context, Poll};

use axum::extract::Request;
use axum::response::Response;
use futures::future::{Either, Ready, ready};
use tower::{Layer, Service};

use super::allowed_hosts::AllowedHosts;

/// What [`AllowedHosts`] makes of a service.
#[derive(Debug, Clone)]
pub struct HostCheck<Inner> {
    allowed: AllowedHosts,
    inner: Inner,
}

impl<Inner> Layer<Inner> for AllowedHosts {
    type Service = HostCheck<Inner>;

    fn layer(&self, inner: Inner) -> Self::Service {
        HostCheck {
            allowed: self.clone(),
            inner,
        }
    }
}

impl<Inner> Service<Request> for HostCheck<Inner>
where
    Inner: Service<Request, Response = Response>,
{
    type Response = Response;
    type Error = Inner::Error;
    type Future = Either<Inner::Future, Ready<Result<Response, Inner::Error>>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Inner::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request) -> Self::Future {
        let checked = self
            .allowed
            .check(request.method(), request.uri(), request.headers());
        match checked {
            Ok(()) => Either::Left(self.inner.call(request)),
            Err(refusal) => Either::Right(ready(Ok(self.allowed.refuse(refusal)))),
        }
    }
}
