use axum::http::{HeaderName, header};
use axum::response::AppendHeaders;
use axum_extra::extract::CookieJar;
use axum_extra::extract::cookie::Cookie;

use super::Sessions;

/// The cookie that carries a session's token.
pub(crate) struct SessionCookie;

impl SessionCookie {
    const NAME: &'static str = "tuitbot_session";

    /// The token that the request's cookie holds.
    pub(crate) fn token(jar: &CookieJar) -> Option<&str> {
        jar.get(Self::NAME).map(Cookie::value)
    }

    /// The header that hands a token to the browser.
    pub(crate) fn set(token: &str) -> AppendHeaders<[(HeaderName, String); 1]> {
        Self::header(token, Sessions::LIFETIME.as_secs())
    }

    /// The header that takes it away again.
    pub(crate) fn clear() -> AppendHeaders<[(HeaderName, String); 1]> {
        Self::header("", 0)
    }

    fn header(token: &str, max_age: u64) -> AppendHeaders<[(HeaderName, String); 1]> {
        let name = Self::NAME;
        let cookie =
            format!("{name}={token}; HttpOnly; SameSite=Strict; Path=/; Max-Age={max_age}");
        AppendHeaders([(header::SET_COOKIE, cookie)])
    }
}
