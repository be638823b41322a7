//! The routes of the reset service.

use std::sync::Arc;

use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::StatusCode;
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Router};

use super::authoriser::Authoriser;
#[cfg(feature = "openapi")]
use super::openapi;
use super::private::keep_private;
use super::refused::Refused;
use super::standing::{Unproven, require_proof};
use super::{
    backups, cache, complete, database, files, options, progress, proof, recall, runs, selected,
};
use crate::engine::Engine;

/// How large a body may be, in bytes: names of tables and directories.
const LARGEST_BODY: usize = 64 * 1024;

/// The framework's own routes, each behind `authoriser`; to be nested where the host wants
/// them, outside of its gate.
///
/// | route | what it does |
/// |---|---|
/// | `GET /options` | everything that can be reset, with its counts and the confirmation phrase |
/// | `POST /preview` | the report of a reset that is not made; an empty body selects everything |
/// | `POST /run` | resets any selection, as `/preview` takes it |
/// | `POST /database`, `/files`, `/cache` | resets the steps of one [category](crate::Category), or parts of them |
/// | `POST /complete` | resets everything |
/// | `POST /backup`, `GET /backups`, `DELETE /backups/{name}` | makes, lists and removes [backups](crate::Backup) |
/// | `POST /restore` | puts back what a backup holds |
/// | `GET /history`, `GET /history/{id}` | the runs of the past, and one of them with its report |
/// | `GET /events` | the progress of the run that is under way, as Server-Sent Events |
/// | `POST /setup-token` | issues a token that proves, after a reset, to have been the owner before |
/// | `POST /prove` | accepts such a token, or a credential of the host that outlives resets |
/// | `GET /answer` | the answer to a request whose reply was lost, for its unguessable `Idempotency-Key`: to the same caller, and without authorisation for 10 minutes |
/// | `GET /openapi.json`, `GET /docs` | their description, without authorisation; the names of tables, directories and steps only with it (feature `openapi`) |
///
/// After a reset that [hands the service over](crate::EngineBuilder::owner_step), callers who have
/// not proven to be the owner get 403 for backups, restores, history and setup tokens.
///
/// What destroys anything needs `"confirm": true`, understands `If-Match` with the `ETag` of
/// `/options` and `/preview`, and `Idempotency-Key`. It answers 200 with `{"success": true,
/// "message": …, "report": …}`, or `{"success": false, "error": …}` and nothing is lost.
///
/// Every answer but the files of `/docs` has `Cache-Control: no-store`. A host adds
/// [`AllowedHosts`](super::AllowedHosts) around all of its routes, otherwise web pages of other
/// sites can reach them through DNS rebinding.
///
/// ```
/// # use factory_reset::{Engine, http::{router, Authoriser}};
/// # fn app(engine: &Engine, authoriser: impl Authoriser) -> axum::Router {
/// axum::Router::new().nest("/api/reset", router(engine, authoriser))
/// # }
/// ```
pub fn router(engine: &Engine, authoriser: impl Authoriser) -> Router {
    let authoriser: Arc<dyn Authoriser> = Arc::new(authoriser);
    #[cfg(not(feature = "openapi"))]
    let (guarded, present, open) = (guarded(), present(), open());
    #[cfg(feature = "openapi")]
    let ((guarded, mut document), (present, others), (open, more)) = (guarded(), present(), open());
    let doorkeeper = Doorkeeper {
        engine: engine.clone(),
        authoriser: Arc::clone(&authoriser),
    };
    let router = guarded
        .route_layer(middleware::from_fn(require_proof))
        .merge(present)
        .fallback(unknown)
        .method_not_allowed_fallback(not_allowed)
        .layer(DefaultBodyLimit::max(LARGEST_BODY))
        .layer(middleware::from_fn_with_state(doorkeeper, authorise))
        .merge(open.method_not_allowed_fallback(not_allowed));
    #[cfg(feature = "openapi")]
    let router = {
        document.merge(others);
        document.merge(more);
        router.merge(openapi::document(&document).method_not_allowed_fallback(not_allowed))
    };
    let router = router
        .layer(Extension(authoriser))
        .layer(middleware::map_response(keep_private));
    #[cfg(feature = "openapi")]
    let router = router.merge(openapi::page().method_not_allowed_fallback(not_allowed));
    router.with_state(engine.clone())
}

