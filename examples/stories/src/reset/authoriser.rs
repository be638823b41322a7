use std::sync::Arc;

use async_trait::async_trait;
use axum::http::request::Parts;
use factory_reset::http::{Actor, Authoriser, Denial};

use crate::access::{Authentication, Caller};

/// Lets administrators use the reset's own routes.
pub(crate) struct AdministratorAuthoriser(pub(crate) Arc<Authentication>);

#[async_trait]
impl Authoriser for AdministratorAuthoriser {
    async fn authorise(&self, request: &Parts) -> Result<Actor, Denial> {
        let caller = self.0.authenticate(&request.headers).await;
        caller
            .and_then(Caller::require_administrator)
            .map(|administrator| Actor(administrator.username))
            .map_err(Denial::new)
    }
}
