//! One browser, from its start to its end.

use std::panic::{AssertUnwindSafe, resume_unwind};

use futures::FutureExt;
use serde_json::{Map, json};
use thirtyfour::{Capabilities, WebDriver};
use tokio::sync::Semaphore;

use crate::Browser;
use crate::driver::Driver;

/// How many browsers run at a time; further tests wait.
static TURNS: Semaphore = Semaphore::const_new(2);

/// No window, nothing of the user's, and nothing that asks the network for anything itself.
const ARGUMENTS: [&str; 11] = [
    "--headless=new",
    // Tests run as root.
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--hide-scrollbars",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    // It may be tiny in a container.
    "--disable-dev-shm-usage",
    // A tab in the background is a tab like any other.
    "--disable-renderer-backgrounding",
];

impl Browser {
    /// Runs `test` in a browser of its own that looks at `origin` (`http://127.0.0.1:…`), then
    /// asserts that it [kept quiet](Browser::assert_quiet).
    ///
    /// # Panics
    ///
    /// When `test` does, having printed what the page looked like; or when there is no browser.
    pub async fn run(origin: &str, test: impl AsyncFnOnce(&Self)) {
        let _turn = TURNS.acquire().await;
        let driver = WebDriver::new(Driver::shared().url(), capabilities())
            .await
            .unwrap_or_else(|error| panic!("no browser: {error}; see `tests/run`"));
        let browser = Self::new(driver, origin);
        let tested = async {
            browser.resize(1280, 900).await;
            test(&browser).await;
            browser.assert_quiet().await;
        };
        let result = AssertUnwindSafe(tested).catch_unwind().await;
        if result.is_err() {
            browser.print().await;
        }
        browser.quit().await;
        if let Err(panic) = result {
            resume_unwind(panic);
        }
    }
}

fn capabilities() -> Capabilities {
    let mut capabilities = Map::new();
    capabilities.insert("browserName".to_owned(), json!("chrome"));
    capabilities.insert(
        "goog:chromeOptions".to_owned(),
        json!({ "args": ARGUMENTS }),
    );
    let logs = json!({ "browser": "ALL", "performance": "ALL" });
    capabilities.insert("goog:loggingPrefs".to_owned(), logs);
    capabilities.into()
}
