use std::time::Duration;

use serde_json::Value;
use thirtyfour::{WebDriver, WindowHandle};
use tokio::time::{Instant, interval};

/// How long anything may take; far more than it does.
const PATIENCE: Duration = Duration::from_secs(60);
/// How often it is looked again.
const TURN: Duration = Duration::from_millis(20);

/// A browser with one tab or more, looking at one service.
pub struct Browser {
    pub(crate) driver: WebDriver,
    /// `http://127.0.0.1:…`: nothing else may be asked for anything.
    pub(crate) origin: String,
}

impl Browser {
    pub(crate) fn new(driver: WebDriver, origin: &str) -> Self {
        Self {
            driver,
            origin: origin.to_owned(),
        }
    }

    /// Goes to a path of the service.
    pub async fn open(&self, path: &str) {
        let address = format!("{}{path}", self.origin);
        let opened = self.driver.goto(&address).await;
        opened.unwrap_or_else(|error| panic!("`{address}` does not open: {error}"));
    }

    /// Goes away, to an empty page; what the tab keeps of the service stays.
    pub async fn leave(&self) {
        let left = self.driver.goto("about:blank").await;
        left.unwrap_or_else(|error| panic!("the page cannot be left: {error}"));
    }

    /// Loads the page again.
    pub async fn reload(&self) {
        let loaded = self.driver.refresh().await;
        loaded.unwrap_or_else(|error| panic!("the page does not load again: {error}"));
    }

    /// The path that the address line shows, with query and fragment.
    pub async fn path(&self) -> String {
        let script = "return location.pathname + location.search + location.hash";
        text(&self.evaluate(script, &[]).await)
    }

    /// Waits until the address line shows this path.
    pub async fn until_at(&self, path: &str) {
        self.until(&format!("the browser is at `{path}`"), async || {
            self.path().await == path
        })
        .await;
    }

    /// Opens a path in a further tab, and turns to it; returns the one before.
    pub async fn open_tab(&self, path: &str) -> Tab {
        let opened = self.driver.new_tab().await;
        let tab = Tab(opened.unwrap_or_else(|error| panic!("no tab opens: {error}")));
        let before = self.turn_to(&tab).await;
        self.open(path).await;
        before
    }

    /// Turns to a tab; returns the one before.
    pub async fn turn_to(&self, tab: &Tab) -> Tab {
        let before = self.tab().await;
        let turned = self.driver.switch_to_window(tab.0.clone()).await;
        turned.unwrap_or_else(|error| panic!("the tab is gone: {error}"));
        before
    }

    async fn tab(&self) -> Tab {
        let tab = self.driver.window().await;
        Tab(tab.unwrap_or_else(|error| panic!("there is no tab: {error}")))
    }

    /// What a script returns; `arguments` are its `arguments[0]` and so on.
    pub async fn evaluate(&self, script: &str, arguments: &[Value]) -> Value {
        let answer = self.driver.execute(script, arguments.to_vec()).await;
        match answer {
            Ok(answer) => answer.json().clone(),
            Err(error) => panic!("`{script}` fails: {error}"),
        }
    }

    /// Waits until `holds` says so.
    ///
    /// # Panics
    ///
    /// When that takes more than a minute; `what` tells what was waited for.
    pub async fn until(&self, what: &str, mut holds: impl AsyncFnMut() -> bool) {
        let start = Instant::now();
        let mut turn = interval(TURN);
        while !holds().await {
            assert!(start.elapsed() < PATIENCE, "not within a minute: {what}");
            turn.tick().await;
        }
    }

    /// For whoever reads why a test has failed.
    pub(crate) async fn print(&self) {
        let script = "return `${location}\\n${document.body.innerText}`";
        match self.driver.execute(script, Vec::new()).await {
            Ok(page) => eprintln!("the page at the end:\n{}", text(page.json())),
            Err(error) => eprintln!("the page at the end cannot be shown: {error}"),
        }
        match self.driver.browser_log().await {
            Ok(entries) => entries.iter().for_each(|entry| eprintln!("{entry:?}")),
            Err(error) => eprintln!("its console cannot be shown: {error}"),
        }
    }

    pub(crate) async fn quit(self) {
        if let Err(error) = self.driver.quit().await {
            eprintln!("a browser does not end: {error}");
        }
    }
}

/// A tab of a browser.
pub struct Tab(WindowHandle);

/// The text that a script has returned.
pub(crate) fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
