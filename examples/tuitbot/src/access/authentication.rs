use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, Method};
use axum::middleware::Next;
use axum::response::Response;
use axum_extra::extract::CookieJar;
use axum_extra::headers::HeaderMapExt;
use axum_extra::headers::authorization::{Authorization, Bearer};
use shared_host::discard;
use subtle::ConstantTimeEq;

use super::{ApiToken, Session, SessionCookie, Sessions};
use crate::ApiError;

/// Tells who calls.
pub struct Authentication {
    api_token: ApiToken,
    sessions: Sessions,
}

/// Who calls.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Caller {
    /// A client with the API token.
    Bearer,
    /// A browser with a session.
    Session(Session),
}

impl Caller {
    /// The [`kind`](Self::kind) of callers with the API token.
    pub const BEARER: &'static str = "bearer";

    /// `bearer` or `session`, for records of who did what.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Bearer => Self::BEARER,
            Self::Session(_) => "session",
        }
    }
}

impl Authentication {
    const CSRF_HEADER: &'static str = "x-csrf-token";

    /// Knows callers by this token and by these sessions.
    #[must_use]
    pub fn new(api_token: ApiToken, sessions: Sessions) -> Self {
        Self {
            api_token,
            sessions,
        }
    }

    /// Whether `secret` is the API token, which outlives resets.
    #[must_use]
    pub fn is_api_token(&self, secret: &str) -> bool {
        self.api_token.matches(secret)
    }

    /// Who makes this request. A session must show its CSRF token with every method
    /// that changes something. Reads only.
    ///
    /// # Errors
    ///
    /// [`ApiError::Unauthorized`], [`ApiError::CsrfMismatch`], or that the database
    /// failed.
    pub async fn authenticate(
        &self,
        method: &Method,
        headers: &HeaderMap,
    ) -> Result<Caller, ApiError> {
        let caller = self.identify(headers).await?;
        match &caller {
            None => Err(ApiError::Unauthorized),
            Some(Caller::Session(session))
                if !is_read(method) && !shows_csrf_token(headers, session) =>
            {
                Err(ApiError::CsrfMismatch)
            }
            Some(caller) => Ok(caller.clone()),
        }
    }

    /// Whether these headers show the API token.
    #[must_use]
    pub fn is_bearer(&self, headers: &HeaderMap) -> bool {
        let bearer = headers.typed_get::<Authorization<Bearer>>();
        bearer.is_some_and(|bearer| self.is_api_token(bearer.token()))
    }

    /// Who shows these headers, if we know them: a valid bearer token wins, a wrong
    /// one leaves the say to the cookie.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn identify(&self, headers: &HeaderMap) -> Result<Option<Caller>, ApiError> {
        if self.is_bearer(headers) {
            return Ok(Some(Caller::Bearer));
        }
        let cookies = CookieJar::from_headers(headers);
        let Some(token) = SessionCookie::token(&cookies) else {
            return Ok(None);
        };
        Ok(self.sessions.find(token).await?.map(Caller::Session))
    }
}

fn is_read(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS)
}

fn shows_csrf_token(headers: &HeaderMap, session: &Session) -> bool {
    headers
        .get(Authentication::CSRF_HEADER)
        .is_some_and(|shown| shown.as_bytes().ct_eq(session.csrf_token.as_bytes()).into())
}

/// Lets only known callers through, before anything else of the request is looked at.
pub(crate) async fn require_caller(
    State(authentication): State<Arc<Authentication>>,
    mut request: Request,
    next: Next,
) -> Result<Response, ApiError> {
    let caller = authentication
        .authenticate(request.method(), request.headers())
        .await;
    match caller {
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
