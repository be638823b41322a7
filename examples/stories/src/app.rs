use std::any::Any;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request};
use axum::middleware::{Next, from_fn, from_fn_with_state, map_response};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use factory_reset::Engine;
use shared_host::keep_private;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::timeout::RequestBodyDeadlineLayer;
use tower_http::trace::TraceLayer;

use crate::access::require_caller;
use crate::reset::AdministratorAuthoriser;
use crate::routes::{auth, chapters, comments, health, publication, reports, stories, users};
use crate::{ApiError, AppState};

/// Where health is told, also while a reset runs.
const HEALTH: &str = "/api/health";
/// Where a user signs in.
const TOKEN: &str = "/api/auth/token";
/// Where the service is taken into use.
const SETUP: &str = "/api/auth/setup";
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
    let authoriser = AdministratorAuthoriser(Arc::clone(&state.authentication));
    let reset = factory_reset::http::router(engine, authoriser);
    // These hash a password first, and a reset waits for no hash.
    let gate = engine.gate().except(HEALTH);
    let gate = gate.enters_itself(TOKEN).enters_itself(SETUP);
    ordinary_routes(state)
        .layer(gate)
        .layer(from_fn(answer_in_time))
        .nest("/api/reset", reset)
        .merge(pages)
        .layer(DefaultBodyLimit::max(BODY_LIMIT))
        .layer(RequestBodyDeadlineLayer::new(BODY_DEADLINE))
        .layer(CatchPanicLayer::custom(answer_panic))
        .layer(map_response(keep_private))
        .layer(TraceLayer::new_for_http().on_failure(()))
}

fn ordinary_routes(state: AppState) -> Router {
    let open = Router::new()
        .route(HEALTH, get(health::show))
        .route(TOKEN, post(auth::token))
        .route(SETUP, post(auth::setup));
    let authentication = Arc::clone(&state.authentication);
    let protected = Router::new()
        .route("/api/users/me", get(users::me))
        .route("/api/stories", get(stories::list).post(stories::create))
        .route("/api/stories/{id}", get(stories::show))
        .route("/api/stories/{id}/chapters", post(chapters::create))
        .route("/api/stories/{id}/comments", post(comments::create))
        .route("/api/stories/{id}/publish", post(publication::create))
        .route("/api/reports", post(reports::create))
        .route_layer(from_fn_with_state(authentication, require_caller));
    open.merge(protected)
        .fallback(|| async { ApiError::NotFound("no such route") })
        .method_not_allowed_fallback(|| async { ApiError::MethodNotAllowed })
        .with_state(state)
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
