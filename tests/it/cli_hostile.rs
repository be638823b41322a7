//! The command line on a server that means harm: it shows nothing that a terminal obeys, sends
//! the token nowhere else, and comes to an end.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use factory_reset::Printable;
use factory_reset::cli::Exit;
use futures::future::{BoxFuture, FutureExt};
use futures::stream::{self, StreamExt};
use serde_json::{Value, json};
use tokio::sync::Notify;
use tokio::time::sleep;

use crate::cli_command::{Told, Written};
use crate::cli_remote::{ask, ask_on, serve};
use crate::fixture::until;

const RUN: &str = "0190b0f4-0000-7000-8000-000000000000";

/// Obeyed by a terminal, or not to be seen.
const HOSTILE: &str = "\u{1b}]0;x\u{7}\u{1b}[2J\u{9b}31m\u{85}\u{7f}\r\nEVIL\u{202e}\u{2066}\u{200e}\
                       \u{61c}\u{200b}\u{2060}\u{feff}\u{ad}\u{e0041}\u{180e}\u{3164}\u{2028}\u{fffd}";

const DONE: [&str; 3] = ["run", "--confirm", "RESET"];

/// One request as a hostile server gets it.
struct Asked {
    method: Method,
    path: String,
    headers: HeaderMap,
}

impl Asked {
    fn is(&self, method: &Method, path: &str) -> bool {
        self.method == *method && self.path == format!("/reset{path}")
    }
}

/// Serves what `answer` says; returns the address of the reset service.
async fn hostile<Answer>(answer: impl Fn(Asked) -> Answer + Send + Sync + 'static) -> String
where
    Answer: Future<Output = Response> + Send + 'static,
{
    let answer = Arc::new(answer);
    let handler = move |request: Request| -> BoxFuture<'static, Response> {
        let answer = answer.clone();
        async move {
            let (parts, body) = request.into_parts();
            drop(axum::body::to_bytes(body, usize::MAX).await);
            let asked = Asked {
                method: parts.method,
                path: parts.uri.path().to_owned(),
                headers: parts.headers,
            };
            answer(asked).await
        }
        .boxed()
    };
    serve(Router::new().fallback(handler)).await
}

/// Serves JSON: what `answer` says, or what a service without any state would.
async fn hostile_json(answer: impl Fn(&Asked) -> Option<Value> + Send + Sync + 'static) -> String {
    hostile(move |asked| {
        let value = answer(&asked).or_else(|| harmless(&asked));
        async move {
            match value {
                Some(value) => axum::Json(value).into_response(),
                None => StatusCode::NOT_FOUND.into_response(),
            }
        }
    })
    .await
}

fn plan() -> Value {
    json!({ "digest": "0a", "confirmation": "RESET", "backups": true })
}

fn harmless(asked: &Asked) -> Option<Value> {
    match asked.path.strip_prefix("/reset")? {
        "/options" | "/preview" => Some(plan()),
        "/backups" => Some(json!({ "backups": [] })),
        "/history" => Some(json!({ "runs": [] })),
        "/run" | "/restore" => Some(json!({ "success": true, "message": "", "report": {} })),
        _ => None,
    }
}

