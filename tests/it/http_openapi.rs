//! The router's description of itself is true.

use std::fs;
use std::path::Path;

use axum::Router;
use axum::body::Body;
use axum::http::{Method, Request, StatusCode, header};
use factory_reset::{Engine, KeptRows};
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::fixture::{Host, everything};
use crate::http_client::{app, full_engine, get, post, request, send};
use crate::steps::{Keys, paths};

async fn anybody(app: Router, path: &str) -> axum::response::Response {
    let request = Request::get(path).body(Body::empty()).unwrap();
    app.oneshot(request).await.unwrap()
}

async fn document(engine: &Engine) -> Value {
    let (status, document) = get(engine, "/reset/openapi.json").await;
    assert_eq!(status, StatusCode::OK);
    document
}

/// When the document is meant to change:
/// `UPDATE_OPENAPI=1 cargo test --all-features --test it http_openapi`, and look at the diff.
#[tokio::test]
async fn the_document_is_the_one_that_was_looked_at() {
    let host = Host::new().await;
    let document = document(&full_engine(&host).await).await;
    let mut text = serde_json::to_string_pretty(&document).unwrap();
    text.push('\n');
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/openapi.json");
    if std::env::var_os("UPDATE_OPENAPI").is_some() {
        fs::write(&path, &text).unwrap();
    }
    let known: Value = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
    assert_eq!(document["openapi"], "3.1.0");
    for part in ["info", "paths", "components", "servers", "security"] {
        assert_eq!(document[part], known[part], "see how to update it");
    }
}

#[tokio::test]
async fn every_operation_tells_every_status() {
    let host = Host::new().await;
    let document = document(&full_engine(&host).await).await;
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let responses = operation["responses"].as_object().unwrap();
            let has = |status: &str| responses.contains_key(status);
            for status in ["200", "405", "500"] {
                assert!(has(status), "{method} {path} {status}");
            }
            let is_open = operation["security"] == json!([{}]);
            assert_eq!(has("401"), !is_open, "{method} {path}");
            // Also of the open one: a caller who is known has no more rights there.
            assert!(has("403"), "{method} {path}");
            assert_eq!(is_open, path == "/answer");
            let has_body = operation.get("requestBody").is_some();
            let takes_body = method == "post" && path != "/setup-token";
            assert_eq!(has_body, takes_body, "{method} {path}");
            assert!(!has_body || has("400"), "{method} {path}");
        }
    }
    let ids: Vec<_> = document["paths"]
        .as_object()
        .unwrap()
        .values()
        .flat_map(|item| item.as_object().unwrap().values())
        .map(|operation| operation["operationId"].as_str().unwrap())
        .collect();
    let unique: std::collections::BTreeSet<_> = ids.iter().collect();
    assert_eq!(unique.len(), ids.len());
}

#[tokio::test]
async fn what_can_be_asked_for_is_what_the_host_has() {
    let host = Host::new().await;
    let rows = KeptRows::new("test_user", "signs in").rows("posts", "id = 2");
    let builder = host.media_builder().await.keep_rows(rows);
    let builder = builder.step(paths("generated", &["reports"]));
    let builder = builder.step(Keys::registration("a.b:"));
    let document = document(&builder.build().await.unwrap()).await;
    let property = |schema: &str, field: &str| {
        document["components"]["schemas"][schema]["properties"][field].clone()
    };
    let tables = property("DatabaseReset", "tables");
    assert_eq!(tables["items"]["enum"], json!(["drafts", "posts"]));
    assert_eq!(tables["minItems"], 1);
    assert_eq!(tables["type"], "array");
    let directories = property("FilesReset", "directories");
    assert_eq!(directories["items"]["enum"], json!(["media", "reports"]));
    assert_eq!(property("CacheReset", "prefix")["pattern"], "^(a\\.b:)");
    assert_eq!(property("CacheReset", "confirm")["const"], true);
    assert_eq!(
        property("Preview", "keep")["items"]["enum"],
        json!(["test_user"])
    );
    assert_eq!(
        property("CompleteReset", "preserve_test_user").get("const"),
        None
    );
    let reset = &document["components"]["schemas"]["DatabaseReset"];
    assert_eq!(reset["additionalProperties"], false);
    assert_eq!(reset["required"], json!(["confirm"]));
    assert_eq!(document["servers"], json!([{ "url": "/reset" }]));
}

