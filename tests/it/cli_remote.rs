//! The command line, on a server.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::middleware::{self, Next};
use axum::response::Response;
use factory_reset::cli::{Exit, Target};
use factory_reset::{BuildError, Engine, RunOutcome};
use futures::stream;
use serde_json::Value;
use tokio::net::TcpListener;

use crate::cli_command::{Told, Written, command, command_on};
use crate::fixture::{Host, everything, until};
use crate::http_client::app;
use crate::steps::{Entries, Turnstile, Workers};

/// Serves until the test ends; returns the address of the reset service.
pub(crate) async fn serve(app: Router) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, app).await });
    format!("http://{address}/reset")
}

/// Uses the command, which is not to open anything itself.
pub(crate) async fn ask(url: &str, token: &str, arguments: &[&str]) -> Told {
    ask_on(&Written::default(), url, token, arguments).await
}

pub(crate) async fn ask_on(err: &Written, url: &str, token: &str, arguments: &[&str]) -> Told {
    let open = async || -> Result<Engine, BuildError> { panic!("opened in spite of `--url`") };
    let arguments = [&["--url", url, "--token", token], arguments].concat();
    command_on(err, Target::new("host"), open, &arguments).await
}

/// The answer without the lines that say where it comes from.
fn placeless(told: &Told) -> String {
    let (_, rest) = told.out.split_once("\n\n").unwrap();
    rest.to_owned()
}

#[tokio::test]
async fn a_server_is_asked_and_tells_the_same() {
    let host = Host::new().await;
    let builder = host.media_builder().await.backups("backups");
    let engine = builder.confirmation("RESET HOST").build().await.unwrap();
    let url = serve(app(&engine)).await;
    for arguments in [&["options"][..], &["preview", "--step", "media"]] {
        let told = ask(&url, "token", arguments).await;
        assert_eq!(told.exit, Exit::Done, "{told:?}");
        assert!(told.out.contains(&url));
        assert_eq!(
            placeless(&told),
            placeless(&command(&engine, arguments).await)
        );
    }
    let told = ask(&url, "token", &["run", "--confirm", "reset host"]).await;
    assert_eq!(told.exit, Exit::Refused);
    let arguments = ["run", "--confirm", "RESET HOST", "--backup", "before"];
    let told = ask(&url, "token", &arguments).await;
    assert_eq!(told.exit, Exit::Done, "{told:?}");
    assert!(told.out.contains("3 rows of 2 tables deleted"), "{told:?}");
    let told = ask(
        &url,
        "token",
        &["restore", "before", "--confirm", "RESET HOST"],
    )
    .await;
    assert_eq!(told.exit, Exit::Done, "{told:?}");
    assert_eq!(host.number("SELECT count(*) FROM posts").await, 3);
    for arguments in [&["backups"][..], &["history"]] {
        let told = ask(&url, "token", arguments).await;
        assert_eq!(told.out, command(&engine, arguments).await.out);
    }
    let told = ask(&url, "token", &["backups", "--delete", "before"]).await;
    assert_eq!(told.exit, Exit::Done, "{told:?}");
    for name in [".", ".."] {
        let told = ask(&url, "token", &["backups", "--delete", name]).await;
        assert_eq!(told.exit, Exit::Usage, "{told:?}");
        assert!(told.error().contains("no address leads to"), "{told:?}");
    }
    let told = ask(&url, "token", &["recover"]).await;
    assert_eq!(told.exit, Exit::Done, "{told:?}");
    assert_eq!(engine.history()[0].actor.as_deref(), Some("admin"));
}

/// The names of what each step has, in the order of the steps.
fn names(report: &Value) -> Vec<(&str, Vec<&str>)> {
    let steps = report["steps"].as_array().unwrap().iter();
    steps
        .map(|step| {
            let items = step["items"].as_array().unwrap().iter();
            let names = items.map(|item| item["name"].as_str().unwrap());
            (step["id"].as_str().unwrap(), names.collect())
        })
        .collect()
}

#[tokio::test]
async fn a_report_names_what_the_preview_has_named_and_so_does_the_history() {
    let host = Host::new().await;
    let builder = host.builder(&["tables", "generators", "runtimes"]).await;
    let (entries, workers) = (Entries::new(7), Arc::new(Workers::default()));
    let builder = workers.offer(entries.offer(builder));
    let engine = builder.build().await.unwrap();
    let url = serve(app(&engine)).await;
    let preview = ask(&url, "token", &["preview", "--json"]).await.json();
    let told = ask(&url, "token", &["run", "--confirm", "host", "--json"]).await;
    assert_eq!(told.exit, Exit::Done, "{told:?}");
    let done = told.json();
    assert_eq!(names(&done["report"]), names(&preview));
    let run = done["report"]["run"].as_str().unwrap();
    let told = ask(&url, "token", &["history", run, "--json"]).await;
    assert_eq!(names(&told.json()["report"]), names(&preview));
}

