use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::HeaderMap;
use axum::middleware::Next;
use axum::response::Response;
use axum_extra::headers::HeaderMapExt;
use axum_extra::headers::authorization::{Authorization, Bearer};
use factory_reset::Gate;
use factory_reset::http::ClientGone;
use shared_host::{Hashing, discard};
use subtle::ConstantTimeEq;

use super::{IssuedToken, Role, Tokens, User, Username, Users};
use crate::ApiError;

/// The hash of a password that nobody knows, for names that nobody has: to look for them must
/// not take less time than for others.
const NOBODY: &str = "$argon2id$v=19$m=19456,t=2,p=1$\
                      c3Rvcmllcy1ub2JvZHk$SWYgeW91IGNhbiByZWFkIHRoaXMsIG5vIG1hdHRlci4";

/// Tells who calls.
pub struct Authentication {
    tokens: Arc<Tokens>,
    users: Users,
    hashing: Arc<Hashing>,
}

/// Who calls.
#[derive(Clone, Debug)]
pub struct Caller {
    /// The user's id.
    pub id: i64,
    /// What he is called.
    pub username: String,
    /// What he may do.
    pub role: Role,
}

impl Caller {
    /// Whether the caller may do whatever there is.
    #[must_use]
    pub fn is_administrator(&self) -> bool {
        self.role == Role::Administrator
    }

    /// Lets administrators through.
    ///
    /// # Errors
    ///
    /// [`ApiError::Forbidden`] to all others.
    pub fn require_administrator(self) -> Result<Self, ApiError> {
        if self.is_administrator() {
            Ok(self)
        } else {
            Err(ApiError::Forbidden("only administrators may do this"))
        }
    }
}

impl Authentication {
    /// Knows callers by these tokens, and tells whether they are still among these users.
    #[must_use]
    pub fn new(tokens: Arc<Tokens>, users: Users, hashing: Arc<Hashing>) -> Self {
        Self {
            tokens,
            users,
            hashing,
        }
    }

    /// Issues a token to whoever knows the password. That there is nobody of that name takes
    /// as long to find out as that the password is wrong. Hashes outside of the gate, otherwise a
    /// crowd that signs in would delay a reset.
    ///
    /// # Errors
    ///
    /// [`ApiError::WrongPassword`] in both cases, that a reset runs, that too many hashes are being
    /// computed, or that the database failed.
    pub async fn sign_in(
        &self,
        username: String,
        password: String,
        client: &ClientGone,
        gate: &Gate,
    ) -> Result<IssuedToken, ApiError> {
        let place = self.hashing.place()?;
        let user = match Username::try_from(username) {
            Ok(username) => {
                let _entered = gate.enter().ok_or(ApiError::HeldOff)?;
                self.users.find_by_name(&username).await?
            }
            Err(_) => None,
        };
        let hash = user.as_ref().map_or(NOBODY, |user| &user.password_hash);
        let turn = client.run(place.turn()).await.ok_or(ApiError::Busy)??;
        let is_right = turn.verify(password, hash.to_owned()).await?;
        let user = user.filter(|_| is_right).ok_or(ApiError::WrongPassword)?;
        let _entered = gate.enter().ok_or(ApiError::HeldOff)?;
        // A reset may have come between.
        match self.users.find(user.id).await? {
            Some(now) if now.is_same_account(&user) => self.issue(&now).await,
            _ => Err(ApiError::WrongPassword),
        }
    }

    /// Issues a token to this user.
    pub(super) async fn issue(&self, user: &User) -> Result<IssuedToken, ApiError> {
        let (token, claims) = self.tokens.issue(user).map_err(ApiError::internal)?;
        self.users
            .record_session(user, &claims.jti, claims.iat, claims.exp)
            .await?;
        Ok(token)
    }

    /// Who shows these headers. Reads only.
    ///
    /// # Errors
    ///
    /// [`ApiError::Unauthorized`], or that the database failed.
    pub async fn authenticate(&self, headers: &HeaderMap) -> Result<Caller, ApiError> {
        let bearer = headers.typed_get::<Authorization<Bearer>>();
        let claims = bearer.and_then(|bearer| self.tokens.verify(bearer.token()));
        let claims = claims.ok_or(ApiError::Unauthorized)?;
        let id = claims.sub.parse().map_err(|_| ApiError::Unauthorized)?;
        let user = self.users.find(id).await?;
        let user = user.filter(|user| {
            user.token_key
                .as_bytes()
                .ct_eq(claims.key.as_bytes())
                .into()
        });
        let user = user.ok_or(ApiError::Unauthorized)?;
        Ok(Caller {
            id: user.id,
            username: user.username,
            role: user.role,
        })
    }
}

/// Lets only known callers through, before anything else of the request is looked at.
pub(crate) async fn require_caller(
    State(authentication): State<Arc<Authentication>>,
    mut request: Request,
    next: Next,
) -> Result<Response, ApiError> {
    match authentication.authenticate(request.headers()).await {
        Ok(caller) => {
            request.extensions_mut().insert(caller);
            Ok(next.run(request).await)
        }
        Err(error) => {
            tokio::spawn(discard(request.into_body()));
            Err(error)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn nobody_takes_as_much_work_as_anybody() {
        let hashing = Hashing::default();
        let anybody = hashing.hash("password".to_owned()).await.unwrap();
        let cost = |hash: &str| hash.split('$').nth(3).unwrap().to_owned();
        assert_eq!(cost(NOBODY), cost(&anybody));
        let verified = hashing.verify("password".to_owned(), NOBODY.to_owned());
        assert!(!verified.await.unwrap());
    }
}