#[tokio::test]
async fn names_of_the_host_are_for_authorised_callers() {
    let host = Host::new().await;
    let rows = KeptRows::new("the_tester", "signs in").rows("posts", "id = 2");
    let builder = host.media_builder().await.keep_rows(rows);
    let builder = builder.step(paths("generated", &["reports"]));
    let builder = builder.step(Keys::registration("a.b:"));
    let engine = builder.build().await.unwrap();
    let known = document(&engine).await;
    let names = ["drafts", "posts", "\"reports\"", "the_tester", "a\\\\.b:"];
    let text = known["components"].to_string();
    for name in names {
        assert!(text.contains(name), "{name}");
    }
    for token in [None, Some("Bearer wrong")] {
        let mut request = Request::get("/reset/openapi.json");
        if let Some(token) = token {
            request = request.header(header::AUTHORIZATION, token);
        }
        let request = request.body(Body::empty()).unwrap();
        let (status, headers, body) = send(&engine, request).await;
        assert_eq!(status, StatusCode::OK);
        assert_eq!(headers[header::CACHE_CONTROL], "no-store");
        let text = String::from_utf8(body.to_vec()).unwrap();
        for name in names {
            assert!(!text.contains(name), "{name}");
        }
        let document: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(document["paths"], known["paths"]);
        assert_eq!(document["servers"], known["servers"]);
    }
}

#[tokio::test]
async fn answers_are_what_the_document_says() {
    let host = Host::new().await;
    host.write("left/over.txt", "by nobody");
    let engine = full_engine(&host).await;
    let document = document(&engine).await;
    let fits = |path: &str, method: &str, (status, answer): (StatusCode, Value)| {
        let content = &document["paths"][path][method]["responses"][status.as_str()]["content"];
        let schema = &content["application/json"]["schema"];
        assert!(!schema.is_null(), "{method} {path} {status}");
        check(
            &document,
            schema,
            &answer,
            &format!("{method} {path} {status}"),
        );
    };
    fits("/options", "get", get(&engine, "/reset/options").await);
    for (call, body) in [
        ("preview", json!({})),
        ("preview", json!({ "tables": ["nothing"] })),
        ("database", json!({ "confirm": true })),
        (
            "files",
            json!({ "confirm": true, "directories": ["reports"] }),
        ),
        ("cache", json!({ "confirm": true })),
        ("complete", json!({})),
        ("complete", json!({ "confirm": true })),
        ("backup", json!({ "name": "one" })),
        ("restore", json!({ "name": "one", "confirm": true })),
    ] {
        let answer = post(&engine, &format!("/reset/{call}"), &body).await;
        fits(&format!("/{call}"), "post", answer);
    }
    fits("/backups", "get", get(&engine, "/reset/backups").await);
    engine
        .reset(factory_reset::ResetRequest::new(
            factory_reset::Selection::all(),
        ))
        .await
        .unwrap_err();
    let report = engine.reset(everything()).await.unwrap();
    fits("/history", "get", get(&engine, "/reset/history").await);
    let run = format!("/reset/history/{}", report.run.unwrap());
    fits("/history/{id}", "get", get(&engine, &run).await);
    fits(
        "/history/{id}",
        "get",
        get(&engine, "/reset/history/%ff").await,
    );
}

