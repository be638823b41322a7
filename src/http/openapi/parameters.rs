//! What calls can say beside their bodies.

use utoipa::IntoParams;
use utoipa::openapi::path::{Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::schema::{KnownFormat, SchemaFormat, Type};
use utoipa::openapi::{ObjectBuilder, Required};

use super::document::BACKUP_NAME;

fn text() -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::String)
}

fn header(name: &str, description: &str, schema: ObjectBuilder) -> Vec<Parameter> {
    let parameter = ParameterBuilder::new()
        .name(name)
        .parameter_in(ParameterIn::Header)
        .required(Required::False);
    let parameter = parameter.description(Some(description));
    vec![parameter.schema(Some(schema)).build()]
}

fn path(name: &str, description: &str, schema: ObjectBuilder) -> Vec<Parameter> {
    let parameter = ParameterBuilder::new()
        .name(name)
        .parameter_in(ParameterIn::Path)
        .required(Required::True);
    let parameter = parameter.description(Some(description));
    vec![parameter.schema(Some(schema)).build()]
}

/// `If-Match`.
pub(in crate::http) struct Conditional;

impl IntoParams for Conditional {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        let description = "The `ETag` of a preview or of the options, or several, or `*`: it is \
                           done only if nothing has changed since";
        header("If-Match", description, text())
    }
}

/// `Idempotency-Key`.
pub(in crate::http) struct Repeatable;

impl IntoParams for Repeatable {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        let description = "A repeat of the same request with the same key gets the first answer \
                           back, for 24 hours, and is done once";
        let key = text().pattern(Some("^[!-~]{1,255}$"));
        header("Idempotency-Key", description, key)
    }
}

/// `Setup-Token`.
pub(in crate::http) struct Handover;

impl IntoParams for Handover {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        let description = "A token from `/setup-token`: once the run is committed, `/prove` accepts \
                           it, if the run hands the service over to somebody else";
        header(
            "Setup-Token",
            description,
            text().pattern(Some("^[0-9a-f]{64}$")),
        )
    }
}

/// `Idempotency-Key`, of another request.
pub(in crate::http) struct RecalledKey;

impl IntoParams for RecalledKey {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        let description = "The key of the request whose answer was lost: 32 random \
                           characters or more, as a UUID or hexadecimal digits";
        let key = text().pattern(Some("^[!-~]{32,255}$"));
        let mut parameters = header("Idempotency-Key", description, key);
        for parameter in &mut parameters {
            parameter.required = Required::True;
        }
        parameters
    }
}

/// `Last-Event-ID`.
pub(in crate::http) struct LastEventId;

impl IntoParams for LastEventId {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        let description = "The last event that the listener has seen: he hears what came after it";
        header("Last-Event-ID", description, text())
    }
}

/// The name of a backup.
pub(in crate::http) struct BackupName;

impl IntoParams for BackupName {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        let name = text().pattern(Some(BACKUP_NAME));
        path("name", "The name of a backup", name)
    }
}

/// The number of a run.
pub(in crate::http) struct RunId;

impl IntoParams for RunId {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        let id = text().format(Some(SchemaFormat::KnownFormat(KnownFormat::Uuid)));
        path("id", "The run", id)
    }
}
