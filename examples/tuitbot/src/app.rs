use std::any::Any;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{DefaultBodyLimit, Request};
use axum::middleware::{Next, from_fn, from_fn_with_state, map_response};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Extension, Router};
use factory_reset::{Engine, OwnerProof};
use shared_host::keep_private;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::timeout::RequestBodyDeadlineLayer;
use tower_http::trace::TraceLayer;

use crate::access::require_caller;
use crate::reset::CallerAuthoriser;
use crate::routes::factory_reset::factory_reset;
use crate::routes::{auth, health, runtime, settings, targets};
use crate::{ApiError, AppState};

/// Where health is told, also while a reset runs.
const HEALTH: &str = "/api/health";
/// Where a browser signs in.
const LOGIN: &str = "/api/auth/login";
/// Where the service is taken into use.
const INIT: &str = "/api/settings/init";
/// Where a bot is claimed that was taken into use without a claim.
const CLAIM: &str = "/api/auth/claim";
/// How large a request body may be.
const BODY_LIMIT: usize = 1024 * 1024;
/// How long a request body may take to arrive.
const BODY_DEADLINE: Duration = Duration::from_secs(10);
/// How long an ordinary request may take. It goes on behind the gate even then, so no
/// write is dropped half-way.
const REQUEST_DEADLINE: Duration = Duration::from_secs(30);

/// The HTTP API, and `pages` beside it.
pub fn app(state: AppState, engine: &Engine, pages: Router) -> Router {
    // The reset's own routes lie outside of the gate, and of the deadline: a reset is never
    // given up half-way because it takes long.
    let reset = reset_routes(&state, engine);
    // These hash a passphrase first, and a reset waits for no hash.
    let gate = engine.gate().except(HEALTH);
    let gate = gate.enters_itself(LOGIN).enters_itself(INIT);
    let gate = gate.enters_itself(CLAIM);
    ordinary_routes(state, engine.owner_proof())
        .layer(gate)
        .layer(from_fn(answer_in_time))
        .merge(reset)
        .merge(pages)
        .layer(DefaultBodyLimit::max(BODY_LIMIT))
        .layer(RequestBodyDeadlineLayer::new(BODY_DEADLINE))
        .layer(CatchPanicLayer::custom(answer_panic))
        .layer(map_response(keep_private))
        .layer(TraceLayer::new_for_http().on_failure(()))
}

fn ordinary_routes(state: AppState, proof: OwnerProof) -> Router {
    let open = Router::new()
        .route(HEALTH, get(health::show))
        .route("/api/settings/status", get(settings::status))
        .route(INIT, post(settings::init))
        .route(CLAIM, post(auth::claim))
        .route(LOGIN, post(auth::login))
        .route("/api/auth/status", get(auth::status));
    let authentication = Arc::clone(&state.authentication);
    let protected = Router::new()
        .route("/api/settings", get(settings::show))
        .route("/api/auth/logout", post(auth::logout))
        .route("/api/runtime/status", get(runtime::status))
        .route("/api/runtime/start", post(runtime::start))
        .route("/api/runtime/stop", post(runtime::stop))
        .route("/api/targets", get(targets::list).post(targets::create))
        .route_layer(from_fn_with_state(authentication, require_caller));
    open.merge(protected)
        .fallback(|| async { ApiError::NotFound("no such route") })
        .method_not_allowed_fallback(|| async { ApiError::MethodNotAllowed })
        .layer(Extension(proof))
        .with_state(state)
}

fn reset_routes(state: &AppState, engine: &Engine) -> Router {
    let authentication = Arc::clone(&state.authentication);
    let authoriser = CallerAuthoriser(Arc::clone(&authentication));
    Router::new()
        .route("/api/settings/factory-reset", post(factory_reset))
        .route_layer(from_fn_with_state(authentication, require_caller))
        .with_state(engine.clone())
        .method_not_allowed_fallback(|| async { ApiError::MethodNotAllowed })
        .nest(
            "/api/reset",
            factory_reset::http::router(engine, authoriser),
        )
}

async fn answer_in_time(request: Request, next: Next) -> Result<Response, ApiError> {
    tokio::time::timeout(REQUEST_DEADLINE, next.run(request))
        .await
        .map_err(|_| ApiError::TimedOut)
}

fn answer_panic(_panic: Box<dyn Any + Send + 'static>) -> Response {
    // The panic itself has been printed by the panic hook.
    ApiError::Panicked.into_response()
}
