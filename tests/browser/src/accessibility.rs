//! What hinders people who see little, or use no mouse, as axe-core finds it.

use std::fmt::Write;

use serde_json::Value;
use thirtyfour::error::WebDriverResult;

use crate::{Browser, Scheme};

/// axe-core as its authors publish it; no Debian package has it.
const AXE: &str = include_str!("../axe/axe.min.js");

const SCRIPT: &str = r"
const done = arguments[arguments.length - 1];
axe.run(document, { preload: false, resultTypes: ['violations'] })
    .then((results) => done({ violations: results.violations }))
    .catch((error) => done({ error: String(error) }));
";

impl Browser {
    /// Asserts that nothing serious or critical hinders anybody, and that nobody has to scroll
    /// sideways: light and dark, 320 and 1280 pixels wide. `what` names what the page shows.
    ///
    /// # Panics
    ///
    /// When something does; the message lists it.
    pub async fn assert_accessible(&self, what: &str) {
        for width in [320, 1280] {
            self.resize(width, 900).await;
            for scheme in [Scheme::Light, Scheme::Dark] {
                self.colour(scheme).await;
                let at = format!("{what}, {width} px, {scheme:?}");
                let faults = self.faults().await;
                assert!(faults.is_empty(), "{at}:\n{faults}");
                let wide = self.overflow().await;
                assert!(
                    wide.is_empty(),
                    "{at}: must be scrolled sideways, for\n{wide}"
                );
            }
        }
        self.colour(Scheme::Light).await;
    }

    /// What is serious or critical, one a line.
    async fn faults(&self) -> String {
        let found = self.run_axe().await;
        let found = found.unwrap_or_else(|error| panic!("axe-core does not run: {error}"));
        let violations = found["violations"].as_array();
        let violations = violations.unwrap_or_else(|| panic!("axe-core fails: {found}"));
        let mut faults = String::new();
        for violation in violations {
            let impact = violation["impact"].as_str().unwrap_or_default();
            if ["serious", "critical"].contains(&impact) {
                for node in violation["nodes"].as_array().into_iter().flatten() {
                    let (id, html) = (&violation["id"], &node["html"]);
                    let _ = writeln!(faults, "{impact} {id}: {html} {}", node["failureSummary"]);
                }
            }
        }
        faults
    }

    async fn run_axe(&self) -> WebDriverResult<Value> {
        // Once a page: it is large.
        if self.evaluate("return window.axe === undefined", &[]).await == true {
            self.driver.execute(AXE, Vec::new()).await?;
        }
        let found = self.driver.execute_async(SCRIPT, Vec::new()).await?;
        Ok(found.json().clone())
    }
}
