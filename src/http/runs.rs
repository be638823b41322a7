//! `GET /history`, `GET /history/{id}`: the runs of the past.

use axum::extract::{Path, State};
use serde::Serialize;
use uuid::Uuid;

use super::refused::Refused;
use super::reply::Reply;
use crate::engine::Engine;
use crate::history::HistoryEntry;

#[derive(Serialize)]
struct Runs {
    runs: Vec<HistoryEntry>,
}

pub(super) async fn list(State(engine): State<Engine>) -> Reply {
    Reply::ok(&Runs {
        runs: engine.history(),
    })
}

pub(super) async fn show(
    State(engine): State<Engine>,
    Path(id): Path<String>,
) -> Result<Reply, Refused> {
    // What is no run's number is as unknown as a number of no run.
    let entry = Uuid::try_parse(&id).ok();
    let entry = entry.and_then(|run| engine.history_entry(run));
    let entry = entry.ok_or_else(|| Refused::not_found("the history has no such run"))?;
    Ok(Reply::ok(&entry))
}
