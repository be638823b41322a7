//! What a person does with one element. It is named by a CSS selector, and waited for.

use serde_json::{Value, json};
use thirtyfour::error::WebDriverResult;
use thirtyfour::{By, TypingData};

use crate::Browser;
use crate::browser::text;

impl Browser {
    /// Clicks on an element, once it can be clicked.
    pub async fn click(&self, selector: &str) {
        let what = format!("`{selector}` can be clicked");
        self.until(&what, async || self.try_click(selector).await.is_ok())
            .await;
    }

    /// Replaces what is in a field by typing.
    pub async fn fill(&self, selector: &str, value: &str) {
        let what = format!("`{selector}` can be filled");
        self.until(&what, async || self.try_fill(selector, value).await.is_ok())
            .await;
    }

    /// Types into whatever has the focus: text, or a [`Key`](crate::Key).
    pub async fn press(&self, keys: impl Into<TypingData>) {
        let typed = self.driver.action_chain().send_keys(keys);
        let typed = typed.perform().await;
        typed.unwrap_or_else(|error| panic!("the keys cannot be pressed: {error}"));
    }

    /// What an element says, as it is seen; empty where it is not.
    pub async fn text(&self, selector: &str) -> String {
        let script = "return document.querySelector(arguments[0])?.innerText";
        text(&self.evaluate(script, &[json!(selector)]).await)
    }

    /// A property of an element (`value`, `checked`, `disabled`); null where it is not.
    pub async fn property(&self, selector: &str, name: &str) -> Value {
        let script = "return document.querySelector(arguments[0])?.[arguments[1]] ?? null";
        self.evaluate(script, &[json!(selector), json!(name)]).await
    }

    /// Whether an element can be seen.
    pub async fn shows(&self, selector: &str) -> bool {
        let script = "return [...document.querySelectorAll(arguments[0])]
            .some((element) => element.checkVisibility({ visibilityProperty: true }))";
        self.evaluate(script, &[json!(selector)]).await == true
    }

    /// How many elements there are.
    pub async fn count(&self, selector: &str) -> usize {
        let script = "return document.querySelectorAll(arguments[0]).length";
        let count = self.evaluate(script, &[json!(selector)]).await;
        count.as_u64().map_or(0, |count| count as usize)
    }

    /// Whether the focus is on an element or within it.
    pub async fn has_focus(&self, selector: &str) -> bool {
        let script = "return document.activeElement?.closest(arguments[0]) != null";
        self.evaluate(script, &[json!(selector)]).await == true
    }

    /// Waits until an element can be seen.
    pub async fn until_shows(&self, selector: &str) {
        let what = format!("`{selector}` is seen");
        self.until(&what, async || self.shows(selector).await).await;
    }

    /// Waits until an element cannot be seen any more.
    pub async fn until_gone(&self, selector: &str) {
        let what = format!("`{selector}` is gone");
        self.until(&what, async || !self.shows(selector).await)
            .await;
    }

    /// Waits until an element says something, maybe among other things.
    pub async fn until_says(&self, selector: &str, words: &str) {
        let what = format!("`{selector}` says `{words}`");
        self.until(&what, async || self.text(selector).await.contains(words))
            .await;
    }

    /// Waits until a property of an element has this value.
    pub async fn until_property(&self, selector: &str, name: &str, value: impl Into<Value>) {
        let value = value.into();
        let what = format!("`{name}` of `{selector}` is `{value}`");
        self.until(&what, async || self.property(selector, name).await == value)
            .await;
    }

    async fn try_click(&self, selector: &str) -> WebDriverResult<()> {
        let element = self.driver.find(By::Css(selector)).await?;
        element.scroll_into_view().await?;
        element.click().await
    }

    async fn try_fill(&self, selector: &str, value: &str) -> WebDriverResult<()> {
        let element = self.driver.find(By::Css(selector)).await?;
        element.clear().await?;
        element.send_keys(value).await
    }
}