/// Every answer of a service, with `text` wherever there is text and `number` for each number.
fn filled(asked: &Asked, text: &str, number: &Value) -> Option<Value> {
    let item = |outcome: &str| {
        json!({ "kind": text, "name": text, "outcome": outcome, "count": number, "unit": text,
            "kept": number, "bytes": number, "message": text })
    };
    let named = json!([{ "kind": text, "name": text, "reason": text }]);
    let plan = json!({
        "run": RUN, "digest": text, "confirmation": "RESET", "backups": false,
        "duration_ms": number, "database": { "way": text, "because": text },
        "keep": [{ "name": text, "reason": text }], "parts": { text: [text, "b"], "c": [] },
        "steps": [
            { "id": text, "label": text, "counts": { text: number, "rows": number },
                "bytes": number,
                "items": [item("removed"), item("absent"), item(text), item("failed")] },
            { "id": "b", "label": text, "counts": { text: number }, "bytes": number, "items": [] },
        ],
        "preserved": named, "unclaimed": named, "blockers": [],
        "pending": [{ "work": text, "error": text }],
    });
    let contents = json!([{ "label": text, "tables": [{ "rows": number }, { "rows": number }],
        "files": number, "bytes": number }]);
    let backup = |name: &str, error: Option<&str>| {
        json!({ "name": name, "bytes": number, "created_at": "2026-01-01T00:00:00Z",
            "contents": contents, "error": error })
    };
    let run = json!({
        "id": RUN, "action": "restore", "backup": text, "outcome": "completed",
        "recovered": true, "actor": text, "started_at": "2026-01-01T00:00:00Z",
        "duration_ms": number, "error": text, "pending": plan["pending"], "report": plan,
    });
    let done = json!({ "success": true, "message": text, "report": plan });
    Some(match asked.path.strip_prefix("/reset")? {
        "/options" | "/preview" => plan,
        "/backups" => json!({ "backups": [backup(text, Some(text)), backup("there", None)] }),
        "/history" => json!({ "runs": [run] }),
        path if path.starts_with("/history/") => run,
        _ => done,
    })
}

/// The commands that show answers.
const COMMANDS: &[&[&str]] = &[
    &["options"],
    &["preview"],
    &DONE,
    &["run", "--dry-run"],
    &["backup", "new"],
    &["backups"],
    &["backups", "--delete", "there"],
    &["restore", "there", "--confirm", "RESET"],
    &["restore", "missing", "--confirm", "RESET"],
    &["history"],
    &["history", RUN],
    &["recover"],
];

/// Nothing in it is obeyed by a terminal, and no text begins a line.
fn assert_plain(told: &Told, command: &[&str]) {
    for line in told.out.lines().chain(told.err.lines()) {
        assert!(Printable::new(line).is_plain(), "{command:?}: {line:?}");
        assert!(
            !line.trim_start().starts_with("EVIL"),
            "{command:?}: {line:?}"
        );
    }
}

#[tokio::test]
async fn no_text_of_a_server_is_obeyed_by_the_terminal() {
    let url = hostile_json(|asked| {
        let mut answer = filled(asked, HOSTILE, &1.into())?;
        // The digest is sent back in a header, so a command would end before its report.
        if asked.path.ends_with("/preview") || asked.path.ends_with("/options") {
            answer["digest"] = "0a".into();
        }
        Some(answer)
    })
    .await;
    for command in COMMANDS {
        let told = ask(&url, "token", command).await;
        assert_plain(&told, command);
        // Of a server nothing is recovered, so nothing of its text is shown.
        let shows = (told.out + &told.err).contains("EVIL");
        assert!(shows || command == &["recover"], "{command:?}");
        let told = ask(&url, "token", &[&["--json"], *command].concat()).await;
        assert_plain(&told, command);
        let value = told.json();
        assert_eq!(value.to_string().contains("EVIL"), shows, "{value}");
        assert_eq!(told.out.lines().count(), 1, "{told:?}");
    }
}

#[tokio::test]
async fn no_refusal_of_a_server_is_obeyed_by_the_terminal() {
    let plan = json!({ "digest": HOSTILE, "blockers": [{ "kind": HOSTILE, "name": HOSTILE,
        "reason": HOSTILE }] });
    for (status, body) in [
        (
            400,
            json!({ "success": false, "error": HOSTILE, "report": { "run": HOSTILE } }),
        ),
        (409, json!({ "success": false, "error": HOSTILE })),
        (
            500,
            json!({ "success": false, "error": HOSTILE, "report": { "run": "../x" } }),
        ),
        (503, json!({ "success": false, "error": HOSTILE })),
        (500, json!(HOSTILE)),
        (200, json!({ "digest": HOSTILE, "steps": HOSTILE })),
        (200, json!({ "runs": [{ "outcome": HOSTILE }] })),
        (200, plan),
    ] {
        let status = StatusCode::from_u16(status).unwrap();
        let reply = body.clone();
        let url = hostile(move |_| {
            let headers = [(header::LOCATION, "http://127.0.0.1:1/")];
            std::future::ready((status, headers, axum::Json(reply.clone())).into_response())
        })
        .await;
        for command in COMMANDS {
            let told = ask(&url, "token", command).await;
            assert_plain(&told, command);
            if status == StatusCode::OK {
                continue;
            }
            assert_ne!(told.exit, Exit::Done, "{command:?} {told:?}");
            let told = ask(&url, "token", &[&["--json"], *command].concat()).await;
            assert_plain(&told, command);
            assert_eq!(told.json()["success"], false);
        }
    }
}

