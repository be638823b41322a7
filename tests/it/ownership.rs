//! What earlier owners have left is withheld after a reset until ownership is proven.

use std::fs;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, Request, StatusCode, header};
use factory_reset::http::{Actor, Authoriser, Denial, router};
use factory_reset::{
    BackupRequest, BuildError, Engine, EngineBuilder, ResetError, ResetRequest, RestoreRequest,
    Selection, async_trait,
};
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::fixture::{Host, everything};
use crate::steps::{Fault, faulty, paths};

/// Knows sessions, and a bearer token that outlives resets.
struct Keeper;

#[async_trait]
impl Authoriser for Keeper {
    async fn authorise(&self, request: &Parts) -> Result<Actor, Denial> {
        let token = request.headers.get(header::AUTHORIZATION);
        match token.and_then(|token| token.to_str().ok()) {
            Some("session") => Ok(Actor("session".to_owned())),
            Some("bearer") => Ok(Actor("bearer".to_owned())),
            _ => Err(Denial::new((StatusCode::UNAUTHORIZED, "who are you?"))),
        }
    }

    fn proves_ownership(&self, actor: &Actor) -> bool {
        actor.0 == "bearer"
    }

    async fn accepts_proof(&self, secret: &str) -> bool {
        secret == "bearer"
    }
}

fn app(engine: &Engine) -> Router {
    router(engine, Keeper)
}

struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: Value,
}

async fn send(engine: &Engine, request: Request<Body>) -> Answer {
    let response = app(engine).oneshot(request).await.unwrap();
    let (status, headers) = (response.status(), response.headers().clone());
    // A stream of events has no end.
    let is_stream = headers[header::CONTENT_TYPE] == "text/event-stream";
    let body = match is_stream {
        true => Value::Null,
        false => {
            let body = to_bytes(response.into_body(), usize::MAX).await.unwrap();
            serde_json::from_slice(&body).unwrap()
        }
    };
    Answer {
        status,
        headers,
        body,
    }
}

fn request(who: &str, method: Method, path: &str, body: &Value) -> Request<Body> {
    let request = Request::builder().method(method).uri(path);
    let request = request.header(header::AUTHORIZATION, who);
    request.body(Body::from(body.to_string())).unwrap()
}

async fn get(engine: &Engine, who: &str, path: &str) -> Answer {
    send(engine, request(who, Method::GET, path, &Value::Null)).await
}

async fn post(engine: &Engine, who: &str, path: &str, body: Value) -> Answer {
    send(engine, request(who, Method::POST, path, &body)).await
}

async fn builder(host: &Host) -> EngineBuilder {
    host.write("passphrase", "hash");
    host.media_builder()
        .await
        .step(paths("owner", &["passphrase"]))
        .backups("backups")
        .owner_step("owner")
}

async fn engine(host: &Host) -> Engine {
    builder(host).await.build().await.unwrap()
}

async fn token(engine: &Engine, who: &str) -> String {
    let answer = post(engine, who, "/setup-token", json!({})).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
    assert_eq!(answer.headers[header::CACHE_CONTROL], "no-store");
    answer.body["setup_token"].as_str().unwrap().to_owned()
}

/// A reset that carries `token`, by whoever holds it.
async fn reset(engine: &Engine, token: &str) -> Answer {
    let body = json!({ "confirm": true });
    let mut request = request("session", Method::POST, "/complete", &body);
    let headers = request.headers_mut();
    headers.insert("setup-token", token.parse().unwrap());
    send(engine, request).await
}

async fn prove(engine: &Engine, token: &str) -> StatusCode {
    let body = json!({ "token": token });
    post(engine, "session", "/prove", body).await.status
}

async fn is_locked(engine: &Engine) -> bool {
    get(engine, "session", "/history").await.status == StatusCode::FORBIDDEN
}

/// Every route, with a body, and whether it is open to somebody who has not proven to be the owner.
fn routes() -> Vec<(Method, &'static str, Value, bool)> {
    let confirm = json!({ "confirm": true });
    let restore = json!({ "confirm": true, "name": "before" });
    let run = "/history/01890a5d-ac96-774b-bcce-b302099a8057";
    vec![
        (Method::GET, "/options", Value::Null, true),
        (Method::POST, "/preview", json!({}), true),
        (Method::GET, "/events", Value::Null, true),
        (Method::POST, "/prove", json!({ "token": "wrong" }), false),
        (Method::GET, "/backups", Value::Null, false),
        (Method::DELETE, "/backups/before", Value::Null, false),
        (Method::POST, "/restore", restore, false),
        (Method::GET, "/history", Value::Null, false),
        (Method::GET, run, Value::Null, false),
        (Method::POST, "/setup-token", json!({}), false),
        (Method::GET, "/answer", Value::Null, false),
        (Method::POST, "/backup", json!({ "name": "mine" }), true),
        (Method::POST, "/cache", confirm.clone(), true),
        (Method::POST, "/database", confirm.clone(), true),
        (Method::POST, "/files", confirm.clone(), true),
        (Method::POST, "/run", confirm.clone(), true),
        (Method::POST, "/complete", confirm, true),
    ]
}