/// Each route once, with or without its description.
macro_rules! routes {
    ($($(#[$comment:meta])* fn $name:ident {
        $($method:ident $path:literal => $module:ident::$handler:ident,)+
    })+) => {
        $($(#[$comment])*
        #[cfg(not(feature = "openapi"))]
        fn $name() -> Router<Engine> {
            Router::new()$(.route($path, axum::routing::$method($module::$handler)))+
        }

        $(#[$comment])*
        #[cfg(feature = "openapi")]
        fn $name() -> (Router<Engine>, utoipa::openapi::OpenApi) {
            let router = utoipa_axum::router::OpenApiRouter::default();
            router$(.routes(utoipa_axum::routes!($module::$handler)))+.split_for_parts()
        })+

        #[cfg(all(test, feature = "openapi"))]
        const ROUTES: &[(&str, &str)] = &[$($((stringify!($method), $path),)+)+];
    };
}

routes! {
    /// Those behind the authoriser that need a proof of ownership: every route that may touch what
    /// earlier owners have left. A new route belongs here, unless it touches the present state alone.
    fn guarded {
        get "/backups" => backups::list,
        delete "/backups/{name}" => backups::remove,
        post "/restore" => backups::restore,
        get "/history" => runs::list,
        get "/history/{id}" => runs::show,
        post "/setup-token" => proof::issue,
    }

    /// Those behind the authoriser that touch nothing but the present state.
    fn present {
        get "/options" => options::show,
        post "/preview" => selected::preview,
        post "/run" => selected::reset,
        post "/database" => database::reset,
        post "/files" => files::reset,
        post "/cache" => cache::reset,
        post "/complete" => complete::reset,
        post "/backup" => backups::make,
        get "/events" => progress::listen,
        post "/prove" => proof::prove,
    }

    /// Those whose key is in the request itself.
    fn open {
        get "/answer" => recall::answer,
    }
}

/// Tells who calls, and whether that caller may see what earlier owners have left.
#[derive(Clone)]
struct Doorkeeper {
    engine: Engine,
    authoriser: Arc<dyn Authoriser>,
}

async fn authorise(State(keeper): State<Doorkeeper>, request: Request, next: Next) -> Response {
    let (mut parts, body) = request.into_parts();
    match keeper.authoriser.authorise(&parts).await {
        Ok(actor) => {
            if let Some(unproven) = Unproven::of(&keeper.engine, &*keeper.authoriser, &actor) {
                parts.extensions.insert(unproven);
            }
            parts.extensions.insert(actor);
            next.run(Request::from_parts(parts, body)).await
        }
        Err(denial) => denial.into_response(),
    }
}

async fn unknown() -> Refused {
    Refused::not_found("there is nothing at this path")
}

async fn not_allowed() -> Refused {
    Refused::new(StatusCode::METHOD_NOT_ALLOWED, "method not allowed")
}

#[cfg(all(test, feature = "openapi"))]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn with_and_without_its_description_the_router_has_the_same_routes() {
        let (_, mut document) = guarded();
        document.merge(present().1);
        document.merge(open().1);
        let document = serde_json::to_value(document).unwrap();
        let paths = document["paths"].as_object().unwrap().iter();
        let described: BTreeSet<_> = paths
            .flat_map(|(path, item)| {
                let methods = item.as_object().unwrap().keys();
                methods.map(move |method| (method.as_str(), path.as_str()))
            })
            .collect();
        let routed: BTreeSet<_> = ROUTES.iter().copied().collect();
        assert_eq!(described, routed);
    }
}