#[tokio::test]
async fn refusals_end_as_those_of_an_engine_here() {
    let (host, turnstile) = (Host::new().await, Turnstile::new());
    let builder = host.media_builder().await.step(turnstile.registration());
    let engine = builder.strict_coverage().build().await.unwrap();
    let url = serve(app(&engine)).await;
    let run = ["run", "--confirm", "host"];
    for (arguments, exit) in [
        (&["run"][..], Exit::Refused),
        (
            &["run", "--confirm", "host", "--if-unchanged", "0"],
            Exit::Refused,
        ),
        (&["preview", "--step", "moods"], Exit::Usage),
        (&["backup", "first"], Exit::Usage),
        (
            &["history", "00000000-0000-0000-0000-000000000000"],
            Exit::Usage,
        ),
    ] {
        let told = ask(&url, "token", arguments).await;
        assert_eq!(told.exit, exit, "{arguments:?} {told:?}");
        told.error();
    }
    let first = tokio::spawn({
        let engine = engine.clone();
        async move { engine.reset(everything()).await }
    });
    turnstile.reached().await;
    let told = ask(&url, "token", &run).await;
    assert_eq!(told.exit, Exit::Busy, "{told:?}");
    turnstile.let_go();
    first.await.unwrap().unwrap();
    host.write("stray.txt", "whose?");
    let told = ask(&url, "token", &run).await;
    assert_eq!(told.exit, Exit::Refused, "{told:?}");
}

#[tokio::test]
async fn whoever_is_not_reached_or_lets_nobody_in_ends_with_5() {
    let host = Host::new().await;
    let url = serve(app(&host.engine().await)).await;
    let elsewhere = url.replace("/reset", "/elsewhere");
    // Nobody listens where somebody did.
    let free = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let nobody = format!("http://{}/reset", free.local_addr().unwrap());
    drop(free);
    let secure = url.replace("http:", "https:");
    for (url, token, says) in [
        (&url, "wrong", "FACTORY_RESET_TOKEN"),
        (&elsewhere, "token", "not as a reset service"),
        (&nobody, "token", "could not reach"),
        // Without TLS, or with that of another crate of the workspace: nobody speaks it there.
        (&secure, "token", "https:"),
    ] {
        let told = ask(url, token, &["run", "--confirm", "host", "--json"]).await;
        assert_eq!(told.exit, Exit::Unreachable, "{told:?}");
        assert!(told.error().contains(says), "{told:?}");
        assert!(told.error().contains(url.as_str()));
        assert_eq!(told.json()["success"], false);
    }
    for url in [
        "nowhere",
        "ftp://127.0.0.1/reset",
        "http://127.0.0.1/reset?a=b",
    ] {
        let told = ask(url, "token", &["options"]).await;
        assert_eq!(told.exit, Exit::Usage, "{told:?}");
    }
    assert_eq!(host.number("SELECT count(*) FROM posts").await, 3);
}

#[tokio::test]
async fn progress_is_told_while_the_server_works() {
    let (host, turnstile) = (Host::new().await, Turnstile::new());
    let builder = host.media_builder().await.step(turnstile.registration());
    let engine = builder.build().await.unwrap();
    let url = serve(app(&engine)).await;
    let err = Written::default();
    let working = ask_on(&err, &url, "token", &["run", "--confirm", "host"]);
    let watching = async {
        turnstile.reached().await;
        until(|| err.text().contains("3 steps to do")).await;
        turnstile.let_go();
    };
    let (told, ()) = tokio::join!(working, watching);
    assert_eq!(told.exit, Exit::Done, "{told:?}");
}

/// What becomes of the first request for a reset.
#[derive(Clone)]
struct Loss {
    is_due: Arc<AtomicBool>,
    /// Whether the service gets it before the connection is lost.
    arrives: bool,
}

async fn lose(State(loss): State<Loss>, request: Request, next: Next) -> Response {
    let is_reset = request.uri().path().ends_with("/run");
    if !is_reset || !loss.is_due.swap(false, Ordering::SeqCst) {
        return next.run(request).await;
    }
    if loss.arrives {
        next.run(request).await;
    }
    let lost = stream::iter([Err::<String, _>(std::io::Error::other("lost"))]);
    Response::new(Body::from_stream(lost))
}

#[tokio::test]
async fn an_answer_that_is_lost_is_asked_for_again_and_nothing_is_done_twice() {
    for arrives in [true, false] {
        let host = Host::new().await;
        let engine = host.engine().await;
        let loss = Loss {
            is_due: Arc::new(AtomicBool::new(true)),
            arrives,
        };
        let lossy = app(&engine).layer(middleware::from_fn_with_state(loss, lose));
        let url = serve(lossy).await;
        let told = ask(&url, "token", &["run", "--confirm", "host"]).await;
        assert_eq!(told.exit, Exit::Done, "{told:?}");
        assert!(told.err.contains("lost the connection"), "{told:?}");
        assert!(told.out.contains("3 rows of 2 tables deleted"), "{told:?}");
        let runs = engine.history();
        assert_eq!(runs.len(), 1);
        assert_eq!(runs[0].outcome, RunOutcome::Completed);
    }
}
