use std::sync::Arc;

use async_trait::async_trait;
use axum::http::request::Parts;
use factory_reset::http::{Actor, Authoriser, Denial};

use crate::access::{Authentication, Caller};

/// Lets the same callers use the reset's own routes as all other routes.
pub(crate) struct CallerAuthoriser(pub(crate) Arc<Authentication>);

#[async_trait]
impl Authoriser for CallerAuthoriser {
    async fn authorise(&self, request: &Parts) -> Result<Actor, Denial> {
        let caller = self.0.authenticate(&request.method, &request.headers).await;
        caller
            .map(|caller| Actor(caller.kind().to_owned()))
            .map_err(Denial::new)
    }

    fn proves_ownership(&self, actor: &Actor) -> bool {
        actor.0 == Caller::BEARER
    }

    async fn accepts_proof(&self, secret: &str) -> bool {
        self.0.is_api_token(secret)
    }
}
