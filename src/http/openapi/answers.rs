//! What calls can be answered, but for success.

use std::collections::BTreeMap;

use utoipa::IntoResponses;
use utoipa::openapi::header::HeaderBuilder;
use utoipa::openapi::{ContentBuilder, Ref, RefOr, Response, ResponseBuilder};

type Responses = BTreeMap<String, RefOr<Response>>;

/// The host denies with an answer of its own.
fn denial(description: &str) -> ResponseBuilder {
    ResponseBuilder::new().description(description)
}

fn error(description: &str) -> ResponseBuilder {
    let schema = Ref::from_schema_name("Error");
    let content = ContentBuilder::new().schema(Some(schema)).build();
    denial(description).content("application/json", content)
}

fn responses<const COUNT: usize>(of: [(u16, ResponseBuilder); COUNT]) -> Responses {
    let responses = of.into_iter();
    responses
        .map(|(status, response)| (status.to_string(), response.build().into()))
        .collect()
}

/// Any call.
pub(in crate::http) struct Always;

impl IntoResponses for Always {
    fn responses() -> Responses {
        let allow = HeaderBuilder::new().description(Some("the methods that there are"));
        let wait = HeaderBuilder::new().description(Some("when to try again, in seconds"));
        responses([
            (401, denial("The host does not know who asks")),
            (
                403,
                denial("The host does not allow it, or the caller has not proven to be the owner"),
            ),
            (
                405,
                error("The path has no such method").header("Allow", allow.build()),
            ),
            (500, error("Something failed; nothing has been lost")),
            (
                503,
                error("There are too many such calls at a time")
                    .header("Retry-After", wait.build()),
            ),
        ])
    }
}

/// A call with a body.
pub(in crate::http) struct OfBody;

impl IntoResponses for OfBody {
    fn responses() -> Responses {
        responses([(
            400,
            error("The body is not confirmed, names what is not there, or is too large"),
        )])
    }
}

/// A call that selects tables.
pub(in crate::http) struct OfSelection;

impl IntoResponses for OfSelection {
    fn responses() -> Responses {
        let breaks = "Tables outside the selection refer to rows that would go";
        responses([(422, error(breaks))])
    }
}

/// A call that resets or restores.
pub(in crate::http) struct OfRun;

impl IntoResponses for OfRun {
    fn responses() -> Responses {
        responses([
            (
                404,
                error("There is no such backup, or the host keeps none"),
            ),
            (
                409,
                error(
                    "Another run goes on, the backup is there already, or something is in the way",
                ),
            ),
            (
                412,
                error("What would be cleared is not what `If-Match` names"),
            ),
            (
                422,
                error(
                    "Tables outside the selection refer to rows that would go, the backup cannot \
                     be restored, or the `Idempotency-Key` belongs to another request",
                ),
            ),
        ])
    }
}

/// A call that makes a backup.
pub(in crate::http) struct OfBackup;

impl IntoResponses for OfBackup {
    fn responses() -> Responses {
        responses([
            (404, error("The host keeps no backups")),
            (
                409,
                error("There is a backup of that name already, or another run goes on"),
            ),
            (
                422,
                error("The `Idempotency-Key` belongs to another request"),
            ),
        ])
    }
}

/// A call about backups that there are.
pub(in crate::http) struct OfNoBackups;

impl IntoResponses for OfNoBackups {
    fn responses() -> Responses {
        responses([(
            404,
            error("There is no such backup, or the host keeps none"),
        )])
    }
}
