//! A small host with nothing but the custom step:
//! `cargo run -p custom-step --example host` prints where it listens, and what to try.

use std::error::Error;
use std::fs;

use axum::extract::State;
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::routing::{get, post};
use axum::{Json, Router};
use custom_step::SearchIndexDir;
use factory_reset::http::{Actor, Authoriser, Denial, router};
use factory_reset::{Engine, Report, ResetRequest, Selection, async_trait, chain};

/// Whoever reaches this host may reset it: it listens on the loopback address alone.
struct Everybody;

#[async_trait]
impl Authoriser for Everybody {
    async fn authorise(&self, _: &Parts) -> Result<Actor, Denial> {
        Ok(Actor("everybody".to_owned()))
    }
}

/// Builds the engine over a data directory.
pub(crate) async fn engine(
    data_dir: &std::path::Path,
) -> Result<Engine, factory_reset::BuildError> {
    Engine::builder()
        .data_dir(data_dir)
        .resource(SearchIndexDir::new("search"))
        .confirmation("RESET SEARCH")
        .build()
        .await
}

/// `/api/health`, `/api/reset/options`, `/api/reset/preview`, and `POST /api/reset-all` with
/// the phrase as the body.
pub(crate) fn app(engine: &Engine) -> Router {
    Router::new()
        .route("/api/health", get(|| async { "ok" }))
        .route("/api/reset-all", post(reset_all))
        .with_state(engine.clone())
        .nest("/api/reset", router(engine, Everybody))
}

async fn reset_all(
    State(engine): State<Engine>,
    phrase: String,
) -> Result<Json<Report>, (StatusCode, String)> {
    let request = ResetRequest::new(Selection::all()).phrase(phrase);
    let report = engine.reset(request).await;
    report
        .map(Json)
        .map_err(|error| (StatusCode::BAD_REQUEST, chain(&error)))
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let data_dir = tempfile::tempdir()?;
    fs::create_dir(data_dir.path().join("search"))?;
    fs::write(data_dir.path().join("search/segment-1"), "words")?;

    let engine = engine(data_dir.path()).await?;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    println!("listening on http://{address}");
    println!("  curl http://{address}/api/reset/options");
    println!("  curl -X POST http://{address}/api/reset/preview");
    println!("  curl -d 'RESET SEARCH' http://{address}/api/reset-all");
    axum::serve(listener, app(&engine)).await?;
    Ok(())
}
