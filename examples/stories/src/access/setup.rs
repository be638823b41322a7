use std::sync::Arc;

use factory_reset::http::ClientGone;
use factory_reset::{Gate, chain};
use shared_host::Hashing;

use super::{Authentication, IssuedToken, Password, SetupToken, Username, Users};
use crate::ApiError;

/// Takes a service in its factory state into use: creates the first administrator.
pub struct Setup {
    token: Arc<SetupToken>,
    users: Users,
    hashing: Arc<Hashing>,
    authentication: Arc<Authentication>,
}

impl Setup {
    /// Takes into use what has none of these users.
    #[must_use]
    pub fn new(
        token: Arc<SetupToken>,
        users: Users,
        hashing: Arc<Hashing>,
        authentication: Arc<Authentication>,
    ) -> Self {
        Self {
            token,
            users,
            hashing,
            authentication,
        }
    }

    /// Creates the first administrator, and signs him in.
    ///
    /// # Errors
    ///
    /// [`ApiError::Conflict`] when there is a user already, [`ApiError::WrongSetupToken`], or
    /// that a reset runs, too many hashes are being computed, or the database failed. Nothing has changed then.
    pub async fn complete(
        &self,
        setup_token: &str,
        username: &Username,
        password: Password,
        client: &ClientGone,
        gate: &Gate,
    ) -> Result<IssuedToken, ApiError> {
        let place = self.hashing.place()?;
        {
            let _entered = gate.enter().ok_or(ApiError::HeldOff)?;
            self.check(setup_token).await?;
        }
        // Outside of the gate, otherwise a crowd of such calls would delay a reset.
        let turn = client.run(place.turn()).await.ok_or(ApiError::Busy)??;
        let password_hash = turn.hash(password.into_inner()).await?;
        let _entered = gate.enter().ok_or(ApiError::HeldOff)?;
        // A reset may have come between, and has made another token.
        self.check(setup_token).await?;
        let user = self.users.create_first(username, password_hash).await?;
        // The user is there: what is left of the token opens nothing, and goes at the next
        // start at the latest.
        if let Err(error) = self.token.refresh().await {
            tracing::error!(error = chain(&error), "failed to remove the setup token");
        }
        self.authentication.issue(&user).await
    }

    async fn check(&self, setup_token: &str) -> Result<(), ApiError> {
        // In this order: once the file is gone there is a user, and that is what is told.
        let matches = self.token.matches(setup_token).await;
        if self.users.are_any().await? {
            return Err(ApiError::Conflict("there is a user already".to_owned()));
        }
        if matches.map_err(ApiError::internal)? {
            return Ok(());
        }
        // The users may have gone without our doing: then there is a file from here on.
        self.token.refresh().await.map_err(ApiError::internal)?;
        Err(ApiError::WrongSetupToken)
    }
}
