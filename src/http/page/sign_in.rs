//! How a browser shows who is there.

use serde::Serialize;

/// How people sign in on the options [page](super::Page).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[non_exhaustive]
pub enum SignIn {
    /// With a passphrase, for a session cookie.
    #[non_exhaustive]
    Passphrase {
        /// Where it is sent, as `{"passphrase": "…"}`.
        login: String,
        /// What tells whether the cookie is still good.
        status: String,
    },
    /// With name and password, for a bearer token.
    #[non_exhaustive]
    Password {
        /// Where they are sent, as `{"username": "…", "password": "…"}`.
        token: String,
    },
    /// With a bearer token.
    Token,
}

impl SignIn {
    /// Asks for a passphrase, and sends it to `login` as `{"passphrase": "…"}`, which sets a
    /// cookie. Both `login` and `status`, which answers `{"authenticated": true}` or `false` to a
    /// `GET`, give the session's `csrf_token`; it is sent as `X-CSRF-Token` with all that changes
    /// anything. Both are paths of the host, like `/api/auth/login`.
    #[must_use]
    pub fn passphrase(login: impl Into<String>, status: impl Into<String>) -> Self {
        Self::Passphrase {
            login: login.into(),
            status: status.into(),
        }
    }

    /// Asks for name and password, and sends them to `token`, a path of the host, as
    /// `{"username": "…", "password": "…"}`; the `token` of the answer is sent as bearer. It is
    /// kept until the browser's tab is closed.
    #[must_use]
    pub fn password(token: impl Into<String>) -> Self {
        Self::Password {
            token: token.into(),
        }
    }

    /// Asks for a bearer token, or takes it from the page's address, where it stands as
    /// `#token=…` and is removed from at once. It is kept until the browser's tab is closed.
    #[must_use]
    pub fn token() -> Self {
        Self::Token
    }
}
