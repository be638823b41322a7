//! Other circumstances than those of a desktop by day.

use serde_json::{Value, json};

use crate::Browser;
use crate::browser::text;

/// The colours that a person has asked the system for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheme {
    /// Dark on light.
    Light,
    /// Light on dark.
    Dark,
}

impl Browser {
    /// Has the tab so many CSS pixels wide and high.
    pub async fn resize(&self, width: u32, height: u32) {
        let metrics = json!({
            "width": width, "height": height, "deviceScaleFactor": 1, "mobile": false,
        });
        self.command("Emulation.setDeviceMetricsOverride", metrics)
            .await;
    }

    /// Has the tab in these colours.
    pub async fn colour(&self, scheme: Scheme) {
        let value = match scheme {
            Scheme::Light => "light",
            Scheme::Dark => "dark",
        };
        let feature = json!({ "name": "prefers-color-scheme", "value": value });
        self.command(
            "Emulation.setEmulatedMedia",
            json!({ "features": [feature] }),
        )
        .await;
    }

    /// Takes the network away from the tab, or gives it back.
    pub async fn go_offline(&self, offline: bool) {
        self.command("Network.enable", json!({})).await;
        let conditions = json!({
            "offline": offline, "latency": 0, "downloadThroughput": -1, "uploadThroughput": -1,
        });
        self.command("Network.emulateNetworkConditions", conditions)
            .await;
    }

    /// What reaches so far that one has to scroll sideways; empty when one has not.
    pub(crate) async fn overflow(&self) -> String {
        let script = "
            const width = window.innerWidth;
            if (document.documentElement.scrollWidth <= width) return '';
            const all = [...document.querySelectorAll('body *')];
            const wide = all.filter((one) => one.getBoundingClientRect().right > width);
            return wide.slice(0, 9).map((one) => one.outerHTML.slice(0, 99)).join('\\n')";
        text(&self.evaluate(script, &[]).await)
    }

    pub(crate) async fn command(&self, method: &str, parameters: Value) -> Value {
        let answer = self.driver.cdp().send_raw(method, parameters).await;
        answer.unwrap_or_else(|error| panic!("`{method}` fails: {error}"))
    }
}