const KEY: &str = "5f0c2e9a7d41b8e63c97a1f4d2b06e8f";

fn with_key(mut request: Request<Body>) -> Request<Body> {
    let headers = request.headers_mut();
    headers.insert("idempotency-key", KEY.parse().unwrap());
    request
}

#[tokio::test]
async fn nothing_of_an_earlier_owner_is_open_before_the_proof_on_any_route() {
    let host = Host::new().await;
    let engine = engine(&host).await;
    engine.backup(BackupRequest::new("before")).await.unwrap();
    let body = json!({ "confirm": true });
    let complete = || with_key(request("session", Method::POST, "/complete", &body));
    assert_eq!(send(&engine, complete()).await.status, StatusCode::OK);

    for (method, path, body, is_open) in routes() {
        let mut request = request("session", method.clone(), path, &body);
        if path == "/answer" {
            request = with_key(request);
        }
        let answer = send(&engine, request).await;
        let is_refused = answer.status == StatusCode::FORBIDDEN;
        assert_eq!(is_refused, !is_open, "{method} {path}: {}", answer.body);
        if is_refused && path != "/prove" {
            let error = answer.body["error"].as_str().unwrap();
            assert!(error.contains("prove"), "{error}");
        }
    }
    assert!(host.data().join("backups/before.tar.zst").exists());
    // The answer of the earlier owner is not given to a repeat either.
    let repeated = send(&engine, complete()).await;
    assert_eq!(repeated.status, StatusCode::FORBIDDEN);
    // A caller without a session needs nothing but the key: the reset has ended the session.
    let recalled = with_key(request("", Method::GET, "/answer", &Value::Null));
    assert_eq!(send(&engine, recalled).await.status, StatusCode::OK);
    // The bearer token outlives resets.
    for path in ["/history", "/backups"] {
        assert_eq!(get(&engine, "bearer", path).await.status, StatusCode::OK);
    }
    let options = get(&engine, "session", "/options").await.body;
    assert_eq!(options["ownership"], "unproven");
    let options = get(&engine, "bearer", "/options").await.body;
    assert_eq!(options["ownership"], "proven");
}

#[cfg(feature = "openapi")]
#[tokio::test]
async fn the_table_of_routes_is_complete() {
    use std::collections::BTreeSet;

    let host = Host::new().await;
    let engine = engine(&host).await;
    let document = get(&engine, "session", "/openapi.json").await.body;
    let paths = document["paths"].as_object().unwrap().iter();
    let described: BTreeSet<_> = paths
        .flat_map(|(path, item)| {
            let methods = item.as_object().unwrap().keys();
            methods.map(move |method| (method.to_uppercase(), path.clone()))
        })
        .collect();
    let listed: BTreeSet<_> = routes()
        .into_iter()
        .map(|(method, path, ..)| {
            let path = match path.split('/').nth(1).unwrap() {
                "backups" if method == Method::DELETE => "/backups/{name}".to_owned(),
                "history" if path.len() > "/history".len() => "/history/{id}".to_owned(),
                _ => path.to_owned(),
            };
            (method.to_string(), path)
        })
        .collect();
    assert_eq!(listed, described, "say of each route to whom it is open");
}

#[tokio::test]
async fn the_setup_token_of_the_confirming_client_opens_them_once() {
    let host = Host::new().await;
    let engine = engine(&host).await;
    assert!(!is_locked(&engine).await);
    let secret = token(&engine, "session").await;
    assert_eq!(
        prove(&engine, &secret).await,
        StatusCode::FORBIDDEN,
        "inert"
    );
    assert_eq!(reset(&engine, &secret).await.status, StatusCode::OK);
    assert!(is_locked(&engine).await);
    for wrong in ["", "0", &"0".repeat(64), &secret.to_uppercase()] {
        assert_eq!(prove(&engine, wrong).await, StatusCode::FORBIDDEN);
    }
    assert!(is_locked(&engine).await);
    assert_eq!(prove(&engine, &secret).await, StatusCode::OK);
    assert!(!is_locked(&engine).await);
    assert_eq!(prove(&engine, &secret).await, StatusCode::FORBIDDEN, "used");
    // A later reset needs another one, and activates no other.
    let (first, second) = (secret, token(&engine, "session").await);
    assert_eq!(reset(&engine, &first).await.status, StatusCode::FORBIDDEN);
    engine.reset(everything()).await.unwrap();
    assert_eq!(prove(&engine, &second).await, StatusCode::FORBIDDEN);
    assert_eq!(
        prove(&engine, "bearer").await,
        StatusCode::OK,
        "the host's own"
    );
    assert!(!is_locked(&engine).await);
}

