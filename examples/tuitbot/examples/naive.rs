//! The reset as it is often written by hand: all rows in one transaction, then the files, and
//! nothing that would finish or undo it after a crash.
//!
//! It is the negative control of the tests with faults, which must find its half resets. Take
//! nothing from it.

use std::fs;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Json, Router};
use clap::Parser;
use serde_json::{Value, json};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use sqlx::{AssertSqlSafe, SqlitePool};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

type Error = Box<dyn std::error::Error + Send + Sync>;

#[derive(Parser)]
enum Command {
    Serve {
        #[arg(long)]
        data_dir: PathBuf,
        #[arg(long)]
        bind: SocketAddr,
    },
}

#[derive(Clone)]
struct Host {
    directory: PathBuf,
    pool: SqlitePool,
}

#[tokio::main]
async fn main() -> Result<(), Error> {
    let Command::Serve { data_dir, bind } = Command::parse();
    fs::create_dir_all(data_dir.join("media"))?;
    let options = SqliteConnectOptions::new()
        .filename(data_dir.join("tuitbot.db"))
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Normal)
        .foreign_keys(false);
    let host = Host {
        directory: data_dir,
        pool: SqlitePool::connect_with(options).await?,
    };
    let app = Router::new()
        .route("/api/health", get(async || Json(json!({ "status": "ok" }))))
        .route("/api/settings/factory-reset", post(reset))
        .with_state(host.clone());
    let mut terminated = signal(SignalKind::terminate())?;
    let listener = TcpListener::bind(bind).await?;
    let address = listener.local_addr()?;
    writeln!(io::stdout(), "listening on http://{address}")?;
    axum::serve(listener, app)
        .with_graceful_shutdown(async move {
            terminated.recv().await;
        })
        .await?;
    host.pool.close().await;
    Ok(())
}

async fn reset(State(host): State<Host>) -> (StatusCode, Json<Value>) {
    let cleared = match clear_rows(&host.pool).await {
        Ok(()) => clear_files(&host.directory).map_err(Error::from),
        Err(error) => Err(error.into()),
    };
    match cleared {
        Ok(()) => (StatusCode::OK, Json(json!({ "status": "reset_complete" }))),
        Err(error) => {
            let body = json!({ "error": error.to_string() });
            (StatusCode::INTERNAL_SERVER_ERROR, Json(body))
        }
    }
}

async fn clear_rows(pool: &SqlitePool) -> Result<(), sqlx::Error> {
    let mut transaction = pool.begin().await?;
    let tables: Vec<String> = sqlx::query_scalar(
        "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite%' \
         AND name NOT IN ('_sqlx_migrations', '_factory_reset')",
    )
    .fetch_all(&mut *transaction)
    .await?;
    for table in tables {
        sqlx::query(AssertSqlSafe(format!("DELETE FROM \"{table}\"")))
            .execute(&mut *transaction)
            .await?;
    }
    transaction.commit().await
}

fn clear_files(directory: &Path) -> io::Result<()> {
    fs::remove_file(directory.join("config.toml"))?;
    fs::remove_file(directory.join("passphrase_hash"))?;
    fs::remove_dir_all(directory.join("media"))
}
