//! `POST /backup`, `GET /backups`, `DELETE /backups/{name}`, `POST /restore`.

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde::{Deserialize, Serialize};

use super::call::Call;
use super::idempotency::{Done, Memory, Try, once};
use super::json::present;
#[cfg(feature = "openapi")]
use super::openapi;
use super::refused::Refused;
use super::reply::Reply;
use super::run::of_failed_backup;
use crate::backup::{Backup, BackupError, BackupRequest};
use crate::descriptor::Category;
use crate::engine::Engine;
use crate::error::PlanError;
use crate::message;

/// How long the name of a backup may be.
const LONGEST_NAME: usize = 64;

/// A backup that is asked for.
#[derive(Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub(super) struct NewBackup {
    /// What it is to be called.
    name: String,
    /// What it is to hold; everything but preserved secrets when absent.
    #[serde(default, deserialize_with = "present")]
    #[cfg_attr(feature = "openapi", schema(value_type = Vec<Content>, required = false))]
    include: Option<Vec<Content>>,
}

/// What a backup can be asked to hold.
#[derive(Clone, Copy, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub(super) enum Content {
    Database,
    Files,
    Config,
}

impl From<Content> for Category {
    fn from(content: Content) -> Self {
        match content {
            Content::Database => Self::Database,
            Content::Files => Self::Files,
            Content::Config => Self::Config,
        }
    }
}

/// A restoration that is asked for.
#[derive(Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub(super) struct Restoration {
    /// Which backup to put back.
    name: String,
    #[serde(rename = "confirm")]
    _confirm: bool,
    /// What was typed to confirm it; checked when it is there.
    #[serde(default, deserialize_with = "present")]
    #[cfg_attr(feature = "openapi", schema(value_type = String, required = false))]
    confirmation: Option<String>,
}

#[derive(Serialize)]
struct Made {
    success: bool,
    message: String,
    backup: Backup,
}

#[derive(Serialize)]
struct Listed {
    backups: Vec<Backup>,
}

#[derive(Serialize)]
struct Removed {
    success: bool,
    message: String,
}

/// The name of a backup, if it can be one.
fn checked(name: String) -> Result<String, Refused> {
    let fits = |byte: &u8| byte.is_ascii_alphanumeric() || b"._-".contains(byte);
    if (1..=LONGEST_NAME).contains(&name.len()) && name.as_bytes().iter().all(fits) {
        Ok(name)
    } else {
        Err(BackupError::Name(name).into())
    }
}

/// The name of a backup that is to be made, if it can be one: no URL leads to a backup called `.`
/// or `..`, and a command takes one that begins with `-` for an option.
pub(super) fn checked_new(name: String) -> Result<String, Refused> {
    let name = checked(name)?;
    if name.starts_with(['.', '-']) {
        return Err(BackupError::Name(name).into());
    }
    Ok(name)
}

/// Makes a named backup.
#[cfg_attr(feature = "openapi", utoipa::path(
    post,
    path = "/backup",
    operation_id = "makeBackup",
    request_body = NewBackup,
    params(openapi::Repeatable),
    responses(
        (status = 200, description = "It is made", body = ref("#/components/schemas/BackupMade")),
        openapi::Always, openapi::OfBody, openapi::OfBackup,
    )
))]
pub(super) async fn make(call: Call) -> Result<Response, Refused> {
    let asked: NewBackup = call.fields()?;
    let name = checked_new(asked.name)?;
    let mut request = BackupRequest::new(name.clone());
    if let Some(include) = asked.include {
        if include.is_empty() {
            let error = "`include` is empty: name some of `database`, `files`, `config`, or leave \
                         it out for everything";
            return Err(Refused::bad_request(error));
        }
        request = request.include(include.into_iter().map(Category::from));
    }
    let repeatable = call.repeatable()?;
    let engine = call.engine;
    let work = {
        let engine = engine.clone();
        async move |this: Try| match engine.backup(request).await {
            Ok(backup) => made(backup),
            Err(BackupError::Exists(_))
                if let Some(backup) = earlier(&engine, &name, this).await =>
            {
                made(backup)
            }
            Err(error) => {
                let memory = of_failed_backup(&error);
                Done::new(Refused::from(error), memory)
            }
        }
    };
    Ok(once(engine, repeatable, work).await)
}

fn made(backup: Backup) -> Done {
    let message = message::of_backup(&backup);
    let made = Made {
        success: true,
        message,
        backup,
    };
    Done::new(Reply::ok(&made), Memory::Answer)
}

/// The backup that an earlier try has made, whose answer was lost with the process.
async fn earlier(engine: &Engine, name: &str, this: Try) -> Option<Backup> {
    let since = this.since?;
    let backups = engine.backups().await.ok()?.into_iter();
    let mut ours = backups.filter(|backup| backup.name == name && backup.created_at >= since);
    ours.next()
}

/// The backups that there are, the newest first.
#[cfg_attr(feature = "openapi", utoipa::path(
    get,
    path = "/backups",
    operation_id = "listBackups",
    responses(
        (status = 200, description = "All of them", body = ref("#/components/schemas/BackupList")),
        openapi::Always, openapi::OfNoBackups,
    )
))]
pub(super) async fn list(engine: State<Engine>) -> Result<Reply, Refused> {
    // Each list opens every backup.
    let turn = engine.inner.plans.turn().await;
    let _turn = turn.ok_or(PlanError::Busy)?;
    let backups = engine.backups().await?;
    Ok(Reply::new(StatusCode::OK, &Listed { backups }))
}

/// Removes a backup.
#[cfg_attr(feature = "openapi", utoipa::path(
    delete,
    path = "/backups/{name}",
    operation_id = "removeBackup",
    params(openapi::BackupName),
    responses(
        (status = 200, description = "It is removed", body = ref("#/components/schemas/Removed")),
        (status = 400, description = "It is no name of a backup", body = ref("#/components/schemas/Error")),
        (status = 409, description = "Another backup or reset is running", body = ref("#/components/schemas/Error")),
        openapi::Always, openapi::OfNoBackups,
    )
))]
pub(super) async fn remove(
    engine: State<Engine>,
    name: Result<Path<String>, PathRejection>,
) -> Result<Reply, Refused> {
    let Path(name) = name.map_err(|_| Refused::not_found("there is no such backup"))?;
    engine.remove_backup(&name).await?;
    let message = message::of_removed_backup(&name);
    let removed = Removed {
        success: true,
        message,
    };
    Ok(Reply::ok(&removed))
}

/// Puts back exactly what a backup holds, all or nothing.
#[cfg_attr(feature = "openapi", utoipa::path(
    post,
    path = "/restore",
    operation_id = "restore",
    request_body = Restoration,
    params(openapi::Conditional, openapi::Repeatable, openapi::Handover),
    responses(
        (status = 200, description = "It is done", body = ref("#/components/schemas/ResetDone")),
        openapi::Always, openapi::OfBody, openapi::OfRun,
    )
))]
pub(super) async fn restore(call: Call) -> Result<Response, Refused> {
    let asked: Restoration = call.confirmed()?;
    call.check_phrase(asked.confirmation.as_deref())?;
    let name = checked(asked.name)?;
    call.restore(name).await
}
