//! `GET /history`, `GET /history/{id}`: the runs of the past.

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use serde::Serialize;
use uuid::Uuid;

#[cfg(feature = "openapi")]
use super::openapi;
use super::refused::Refused;
use super::reply::Reply;
use crate::engine::Engine;
use crate::history::HistoryEntry;

#[derive(Serialize)]
struct Runs {
    runs: Vec<HistoryEntry>,
}

/// The runs of the past, the newest first, without their reports.
#[cfg_attr(feature = "openapi", utoipa::path(
    get,
    path = "/history",
    operation_id = "listRuns",
    responses(
        (status = 200, description = "The last of them", body = ref("#/components/schemas/History")),
        openapi::Always,
    )
))]
pub(super) async fn list(engine: State<Engine>) -> Reply {
    Reply::ok(&Runs {
        runs: engine.history(),
    })
}

/// A run of the past, with its report.
#[cfg_attr(feature = "openapi", utoipa::path(
    get,
    path = "/history/{id}",
    operation_id = "showRun",
    params(openapi::RunId),
    responses(
        (status = 200, description = "The run", body = ref("#/components/schemas/HistoryEntry")),
        (status = 404, description = "There is no such run", body = ref("#/components/schemas/Error")),
        openapi::Always,
    )
))]
pub(super) async fn show(
    engine: State<Engine>,
    id: Result<Path<String>, PathRejection>,
) -> Result<Reply, Refused> {
    // What is no run's number is as unknown as a number of no run.
    let entry = id.ok().and_then(|Path(id)| Uuid::try_parse(&id).ok());
    let entry = entry.and_then(|run| engine.history_entry(run));
    let entry = entry.ok_or_else(|| Refused::not_found("the history has no such run"))?;
    Ok(Reply::ok(&entry))
}
