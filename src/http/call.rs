//! A call with all that it says, and how the destructive ones begin.

use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::Response;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::authoriser::Actor;
use super::client_gone::ClientGone;
use super::idempotency::{Repeatable, Try, once};
use super::if_match::Condition;
use super::json::Object;
use super::refused::Refused;
use super::run::run;
use super::standing::Unproven;
use crate::backup::RestoreRequest;
use crate::engine::Engine;
use crate::error::ResetError;
use crate::message;
use crate::request::ResetRequest;
use crate::selection::Selection;

/// Carries the setup token that the reset is to activate.
const SETUP_TOKEN: HeaderName = HeaderName::from_static("setup-token");

/// What a destructive call without its confirmation is answered.
const UNCONFIRMED: &str = "confirmation required: set \"confirm\": true";

/// What somebody who is authorised has sent.
pub(super) struct Call {
    pub(super) engine: Engine,
    pub(super) body: Bytes,
    pub(super) client: ClientGone,
    actor: Actor,
    unproven: Option<Unproven>,
    path: String,
    headers: HeaderMap,
}

impl FromRequest<Engine> for Call {
    type Rejection = Refused;

    async fn from_request(request: Request, engine: &Engine) -> Result<Self, Refused> {
        let unproven = request.extensions().get().copied();
        let actor = request.extensions().get::<Actor>().cloned();
        // The router puts it there before any call is read.
        let actor = actor.unwrap_or_else(|| Actor(String::new()));
        let path = format!("{} {}", request.method(), request.uri().path());
        let headers = request.headers().clone();
        let client = request.extensions().get::<ClientGone>();
        let client = client.cloned().unwrap_or_default();
        let body = Bytes::from_request(request, engine).await?;
        Ok(Self {
            engine: engine.clone(),
            body,
            client,
            actor,
            unproven,
            path,
            headers,
        })
    }
}

impl Call {
    /// The fields of a body that confirms what it asks for.
    pub(super) fn confirmed<Fields: DeserializeOwned>(&self) -> Result<Fields, Refused> {
        match Object::read(&self.body) {
            Ok(object) if object.says("confirm") => Ok(object.fields()?),
            _ => Err(Refused::bad_request(UNCONFIRMED)),
        }
    }

    /// The fields of any other body.
    pub(super) fn fields<Fields: DeserializeOwned>(&self) -> Result<Fields, Refused> {
        Ok(Object::read(&self.body)?.fields()?)
    }

    /// Refuses a phrase that is not the host's; none was typed, none is checked.
    pub(super) fn check_phrase(&self, typed: Option<&str>) -> Result<(), Refused> {
        match typed {
            Some(typed) if self.engine.confirmation() != Some(typed) => {
                Err(Refused::from(&ResetError::Confirmation))
            }
            _ => Ok(()),
        }
    }

    /// Resets `selection`, after a backup where one is named.
    pub(super) async fn reset(
        self,
        selection: Selection,
        backup: Option<String>,
    ) -> Result<Response, Refused> {
        let (request, condition) = (self.repeatable()?, Condition::of(&self.headers));
        let token = self.setup_token()?;
        let Self { engine, actor, .. } = self;
        let mut asked = ResetRequest::new(selection).confirmed().actor(actor.0);
        asked.backup = backup;
        asked.setup_token = token;
        let work = move |engine: Engine, this: Try| async move {
            let mut asked = asked.run(this.run);
            asked.digest = condition.digest(&engine, asked.selection()).await?;
            engine.reset_behind_gate(asked).await
        };
        Ok(once(engine.clone(), request, |this| {
            run(engine, this, message::of_report, work)
        })
        .await)
    }

    /// Restores the backup `name`.
    pub(super) async fn restore(self, name: String) -> Result<Response, Refused> {
        let (request, condition) = (self.repeatable()?, Condition::of(&self.headers));
        let token = self.setup_token()?;
        let Self { engine, actor, .. } = self;
        let mut asked = RestoreRequest::new(&*name).confirmed().actor(actor.0);
        asked.setup_token = token;
        let work = move |engine: Engine, this: Try| async move {
            asked.digest = condition.digest(&engine, &Selection::all()).await?;
            engine.restore_behind_gate(asked.run(this.run)).await
        };
        let tell = move |report: &Value| message::of_restoration(&name, report);
        Ok(once(engine.clone(), request, |this| {
            run(engine, this, tell, work)
        })
        .await)
    }

    /// What tells this call from any other, where it may be repeated.
    pub(super) fn repeatable(&self) -> Result<Option<Repeatable>, Refused> {
        let conditions = self.headers.get_all(header::IF_MATCH);
        let mut content = vec![self.path.as_bytes(), &self.body];
        content.extend(conditions.iter().map(HeaderValue::as_bytes));
        let repeatable = Repeatable::of(&self.headers, &self.actor, &content)?;
        Ok(repeatable.map(|repeatable| repeatable.of_caller(self.unproven)))
    }

    /// The setup token that the call carries.
    fn setup_token(&self) -> Result<Option<String>, Refused> {
        let mut tokens = self.headers.get_all(SETUP_TOKEN).iter();
        let (token, other) = (tokens.next(), tokens.next());
        let Some(token) = token else {
            return Ok(None);
        };
        match (token.to_str(), other) {
            (Ok(token), None) => Ok(Some(token.to_owned())),
            _ => Err(Refused::new(
                StatusCode::FORBIDDEN,
                "`Setup-Token`: send one, as it was issued",
            )),
        }
    }
}
