//! Pictures of the page.

use std::path::Path;

use serde_json::json;

use crate::Browser;

impl Browser {
    /// Writes a picture of the tab from this element on as a PNG file, where the environment
    /// variable `SCREENSHOTS` names a directory for it; else does nothing.
    pub async fn picture(&self, name: &str, selector: &str) {
        let Some(directory) = std::env::var_os("SCREENSHOTS") else {
            return;
        };
        let script = "document.querySelector(arguments[0]).scrollIntoView({ block: 'start' })";
        self.evaluate(script, &[json!(selector)]).await;
        let file = Path::new(&directory).join(format!("{name}.png"));
        let taken = self.driver.screenshot(&file).await;
        taken.unwrap_or_else(|error| panic!("no picture `{}`: {error}", file.display()));
    }
}
