//! What a person does in the browser, again and again.

use std::fs::{self, File};
use std::net::TcpStream;
use std::process::Command;

use serde_json::Value;
use test_browser::Browser;

use crate::server::{PASSPHRASE, Server};

pub(super) const OPTIONS: &str = "/settings/reset";
pub(super) const ONBOARDING: &str = "/onboarding";
pub(super) const PHRASE: &str = "RESET TUITBOT";

/// Opens the service and signs in; sees what can be reset.
pub(super) async fn sign_in(browser: &Browser) {
    browser.open("/").await;
    browser.until_at(OPTIONS).await;
    browser.fill("#passphrase", PASSPHRASE).await;
    browser.click("#sign-in button").await;
    browser.until_shows("#danger").await;
}

/// Types the phrase and presses the button.
pub(super) async fn confirm(browser: &Browser) {
    browser.fill("#phrase", PHRASE).await;
    browser.until_property("#erase", "disabled", false).await;
    browser.click("#erase").await;
}

/// Fills the form that takes the bot into use.
pub(super) async fn fill_onboarding(browser: &Browser, passphrase: &str) {
    for (field, value) in [
        ("#product-name", "Kestrel"),
        ("#product-description", "Watches the sky"),
        ("#product-keywords", "birds, sky ,, wind"),
        ("#industry-topics", "ornithology"),
        ("#client-id", "client"),
        ("#passphrase", passphrase),
        ("#passphrase-again", passphrase),
    ] {
        browser.fill(field, value).await;
    }
}

/// What the page should say of everything: `GET /options`.
pub(super) async fn options(server: &Server) -> Value {
    server.get("/api/reset/options").await.json()
}

/// The sum of the counts of a kind of item.
pub(super) fn sum(report: &Value, kind: &str) -> u64 {
    let steps = report["steps"].as_array().unwrap().iter();
    let items = steps.flat_map(|step| step["items"].as_array().unwrap());
    let items = items.filter(|item| item["kind"] == kind && item["outcome"] == "removed");
    items.map(|item| item["count"].as_u64().unwrap()).sum()
}

/// `3060` as `3,060`.
pub(super) fn grouped(number: u64) -> String {
    match number {
        0..1000 => number.to_string(),
        _ => format!("{},{:03}", grouped(number / 1000), number % 1000),
    }
}

/// What the button says that erases everything.
pub(super) fn erase_label(report: &Value) -> String {
    let (rows, files) = (sum(report, "table"), sum(report, "path"));
    format!("Erase {} rows and {files} files", grouped(rows))
}

/// A request that is under way, and that a reset waits for: it reads a configuration that has no
/// end yet. Begin it before the page looks at the data, because it changes when the file changed.
pub(super) struct Request {
    _connection: TcpStream,
    configuration: File,
}

impl Request {
    pub(super) fn begin(server: &Server) -> Self {
        let file = server.directory().join("config.toml");
        let aside = server.directory().join("config.aside");
        let is_configured = fs::rename(&file, &aside).is_ok();
        let made = Command::new("mkfifo").arg(&file).status().unwrap();
        assert!(made.success());
        let (host, token) = (server.host(), server.token());
        let connection = server.send_raw(&format!(
            "GET /api/settings HTTP/1.1\r\nhost: {host}\r\nauthorization: Bearer {token}\r\n\r\n"
        ));
        // Waits until the service has opened it for reading, behind the gate.
        let configuration = File::options().write(true).open(&file).unwrap();
        match is_configured {
            true => fs::rename(&aside, &file).unwrap(),
            false => fs::remove_file(&file).unwrap(),
        }
        Self {
            _connection: connection,
            configuration,
        }
    }

    /// Ends it, without any effect.
    pub(super) fn end(self) {
        drop(self.configuration);
    }
}
