//! What the browser has noted beside what it shows.

use serde_json::Value;

use crate::Browser;

impl Browser {
    /// Asserts that nothing was written to the console, that no rule of the
    /// `Content-Security-Policy` was broken, and that no other origin was asked for anything,
    /// since the browser started or this was last asserted.
    ///
    /// # Panics
    ///
    /// When that is not so.
    pub async fn assert_quiet(&self) {
        let console = self.log("browser").await;
        let loud: Vec<_> = console
            .iter()
            // Refusals and cut lines are what tests are about; and a recommendation is no fault.
            .filter(|entry| entry["source"] != "network" && entry["source"] != "recommendation")
            .collect();
        assert!(loud.is_empty(), "the console is not empty: {loud:#?}");
        for entry in self.log("performance").await {
            let message = entry["message"].as_str().unwrap_or_default();
            let event: Value = serde_json::from_str(message).unwrap_or_default();
            let event = &event["message"];
            if event["method"] == "Network.requestWillBeSent" {
                let url = event["params"]["request"]["url"].as_str();
                let url = url.unwrap_or_default();
                let is_own = url.starts_with(&format!("{}/", self.origin));
                assert!(is_own, "something else is asked for: {url}");
            }
        }
    }

    async fn log(&self, kind: &str) -> Vec<Value> {
        let entries = self.driver.get_log(kind).await;
        let entries = entries.unwrap_or_else(|error| panic!("there is no log `{kind}`: {error}"));
        let values = entries.iter().map(serde_json::to_value);
        values.map(Result::unwrap_or_default).collect()
    }
}