fn progress(text: &str, number: &Value) -> Vec<Value> {
    let about = |kind: &str, elapsed: &Value| {
        json!({ "kind": kind, "elapsed_ms": elapsed, "run": RUN, "name": text, "step": text,
            "steps": number, "done": number, "total": number, "unit": text,
            "counts": { text: number } })
    };
    [
        ("planned", json!(0)),
        ("backup_started", json!(0)),
        ("backup_progressed", json!(0)),
        ("backup_progressed", number.clone()),
        ("backup_made", json!(0)),
        ("step_started", json!(0)),
        ("step_progressed", json!(9000)),
        ("step_progressed", number.clone()),
        ("step_finished", number.clone()),
        ("undoing", json!(0)),
        ("committed", json!(0)),
    ]
    .iter()
    .map(|(kind, elapsed)| about(kind, elapsed))
    .collect()
}

/// A server whose run ends once `answer` has come from the events that `tell` makes.
async fn telling(tell: impl Fn() -> Response + Send + Sync + 'static, end: Arc<Notify>) -> String {
    hostile(move |asked| {
        let end = end.clone();
        let answer = match asked.is(&Method::GET, "/events") {
            true => Some(tell()),
            false => harmless(&asked).map(|value| axum::Json(value).into_response()),
        };
        async move {
            if asked.path.ends_with("/run") {
                end.notified().await;
            }
            answer.unwrap_or_else(|| StatusCode::NOT_FOUND.into_response())
        }
    })
    .await
}

#[tokio::test]
async fn no_event_of_a_server_is_obeyed_by_the_terminal_whatever_its_numbers() {
    for number in [json!(1), json!(u64::MAX), json!(0)] {
        let (end, err) = (Arc::new(Notify::new()), Written::default());
        let tell = move || {
            let all = progress(HOSTILE, &number).into_iter();
            let all = all.map(|event| Ok::<_, std::io::Error>(format!("data: {event}\n\n")));
            Body::from_stream(stream::iter(all).chain(stream::pending())).into_response()
        };
        let url = telling(tell, end.clone()).await;
        let working = ask_on(&err, &url, "token", &DONE);
        let watching = async {
            until(|| err.text().contains("committed")).await;
            end.notify_one();
        };
        let (told, ()) = tokio::join!(working, watching);
        assert_eq!(told.exit, Exit::Done, "{told:?}");
        assert!(told.err.contains("EVIL"), "{told:?}");
        assert_plain(&told, &DONE);
    }
}

#[tokio::test]
async fn absurd_numbers_and_values_end_no_command_with_a_panic() {
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    let numbers = [
        "18446744073709551615",
        "0",
        "-1",
        "1e308",
        "1.5",
        "NaN",
        "1e999",
        "null",
        &deep,
    ];
    for number in numbers {
        let number = number.to_owned();
        let url = hostile(move |asked| {
            let answer = filled(&asked, "x", &"NUMBER".into()).map(|value| value.to_string());
            let answer = answer.unwrap_or_default().replace("\"NUMBER\"", &number);
            std::future::ready(answer.into_response())
        })
        .await;
        for command in COMMANDS {
            ask(&url, "token", command).await;
        }
    }
    for time in [
        "9999-12-30T22:00:00Z",
        "-009999-01-02T01:59:59Z",
        "+999999-01-01T00:00:00Z",
        "",
    ] {
        let url = hostile(move |asked| {
            let answer = filled(&asked, "x", &1.into()).map(|value| value.to_string());
            let answer = answer
                .unwrap_or_default()
                .replace("2026-01-01T00:00:00Z", time);
            std::future::ready(answer.into_response())
        })
        .await;
        for command in COMMANDS {
            ask(&url, "token", command).await;
        }
    }
}

