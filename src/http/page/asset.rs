//! The files of the page, as they are served.

use std::borrow::Cow;

use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use sha2::{Digest as _, Sha256};

const STYLE: &str = "text/css; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";
const IMAGE: &str = "image/svg+xml";

/// Everything comes from where the page does. Nothing may stand in the document itself, nor may
/// another site show it in a frame.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
     img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
);

/// Stands in the document for the path to the other files.
const PLACE: &str = "{place}";

macro_rules! assets {
    ($($name:literal: $kind:ident,)+) => {
        /// Each file, with its path.
        pub(super) static ASSETS: &[(&str, Asset)] = &[$(
            (concat!("/", $name), Asset::new($kind, include_str!(concat!("assets/", $name)))),
        )+];
    };
}

assets! {
    "page.css": STYLE,
    "icon.svg": IMAGE,
    "answer.js": SCRIPT,
    "api.js": SCRIPT,
    "around.js": SCRIPT,
    "backup_contents.js": SCRIPT,
    "backups.js": SCRIPT,
    "category.js": SCRIPT,
    "changes.js": SCRIPT,
    "danger.js": SCRIPT,
    "dialog.js": SCRIPT,
    "difference.js": SCRIPT,
    "element.js": SCRIPT,
    "events.js": SCRIPT,
    "failure.js": SCRIPT,
    "goes.js": SCRIPT,
    "history.js": SCRIPT,
    "items_table.js": SCRIPT,
    "numbers.js": SCRIPT,
    "ownership.js": SCRIPT,
    "page.js": SCRIPT,
    "phrase.js": SCRIPT,
    "printable.js": SCRIPT,
    "progress.js": SCRIPT,
    "report.js": SCRIPT,
    "runs.js": SCRIPT,
    "selection.js": SCRIPT,
    "sign_in.js": SCRIPT,
    "stream.js": SCRIPT,
    "summary.js": SCRIPT,
    "tabs.js": SCRIPT,
    "track.js": SCRIPT,
    "view.js": SCRIPT,
}

/// One file.
#[derive(Debug, Clone)]
pub(super) struct Asset {
    kind: &'static str,
    text: Cow<'static, str>,
}

impl Asset {
    const fn new(kind: &'static str, text: &'static str) -> Self {
        Self {
            kind,
            text: Cow::Borrowed(text),
        }
    }

    /// Something that is made at run time.
    pub(super) fn json(text: String) -> Self {
        Self {
            kind: "application/json",
            text: Cow::Owned(text),
        }
    }

    /// The document for whoever has asked for a path that ends in `last`.
    pub(super) fn document(last: &str) -> Self {
        // Below `/settings/reset`, `page.js` would mean `/settings/page.js`.
        let place = if last.is_empty() {
            String::new()
        } else {
            format!("{}/", escaped(last))
        };
        let document = include_str!("assets/index.html");
        Self {
            kind: "text/html; charset=utf-8",
            text: Cow::Owned(document.replace(PLACE, &format!("./{place}"))),
        }
    }

    /// Answers with it, or that the browser's copy is still good.
    pub(super) fn answer(&self, headers: &HeaderMap) -> Response {
        let tag = self.tag();
        let known = headers.get(header::IF_NONE_MATCH);
        let known = known.and_then(|known| known.to_str().ok());
        // Weakly compared, as a proxy that compresses weakens a tag.
        let is_tag = |one: &str| one.trim().trim_start_matches("W/") == tag;
        let is_known = known.is_some_and(|known| known.split(',').any(is_tag));
        let headers = [
            (header::CONTENT_TYPE, HeaderValue::from_static(self.kind)),
            // Another release has other files under the same names.
            (header::CACHE_CONTROL, HeaderValue::from_static("no-cache")),
            (header::CONTENT_SECURITY_POLICY, POLICY),
            (
                header::X_CONTENT_TYPE_OPTIONS,
                HeaderValue::from_static("nosniff"),
            ),
            (
                header::REFERRER_POLICY,
                HeaderValue::from_static("no-referrer"),
            ),
        ];
        let mut response = if is_known {
            (StatusCode::NOT_MODIFIED, headers).into_response()
        } else {
            (headers, self.text.clone()).into_response()
        };
        // Hexadecimal digits in quotes are always a valid header.
        if let Ok(tag) = HeaderValue::from_str(&tag) {
            response.headers_mut().insert(header::ETAG, tag);
        }
        response
    }

    fn tag(&self) -> String {
        let hash = Sha256::digest(self.text.as_bytes());
        let digits: String = hash
            .iter()
            .take(16)
            .map(|byte| format!("{byte:02x}"))
            .collect();
        format!("\"{digits}\"")
    }
}

/// For an attribute in quotes. What can stand in a path, can stand there, but for these.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('"', "&quot;")
        .replace('<', "&lt;")
}
