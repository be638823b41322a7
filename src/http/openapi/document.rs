//! The document: the handlers' own descriptions, with what this host has.

use serde_json::{Map, Value, json};
use utoipa::openapi::OpenApi;

use crate::engine::Engine;
use crate::http::offer::Offer;

/// What the name of a backup looks like.
pub(super) const BACKUP_NAME: &str = "^[A-Za-z0-9._-]{1,64}$";

/// What the name of a new backup looks like.
const NEW_BACKUP_NAME: &str = "^[A-Za-z0-9_][A-Za-z0-9._-]{0,63}$";

/// The types of the framework, as they are sent. Tests compare them with what is sent.
const SCHEMAS: &str = include_str!("schemas.json");

/// The description of a router, whichever host it is of.
pub(super) fn of_router(handlers: &OpenApi) -> Value {
    // What utoipa has made, and what is written by hand, always makes JSON.
    let mut document = serde_json::to_value(handlers).unwrap_or_default();
    let schemas: Map<String, Value> = serde_json::from_str(SCHEMAS).unwrap_or_default();
    if let Some(known) = document["components"]["schemas"].as_object_mut() {
        known.extend(schemas);
    }
    document["info"] = json!({
        "title": "Reset service",
        "description": "Returns a running service to its factory state, all or nothing.",
        "version": env!("CARGO_PKG_VERSION"),
        "license": { "name": env!("CARGO_PKG_LICENSE"), "identifier": env!("CARGO_PKG_LICENSE") },
    });
    let mut selected = document["components"]["schemas"]["Preview"].clone();
    selected["required"] = json!(["confirm"]);
    selected["description"] = "Any selection, and that it is meant.".into();
    document["components"]["schemas"]["SelectedReset"] = selected;
    let bearer = json!({ "type": "http", "scheme": "bearer" });
    document["components"]["securitySchemes"] = json!({ "bearer": bearer });
    document["security"] = json!([{ "bearer": [] }]);
    for reset in [
        "DatabaseReset",
        "FilesReset",
        "CacheReset",
        "CompleteReset",
        "SelectedReset",
        "Restoration",
    ] {
        let confirm = property(&mut document, reset, "confirm");
        *confirm = json!({ "type": "boolean", "const": true, "description": "Must be true." });
    }
    for (schema, field, pattern) in [
        ("DatabaseReset", "backup", NEW_BACKUP_NAME),
        ("FilesReset", "backup", NEW_BACKUP_NAME),
        ("CompleteReset", "backup", NEW_BACKUP_NAME),
        ("SelectedReset", "backup", NEW_BACKUP_NAME),
        ("NewBackup", "name", NEW_BACKUP_NAME),
        ("Restoration", "name", BACKUP_NAME),
    ] {
        property(&mut document, schema, field)["pattern"] = pattern.into();
    }
    property(&mut document, "NewBackup", "include")["minItems"] = 1.into();
    document["paths"]["/preview"]["post"]["requestBody"]["required"] = false.into();
    let two_ways = json!({ "allOf": [
        { "anyOf": [
            { "required": ["tables"] }, { "required": ["directories"] }, { "required": ["prefix"] },
        ] },
        { "anyOf": [{ "required": ["steps"] }, { "required": ["only"] }] },
    ] });
    for schema in ["Preview", "SelectedReset"] {
        document["components"]["schemas"][schema]["not"] = two_ways.clone();
    }
    document
}

/// `document` for a router below `prefix`.
pub(super) fn with_server(mut document: Value, prefix: &str) -> Value {
    let server = if prefix.is_empty() { "/" } else { prefix };
    document["servers"] = json!([{ "url": server }]);
    document
}

/// `document` with the names that `engine` has.
pub(super) fn of_host(mut document: Value, engine: &Engine) -> Value {
    let offer = Offer::of(engine);
    let tables: Vec<_> = offer.tables().into_keys().collect();
    let directories: Vec<_> = offer.directories().into_keys().collect();
    let prefixes: Vec<_> = offer.prefixes().into_keys().collect();
    for schema in ["DatabaseReset", "Preview", "SelectedReset"] {
        one_of(property(&mut document, schema, "tables"), &tables);
    }
    for schema in ["FilesReset", "Preview", "SelectedReset"] {
        one_of(property(&mut document, schema, "directories"), &directories);
    }
    if !prefixes.is_empty() {
        let prefixes: Vec<_> = prefixes.iter().map(|prefix| literal(prefix)).collect();
        let pattern = format!("^({})", prefixes.join("|"));
        for schema in ["CacheReset", "Preview", "SelectedReset"] {
            property(&mut document, schema, "prefix")["pattern"] = pattern.clone().into();
        }
    }
    if !offer.has_test_user() {
        for schema in ["DatabaseReset", "CompleteReset", "Preview", "SelectedReset"] {
            property(&mut document, schema, "preserve_test_user")["const"] = false.into();
        }
    }
    let (mut steps, mut parts) = (Vec::new(), Map::new());
    for (step, of_step) in &engine.inner.parts {
        let names: Vec<_> = of_step.names().collect();
        steps.push((*step).to_owned());
        let mut list = json!({ "type": "array", "items": { "type": "string" }, "minItems": 1 });
        if of_step.keys.is_empty() && !names.is_empty() {
            list["items"]["enum"] = names.into();
        }
        parts.insert((*step).to_owned(), list);
    }
    let kept = engine.inner.kept_rows.iter();
    let kept: Vec<_> = kept.map(|rows| rows.name().to_owned()).collect();
    for schema in ["Preview", "SelectedReset"] {
        enumerate(property(&mut document, schema, "steps"), &steps);
        enumerate(property(&mut document, schema, "keep"), &kept);
        let only = property(&mut document, schema, "only");
        only["properties"] = parts.clone().into();
        only["additionalProperties"] = false.into();
    }
    document
}

fn property<'a>(document: &'a mut Value, schema: &str, field: &str) -> &'a mut Value {
    &mut document["components"]["schemas"][schema]["properties"][field]
}

/// A list of at least one of these.
fn one_of(list: &mut Value, names: &[String]) {
    list["minItems"] = 1.into();
    enumerate(list, names);
}

/// A list of some of these.
fn enumerate(list: &mut Value, names: &[String]) {
    if names.is_empty() {
        // No schema may enumerate nothing.
        list["maxItems"] = 0.into();
    } else {
        list["items"]["enum"] = names.into();
    }
}

/// A regular expression of ECMA 262 that matches `text`.
fn literal(text: &str) -> String {
    let mut literal = String::new();
    for letter in text.chars() {
        if r"\^$.*+?()[]{}|/".contains(letter) {
            literal.push('\\');
        }
        literal.push(letter);
    }
    literal
}
