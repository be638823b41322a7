//! The token that lets callers in.

use async_trait::async_trait;
use axum::Json;
use axum::http::header::WWW_AUTHENTICATE;
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode};
use axum::response::IntoResponse;
use axum_extra::headers::authorization::Bearer;
use axum_extra::headers::{Authorization, HeaderMapExt};
use factory_reset::cli::{Exit, Failure};
use factory_reset::http::{Actor, Authoriser, Denial};
use serde_json::json;
use subtle::ConstantTimeEq;

/// Fewer characters could be guessed.
const SHORTEST: usize = 16;

/// A secret; whoever sends it may do everything.
pub(super) struct Token {
    text: String,
    /// Whether nobody knows it yet.
    is_new: bool,
}

impl Token {
    /// The one of a file, or else the one that is `given`, or else a new one.
    pub(super) fn choose(file: Option<String>, given: Option<String>) -> Result<Self, Failure> {
        let (source, text) = match (file, given) {
            (Some(text), _) => ("--token-file", text.trim().to_owned()),
            (None, Some(text)) => ("--token", text),
            (None, None) => {
                let text = hex::encode(rand::random::<[u8; 32]>());
                return Ok(Self { text, is_new: true });
            }
        };
        if text.len() < SHORTEST || !text.chars().all(|letter| letter.is_ascii_graphic()) {
            let text = format!(
                "`{source}`: the token is not one of at least {SHORTEST} ASCII characters without \
                 blanks: make one with `openssl rand -hex 32`"
            );
            return Err(Failure::new(Exit::Usage, text));
        }
        Ok(Self {
            text,
            is_new: false,
        })
    }

    /// What makes the page's address let its reader in; nothing for a token that is known.
    pub(super) fn fragment(&self) -> String {
        match self.is_new {
            true => format!("#token={}", self.text),
            false => String::new(),
        }
    }

    fn is_sent(&self, headers: &HeaderMap) -> bool {
        let sent: Option<Authorization<Bearer>> = headers.typed_get();
        sent.is_some_and(|sent| sent.token().as_bytes().ct_eq(self.text.as_bytes()).into())
    }
}

#[async_trait]
impl Authoriser for Token {
    async fn authorise(&self, request: &Parts) -> Result<Actor, Denial> {
        if self.is_sent(&request.headers) {
            return Ok(Actor("token".to_owned()));
        }
        let error = "send the token as `Authorization: Bearer …`";
        let answer = Json(json!({ "success": false, "error": error }));
        let headers = [(WWW_AUTHENTICATE, "Bearer")];
        Err(Denial::new(
            (StatusCode::UNAUTHORIZED, headers, answer).into_response(),
        ))
    }
}
