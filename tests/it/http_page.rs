//! The options page: its files, their headers, and where they refer to.

use std::collections::BTreeSet;
use std::fs;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Method, Request, StatusCode, header};
use factory_reset::http::{Page, SignIn};
use serde_json::{Value, json};
use tower::ServiceExt;

const POLICY: [&str; 8] = [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "connect-src 'self'",
    "img-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
];

fn page() -> Page {
    Page::new("/api/reset/")
        .name("Host <b>\"&</b>")
        .sign_in(SignIn::passphrase("/login", "/status"))
        .hint("it is `sesame`")
        .afterwards("/onboarding")
}

/// Where hosts may put it: each with the paths at which the page is then.
fn mounted() -> Vec<(Router, Vec<&'static str>)> {
    let router = page().router();
    let deep = Router::new().nest_service("/settings/reset", router.clone());
    vec![
        (
            Router::new().nest_service("/settings/reset", router.clone()),
            vec!["/settings/reset", "/settings/reset/"],
        ),
        (Router::new().nest("/reset", router.clone()), vec!["/reset"]),
        (
            Router::new().nest("/reset/", router.clone()),
            vec!["/reset/"],
        ),
        (
            Router::new().nest("/a", Router::new().nest("/b", deep)),
            vec!["/a/b/settings/reset", "/a/b/settings/reset/"],
        ),
        (router, vec!["/"]),
    ]
}

async fn ask(app: &Router, request: Request<Body>) -> (StatusCode, HeaderMap, String) {
    let response = app.clone().oneshot(request).await.unwrap();
    let (status, headers) = (response.status(), response.headers().clone());
    let body = to_bytes(response.into_body(), usize::MAX).await.unwrap();
    (status, headers, String::from_utf8(body.to_vec()).unwrap())
}

async fn get(app: &Router, path: &str) -> (StatusCode, HeaderMap, String) {
    ask(app, Request::get(path).body(Body::empty()).unwrap()).await
}

/// What `reference` means on a page at `base`, as a browser takes it.
fn resolved(base: &str, reference: &str) -> String {
    assert!(!reference.contains("//"), "another origin: {reference}");
    assert!(!reference.starts_with('/'), "not relative: {reference}");
    let directory = &base[..=base.rfind('/').unwrap()];
    format!("{directory}{}", reference.trim_start_matches("./"))
}

/// The values of `attribute="…"`, or what else `begin` and `end` enclose.
fn between<'a>(text: &'a str, begin: &str, end: &str) -> Vec<&'a str> {
    let rest = text.split(begin).skip(1);
    rest.map(|rest| rest.split(end).next().unwrap()).collect()
}

/// What the document and the modules refer to, and so on, at absolute paths.
async fn reachable(app: &Router, start: &str) -> BTreeSet<String> {
    let (mut seen, mut waiting) = (BTreeSet::new(), vec![start.to_owned()]);
    while let Some(path) = waiting.pop() {
        if !seen.insert(path.clone()) {
            continue;
        }
        let (status, headers, text) = get(app, &path).await;
        assert_eq!(status, StatusCode::OK, "{path}");
        let kind = headers[header::CONTENT_TYPE].to_str().unwrap();
        let references = match kind {
            "text/html; charset=utf-8" => {
                let scripts = between(&text, "src=\"", "\"");
                let links = between(&text, "<link rel=\"", ">");
                let links = links.iter().flat_map(|link| between(link, "href=\"", "\""));
                scripts.into_iter().chain(links).collect()
            }
            "text/javascript; charset=utf-8" => {
                let mut modules = between(&text, "from \"", "\"");
                modules.extend(between(&text, "new URL(\"", "\""));
                modules
            }
            _ => Vec::new(),
        };
        waiting.extend(references.into_iter().map(|one| resolved(&path, one)));
    }
    seen
}

#[tokio::test]
async fn wherever_it_is_nested_all_that_it_refers_to_is_there() {
    for (app, paths) in mounted() {
        for path in paths {
            let files = reachable(&app, path).await;
            for name in [
                "page.css",
                "page.js",
                "icon.svg",
                "settings.json",
                "stream.js",
            ] {
                let name = format!("/{name}");
                assert!(
                    files.iter().any(|file| file.ends_with(&name)),
                    "{path}: {name}"
                );
            }
        }
    }
}

#[tokio::test]
async fn no_file_is_forgotten_and_none_is_unused() {
    let served = reachable(&page().router(), "/").await;
    let directory = concat!(env!("CARGO_MANIFEST_DIR"), "/src/http/page/assets");
    let names = fs::read_dir(directory).unwrap();
    let names = names.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let path = |name: String| match &*name {
        "index.html" => "/".to_owned(),
        _ => format!("/{name}"),
    };
    let mut written: BTreeSet<_> = names.map(path).collect();
    written.insert("/settings.json".to_owned());
    assert_eq!(served, written);
}