#[tokio::test]
async fn an_undone_reset_leaves_the_token_inert_and_everything_open() {
    let host = Host::new().await;
    let engine = builder(&host).await.step(faulty(Fault::Fails));
    let engine = engine.build().await.unwrap();
    let secret = token(&engine, "session").await;
    let answer = reset(&engine, &secret).await;
    assert_eq!(answer.status, StatusCode::INTERNAL_SERVER_ERROR);
    assert!(!is_locked(&engine).await);
    assert_eq!(prove(&engine, &secret).await, StatusCode::FORBIDDEN);
    let own = host.data().join(".factory-reset");
    assert!(!own.join("owner.next.json").exists());
    drop(engine);
    let engine = self::engine(&host).await;
    assert!(!is_locked(&engine).await);
    // The same token is good for the reset that happens.
    assert_eq!(reset(&engine, &secret).await.status, StatusCode::OK);
    assert_eq!(prove(&engine, &secret).await, StatusCode::OK);
}

#[tokio::test]
async fn a_crash_around_the_commit_is_decided_by_the_commit_record() {
    for is_committed in [true, false] {
        let host = Host::new().await;
        let own = host.data().join(".factory-reset");
        let file = |name: &str| own.join(name);
        let engine = engine(&host).await;
        let secret = token(&engine, "session").await;
        let before = fs::read(file("owner.json")).unwrap();
        let report = engine
            .reset(everything().setup_token(&secret))
            .await
            .unwrap();
        drop(engine);
        let run = report.run.unwrap();
        // As it was when the process was killed: the journal is written, the state after the run
        // lies beside the old one.
        fs::rename(file("owner.json"), file("owner.next.json")).unwrap();
        fs::write(file("owner.json"), before).unwrap();
        let journal = json!({
            "version": 4, "run": run, "database": "host.db", "paths": [], "steps": {},
            "rows": false, "earlier": { "forget": {}, "purge": [], "reclaim": false },
            "swept": false, "entry": null,
        });
        fs::write(file("journal.prepared.json"), journal.to_string()).unwrap();
        if !is_committed {
            host.run("DELETE FROM _factory_reset").await;
        }
        let engine = self::engine(&host).await;
        assert_eq!(is_locked(&engine).await, is_committed);
        assert!(!file("owner.next.json").exists());
        let proof = prove(&engine, &secret).await;
        assert_eq!(proof == StatusCode::OK, is_committed);
        assert!(!is_locked(&engine).await);
    }
}

#[tokio::test]
async fn the_lock_outlives_a_restart() {
    let host = Host::new().await;
    let engine = engine(&host).await;
    let secret = token(&engine, "session").await;
    assert_eq!(reset(&engine, &secret).await.status, StatusCode::OK);
    drop(engine);
    let engine = self::engine(&host).await;
    assert!(is_locked(&engine).await);
    assert_eq!(prove(&engine, &secret).await, StatusCode::OK);
    drop(engine);
    assert!(!is_locked(&self::engine(&host).await).await);
}

#[tokio::test]
async fn only_what_hands_the_service_over_locks() {
    let host = Host::new().await;
    let engine = engine(&host).await;
    let media = ResetRequest::new(Selection::steps(["media"])).confirmed();
    engine.reset(media).await.unwrap();
    assert!(!is_locked(&engine).await);
    // A backup that holds what the owner signs in with brings the owner back.
    engine.backup(BackupRequest::new("owned")).await.unwrap();
    let restore = async |name: &str| {
        let request = RestoreRequest::new(name).confirmed();
        engine.restore_behind_gate(request).await.unwrap();
    };
    restore("owned").await;
    assert!(!is_locked(&engine).await);
    fs::remove_file(host.data().join("passphrase")).unwrap();
    engine
        .backup(BackupRequest::new("ownerless"))
        .await
        .unwrap();
    restore("ownerless").await;
    assert!(is_locked(&engine).await);
    engine.owner_proof().vouch().await.unwrap();
    let owner = ResetRequest::new(Selection::steps(["owner"])).confirmed();
    engine.reset(owner).await.unwrap();
    assert!(is_locked(&engine).await);
}

#[tokio::test]
async fn a_program_that_does_not_know_the_owner_hands_the_service_over_as_well() {
    let host = Host::new().await;
    drop(engine(&host).await);
    let other = host.media_builder().await.preserve("backups", "theirs");
    let other = other.step(paths("all", &["passphrase"])).build().await;
    other.unwrap().reset(everything()).await.unwrap();
    assert!(is_locked(&engine(&host).await).await);
}

#[tokio::test]
async fn a_host_without_an_owner_is_never_locked() {
    let host = Host::new().await;
    let engine = host.engine().await;
    engine.reset(everything()).await.unwrap();
    assert!(!is_locked(&engine).await);
    let answer = post(&engine, "session", "/setup-token", json!({})).await;
    assert_eq!(answer.status, StatusCode::NOT_FOUND);
    let options = get(&engine, "session", "/options").await.body;
    assert!(options.get("ownership").is_none());
    let error = engine.reset(everything().setup_token("x")).await;
    assert!(matches!(error, Err(ResetError::SetupToken(_))));
    drop(engine);
    let error = host.media_builder().await.owner_step("owner").build().await;
    assert!(matches!(error, Err(BuildError::UnknownOwnerStep { .. })));
}