#[tokio::test]
async fn a_long_name_makes_no_long_table() {
    let url = hostile_json(|asked| {
        let item =
            |name: &str| json!({ "name": name, "outcome": "removed", "count": 1, "unit": "rows" });
        let mut items = vec![item("y"); 5000];
        items.push(item(&"x".repeat(4 * 1024 * 1024)));
        let step = json!({ "id": "a", "label": "a", "counts": {}, "items": items });
        let is_plan = asked.path.ends_with("/preview");
        is_plan.then(|| json!({ "digest": "0a", "steps": [step] }))
    })
    .await;
    let told = ask(&url, "token", &["preview"]).await;
    assert_eq!(told.exit, Exit::Done);
    assert!(told.out.contains('…'));
    assert!(told.out.len() < 16 * 1024 * 1024, "{}", told.out.len());
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    for status in [301, 302, 303, 307, 308] {
        let requests = Arc::new(AtomicUsize::new(0));
        let counted = requests.clone();
        let other = hostile(move |asked| {
            assert!(!asked.headers.contains_key(header::AUTHORIZATION));
            counted.fetch_add(1, Ordering::SeqCst);
            std::future::ready(axum::Json(plan()).into_response())
        })
        .await;
        let status = StatusCode::from_u16(status).unwrap();
        for target in [other, "/reset/elsewhere\u{9b}".to_owned()] {
            let url = hostile(move |_| {
                let location = header::HeaderValue::from_bytes(target.as_bytes()).unwrap();
                let headers = [(header::LOCATION, location)];
                std::future::ready((status, headers).into_response())
            })
            .await;
            for command in [
                &["options"][..],
                &["preview"],
                &["backups", "--delete", "x"],
            ] {
                let told = ask(&url, "token", command).await;
                assert_eq!(told.exit, Exit::Unreachable, "{told:?}");
                assert!(
                    told.error().contains("redirects are not followed"),
                    "{told:?}"
                );
                assert_plain(&told, command);
            }
        }
        assert_eq!(requests.load(Ordering::SeqCst), 0, "{status}");
    }
}

#[tokio::test]
async fn a_token_that_others_can_read_is_warned_about() {
    let warning = "the token is sent without encryption";
    // An address of this machine that does not look like one, and on which nobody listens.
    let told = ask("http://0.0.0.0:1/reset", "token", &["options"]).await;
    assert_eq!(told.err.matches(warning).count(), 1, "{told:?}");
    for (url, token) in [
        ("http://127.0.0.1:1/reset", "token"),
        ("http://localhost:1/reset", "token"),
        ("https://0.0.0.0:1/reset", "token"),
        ("http://0.0.0.0:1/reset", ""),
    ] {
        let told = ask(url, token, &["options"]).await;
        assert!(!told.err.contains(warning), "{url}: {told:?}");
    }
}

/// Bytes without an end.
fn endless() -> Body {
    let chunk = Bytes::from(vec![b'x'; 64 * 1024]);
    Body::from_stream(stream::repeat(chunk).map(Ok::<_, std::io::Error>))
}

#[tokio::test]
async fn an_answer_without_an_end_is_given_up() {
    for status in [StatusCode::OK, StatusCode::CONFLICT] {
        let url = hostile(move |_| std::future::ready((status, endless()).into_response())).await;
        for command in [
            &["options"][..],
            &["history"],
            &["backups", "--delete", "x"],
        ] {
            let told = ask(&url, "token", command).await;
            assert_eq!(told.exit, Exit::Unreachable, "{told:?}");
            assert!(told.error().contains("more than 16 MiB"), "{told:?}");
        }
    }
    let url = hostile(|asked| {
        let value = harmless(&asked).filter(|_| !asked.path.ends_with("/run"));
        let answer = value.map(|value| axum::Json(value).into_response());
        std::future::ready(answer.unwrap_or_else(|| endless().into_response()))
    })
    .await;
    let told = ask(&url, "token", &DONE).await;
    assert_eq!(told.exit, Exit::Undecided, "{told:?}");
    assert!(told.error().contains("more than 16 MiB"), "{told:?}");
}