/// Compares `value` with `schema`: as much of JSON Schema as the document uses. A field that the
/// schema does not name is wrong.
fn check(document: &Value, schema: &Value, value: &Value, place: &str) {
    if let Some(reference) = schema["$ref"].as_str() {
        let schema = document.pointer(reference.strip_prefix('#').unwrap());
        return check(document, schema.unwrap(), value, place);
    }
    if let Some(schemas) = schema["oneOf"].as_array() {
        let is_null = |schema: &&Value| schema["type"] == "null";
        let fits = schemas
            .iter()
            .find(|schema| is_null(schema) == value.is_null());
        return check(document, fits.unwrap(), value, place);
    }
    if let Some(constant) = schema.get("const") {
        assert_eq!(value, constant, "{place}");
    }
    if let Some(values) = schema["enum"].as_array() {
        assert!(values.contains(value), "{place}: {value}");
    }
    let kind = match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    let types = &schema["type"];
    let is_of_type = types == kind
        || types
            .as_array()
            .is_some_and(|all| all.contains(&json!(kind)));
    assert!(is_of_type, "{place}: {value} is not {types}");
    for (index, element) in value.as_array().into_iter().flatten().enumerate() {
        check(
            document,
            &schema["items"],
            element,
            &format!("{place}[{index}]"),
        );
    }
    let Some(object) = value.as_object() else {
        return;
    };
    for required in schema["required"].as_array().into_iter().flatten() {
        assert!(
            object.contains_key(required.as_str().unwrap()),
            "{place}.{required}"
        );
    }
    for (field, value) in object {
        let place = format!("{place}.{field}");
        match (schema.get("properties"), schema.get("additionalProperties")) {
            (Some(properties), _) => {
                let schema = properties.get(field);
                let schema = schema.unwrap_or_else(|| panic!("{place} is not described"));
                check(document, schema, value, &place);
            }
            (None, Some(schema)) => check(document, schema, value, &place),
            (None, None) => {}
        }
    }
}

#[tokio::test]
async fn the_page_comes_with_all_it_needs_under_any_path() {
    let host = Host::new().await;
    let engine = full_engine(&host).await;
    for prefix in ["", "/deep/down"] {
        let app = || {
            if prefix.is_empty() {
                app(&engine)
            } else {
                Router::new().nest(prefix, app(&engine))
            }
        };
        let docs = format!("{prefix}/reset/docs");
        let redirect = anybody(app(), &docs).await;
        assert!(redirect.status().is_redirection());
        assert_eq!(redirect.headers()[header::LOCATION], "docs/");
        for (file, says) in [
            ("", "swagger-ui-bundle.js"),
            ("swagger-initializer.js", "../openapi.json"),
            ("swagger-ui.css", ".swagger-ui"),
            ("swagger-ui-bundle.js", "SwaggerUIBundle"),
        ] {
            let response = anybody(app(), &format!("{docs}/{file}")).await;
            assert_eq!(response.status(), StatusCode::OK, "{file}");
            let policy = &response.headers()[header::CONTENT_SECURITY_POLICY];
            let policy = policy.to_str().unwrap();
            assert!(policy.starts_with("default-src 'none'"));
            assert!(policy.contains("frame-ancestors 'none'"));
            assert_eq!(response.headers()[header::REFERRER_POLICY], "no-referrer");
            assert_eq!(
                response.headers()[header::X_CONTENT_TYPE_OPTIONS],
                "nosniff"
            );
            let body = axum::body::to_bytes(response.into_body(), usize::MAX).await;
            let text = String::from_utf8_lossy(&body.unwrap()).into_owned();
            assert!(text.contains(says), "{file}");
            assert!(
                !file.is_empty() || !text.contains("https://"),
                "loads from elsewhere"
            );
        }
        let missing = anybody(app(), &format!("{docs}/nothing.js")).await;
        assert_eq!(missing.status(), StatusCode::NOT_FOUND);
        let response = anybody(app(), &format!("{prefix}/reset/openapi.json")).await;
        let body = axum::body::to_bytes(response.into_body(), usize::MAX).await;
        let document: Value = serde_json::from_slice(&body.unwrap()).unwrap();
        assert_eq!(document["servers"][0]["url"], format!("{prefix}/reset"));
    }
    let (status, headers, _) =
        send(&engine, request(Method::POST, "/reset/openapi.json", "")).await;
    assert_eq!(status, StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(headers[header::ALLOW], "GET,HEAD");
}