#[tokio::test]
async fn every_file_has_its_type_and_the_strict_headers() {
    let app = page().router();
    for path in reachable(&app, "/").await {
        let (_, headers, text) = get(&app, &path).await;
        let kind = match path.rsplit_once('.') {
            Some((_, "js")) => "text/javascript; charset=utf-8",
            Some((_, "css")) => "text/css; charset=utf-8",
            Some((_, "svg")) => "image/svg+xml",
            Some((_, "json")) => "application/json",
            _ => "text/html; charset=utf-8",
        };
        assert_eq!(headers[header::CONTENT_TYPE], kind, "{path}");
        assert_eq!(headers[header::X_CONTENT_TYPE_OPTIONS], "nosniff", "{path}");
        assert_eq!(headers[header::REFERRER_POLICY], "no-referrer", "{path}");
        assert_eq!(headers[header::CACHE_CONTROL], "no-cache", "{path}");
        let policy = headers[header::CONTENT_SECURITY_POLICY].to_str().unwrap();
        let parts: Vec<_> = policy.split("; ").collect();
        assert_eq!(parts, POLICY, "{path}");
        for other in ["http://", "https://", "@import", "url("] {
            let own = text.replace("http://www.w3.org/2000/svg", "");
            assert!(!own.contains(other), "{path} refers to another origin");
        }
    }
}

#[tokio::test]
async fn nothing_stands_in_the_document_that_its_policy_forbids() {
    let app = page().router();
    let (_, _, document) = get(&app, "/").await;
    for inline in [
        "<style",
        "style=",
        "onclick",
        "onload",
        "javascript:",
        "<base",
    ] {
        assert!(!document.contains(inline), "{inline}");
    }
    for script in between(&document, "<script", "</script>") {
        assert!(script.ends_with('>'), "a script in the document: {script}");
    }
    for path in reachable(&app, "/").await {
        let (_, _, text) = get(&app, &path).await;
        for unsafe_way in [
            "innerHTML",
            "outerHTML",
            "insertAdjacentHTML",
            "document.write",
            "eval(",
        ] {
            assert!(!text.contains(unsafe_way), "{path}: {unsafe_way}");
        }
    }
}

#[tokio::test]
async fn a_copy_that_is_still_good_is_not_sent_again() {
    let app = page().router();
    for path in ["/", "/page.js", "/page.css", "/settings.json"] {
        let (_, headers, _) = get(&app, path).await;
        let tag = headers[header::ETAG].clone();
        let request = |known: &str| {
            let request = Request::get(path).header(header::IF_NONE_MATCH, known);
            request.body(Body::empty()).unwrap()
        };
        let known = tag.to_str().unwrap();
        for known in [known.to_owned(), format!("\"other\", W/{known}")] {
            let (status, headers, body) = ask(&app, request(&known)).await;
            assert_eq!((status, &*body), (StatusCode::NOT_MODIFIED, ""), "{path}");
            assert_eq!(headers[header::ETAG], tag);
        }
        let (status, _, _) = ask(&app, request("\"other\"")).await;
        assert_eq!(status, StatusCode::OK);
    }
}

#[tokio::test]
async fn the_settings_are_those_of_the_host() {
    let settings = async |page: Page| -> Value {
        let (status, _, body) = get(&page.router(), "/settings.json").await;
        assert_eq!(status, StatusCode::OK);
        serde_json::from_str(&body).unwrap()
    };
    let expected = json!({
        "api": "/api/reset",
        "name": "Host <b>\"&</b>",
        "sign_in": { "kind": "passphrase", "login": "/login", "status": "/status" },
        "hint": "it is `sesame`",
        "afterwards": "/onboarding",
    });
    assert_eq!(settings(page()).await, expected);
    let expected = json!({
        "api": "/reset",
        "name": "",
        "sign_in": { "kind": "token" },
        "hint": null,
        "afterwards": null,
    });
    assert_eq!(settings(Page::new("/reset")).await, expected);
    let by_password = Page::new("/reset").sign_in(SignIn::password("/token"));
    let expected = json!({ "kind": "password", "token": "/token" });
    assert_eq!(settings(by_password).await["sign_in"], expected);
}

#[tokio::test]
async fn there_is_nothing_else_and_nothing_to_change() {
    let app = Router::new().nest_service("/reset", page().router());
    for path in [
        "/reset/other.js",
        "/reset/index.html",
        "/reset/assets/page.js",
    ] {
        let (status, _, _) = get(&app, path).await;
        assert_eq!(status, StatusCode::NOT_FOUND, "{path}");
    }
    for method in [Method::POST, Method::PUT, Method::DELETE] {
        for path in ["/reset", "/reset/page.js", "/reset/settings.json"] {
            let request = Request::builder().method(method.clone()).uri(path);
            let (status, _, _) = ask(&app, request.body(Body::empty()).unwrap()).await;
            assert_eq!(status, StatusCode::METHOD_NOT_ALLOWED, "{method} {path}");
        }
    }
    let head = Request::head("/reset/page.js").body(Body::empty()).unwrap();
    let (status, headers, body) = ask(&app, head).await;
    assert_eq!((status, &*body), (StatusCode::OK, ""));
    assert_eq!(
        headers[header::CONTENT_TYPE],
        "text/javascript; charset=utf-8"
    );
}

#[tokio::test]
async fn a_path_that_looks_like_markup_stays_a_path() {
    let app = Router::new().nest_service("/{place}", page().router());
    let (status, _, document) = get(&app, "/%22%3E&quot;'%3Cscript%3E").await;
    assert_eq!(status, StatusCode::OK);
    assert!(document.contains("src=\"./%22%3E&amp;quot;'%3Cscript%3E/page.js\""));
}