/// Says when it is dropped.
struct Dropped(Arc<Notify>);

impl Drop for Dropped {
    fn drop(&mut self) {
        self.0.notify_one();
    }
}

#[tokio::test]
async fn events_without_an_end_are_given_up_and_the_answer_is_not() {
    let event = json!({ "kind": "sung", "elapsed_ms": 1, "song": "x".repeat(1000) });
    for chunk in [
        vec![b'x'; 64 * 1024],
        format!("data: {event}\n\n").into_bytes(),
    ] {
        let end = Arc::new(Notify::new());
        let dropped = end.clone();
        let tell = move || {
            let (chunk, dropped) = (Bytes::from(chunk.clone()), Dropped(dropped.clone()));
            let chunks = stream::repeat_with(move || {
                let _ = &dropped;
                Ok::<_, std::io::Error>(chunk.clone())
            });
            Body::from_stream(chunks).into_response()
        };
        // The run is answered once the client has hung up.
        let url = telling(tell, end).await;
        let told = ask(&url, "token", &DONE).await;
        assert_eq!(told.exit, Exit::Done, "{told:?}");
    }
}

// In the tests below hours go by in no time: the clock of the runtime is moved on whenever
// nothing but a timer is waited for.

#[tokio::test(start_paused = true)]
async fn events_are_not_asked_for_without_an_end() {
    let tries = Arc::new(AtomicUsize::new(0));
    let counted = tries.clone();
    let url = hostile(move |asked| {
        let is_event = asked.is(&Method::GET, "/events");
        if is_event {
            counted.fetch_add(1, Ordering::SeqCst);
        }
        async move {
            if asked.path.ends_with("/run") {
                sleep(Duration::from_secs(3600)).await;
            }
            let retry = [(header::RETRY_AFTER, "0")];
            match harmless(&asked).filter(|_| !is_event) {
                Some(value) => axum::Json(value).into_response(),
                None => (StatusCode::SERVICE_UNAVAILABLE, retry).into_response(),
            }
        }
    })
    .await;
    let told = ask(&url, "token", &DONE).await;
    assert_eq!(told.exit, Exit::Done, "{told:?}");
    assert!(tries.load(Ordering::SeqCst) <= 100, "{tries:?}");
}

/// How a server answers to a run, and to those who ask for its answer.
type Answers = fn() -> BoxFuture<'static, Response>;

fn lost() -> BoxFuture<'static, Response> {
    let lost = stream::iter([Err::<String, _>(std::io::Error::other("lost"))]);
    std::future::ready(Response::new(Body::from_stream(lost))).boxed()
}

fn never() -> BoxFuture<'static, Response> {
    std::future::pending().boxed()
}

fn unavailable(retry: &'static str) -> BoxFuture<'static, Response> {
    let body = axum::Json(json!({ "success": false, "error": "later" }));
    let headers = [(header::RETRY_AFTER, retry)];
    std::future::ready((StatusCode::SERVICE_UNAVAILABLE, headers, body).into_response()).boxed()
}

fn under_way() -> BoxFuture<'static, Response> {
    let body = axum::Json(json!({ "run": RUN }));
    std::future::ready((StatusCode::ACCEPTED, body).into_response()).boxed()
}

fn unknown() -> BoxFuture<'static, Response> {
    let body = axum::Json(json!({ "success": false, "error": "unknown" }));
    std::future::ready((StatusCode::NOT_FOUND, body).into_response()).boxed()
}

fn drip() -> BoxFuture<'static, Response> {
    let bytes = stream::repeat(()).then(async |()| {
        sleep(Duration::from_secs(10)).await;
        Ok::<_, std::io::Error>(" ")
    });
    std::future::ready(Body::from_stream(bytes).into_response()).boxed()
}

#[tokio::test(start_paused = true)]
async fn a_server_that_never_tells_the_answer_is_not_asked_for_ever() {
    let cases: [(&str, Answers, Answers, usize, usize); 9] = [
        ("503, at once again", lost, || unavailable("0"), 1, 60),
        (
            "503, never again",
            lost,
            || unavailable("18446744073709551615"),
            1,
            60,
        ),
        ("503, before", lost, || unavailable("-1"), 1, 60),
        ("lost again", lost, lost, 1, 60),
        ("silence", lost, never, 1, 60),
        ("drop by drop", lost, drip, 1, 60),
        ("the run drop by drop", drip, lost, 1, 60),
        ("unknown", lost, unknown, 5, 5),
        ("under way", lost, under_way, 1, 5000),
    ];
    for (name, run, recall, most_runs, most_recalls) in cases {
        let counts = Arc::new([AtomicUsize::new(0), AtomicUsize::new(0)]);
        let counted = counts.clone();
        let url = hostile(move |asked| {
            if asked.path.ends_with("/run") {
                counted[0].fetch_add(1, Ordering::SeqCst);
                run()
            } else if asked.path.ends_with("/answer") {
                counted[1].fetch_add(1, Ordering::SeqCst);
                recall()
            } else if let Some(value) = harmless(&asked) {
                std::future::ready(axum::Json(value).into_response()).boxed()
            } else {
                std::future::ready(StatusCode::NOT_FOUND.into_response()).boxed()
            }
        })
        .await;
        let told = ask(&url, "token", &DONE).await;
        assert_eq!(told.exit, Exit::Undecided, "{name}: {told:?}");
        assert!(told.error().contains("history"), "{name}: {told:?}");
        let [runs, recalls] = [0, 1].map(|at: usize| counts[at].load(Ordering::SeqCst));
        assert!(runs <= most_runs, "{name}: {runs}");
        assert!(recalls <= most_recalls, "{name}: {recalls}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_server_that_is_silent_or_slow_is_given_up() {
    let silent = hostile(|asked| async move {
        match harmless(&asked).filter(|_| !asked.path.ends_with("/run")) {
            Some(value) => axum::Json(value).into_response(),
            None => std::future::pending().await,
        }
    })
    .await;
    let told = ask(&silent, "token", &DONE).await;
    assert_eq!(told.exit, Exit::Undecided, "{told:?}");
    assert!(told.error().contains("12 hours"), "{told:?}");
    for slow in [drip as Answers, never] {
        let url = hostile(move |_| slow()).await;
        let told = ask(&url, "token", &["options"]).await;
        assert_eq!(told.exit, Exit::Unreachable, "{told:?}");
    }
}

#[tokio::test]
async fn a_refusal_ends_the_command_whatever_it_says_of_another_try() {
    for retry in [
        "0",
        "-1",
        "18446744073709551615",
        "Thu, 01 Jan 1970 00:00:00 GMT",
    ] {
        let url = hostile(move |asked| async move {
            match harmless(&asked).filter(|_| !asked.path.ends_with("/run")) {
                Some(value) => axum::Json(value).into_response(),
                None => unavailable(retry).await,
            }
        })
        .await;
        let told = ask(&url, "token", &DONE).await;
        assert_eq!(told.exit, Exit::Unreachable, "{told:?}");
    }
}

#[tokio::test]
async fn a_digest_that_no_header_holds_ends_the_command() {
    let url = hostile_json(|asked| {
        let mut plan = plan();
        plan["digest"] = "\"\r\nX-Other: 1\r\n\r\nPOST /reset/run".into();
        let is_plan = asked.path.ends_with("/preview") || asked.path.ends_with("/options");
        is_plan.then_some(plan)
    })
    .await;
    let told = ask(&url, "token", &DONE).await;
    assert_eq!(told.exit, Exit::Unreachable, "{told:?}");
    assert_plain(&told, &DONE);
}
