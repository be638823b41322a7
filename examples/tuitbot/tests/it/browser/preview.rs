//! What is shown before anybody types.

use std::fs;

use serde_json::{Value, json};
use test_browser::Browser;

use super::person::{erase_label, grouped, options, sign_in};
use crate::blocked::Attribute;
use crate::server::Server;

/// The text of each element with this attribute, by its value, seen or folded away.
async fn texts(browser: &Browser, attribute: &str) -> Value {
    let script = "const name = arguments[0];
        const all = [...document.querySelectorAll(`:not(input)[${name}]`)];
        return Object.fromEntries(all.map((one) => [one.getAttribute(name), one.textContent]))";
    browser.evaluate(script, &[json!(attribute)]).await
}

#[track_caller]
fn assert_says(texts: &Value, name: &str, words: &str) {
    let text = texts[name].as_str();
    let text = text.unwrap_or_else(|| panic!("`{name}` is not shown: {texts}"));
    assert!(
        text.contains(words),
        "`{name}` does not say `{words}`: {text}"
    );
}

#[tokio::test]
async fn everything_is_shown_with_its_exact_counts_and_its_reasons() {
    let server = Server::quiet_demo().await;
    fs::write(server.path("stray.txt"), "nobody's").unwrap();
    Browser::run(&server.address, async |browser| {
        sign_in(browser).await;
        let options = options(&server).await;
        let (steps, items) = (
            texts(browser, "data-step").await,
            texts(browser, "data-item").await,
        );
        for step in options["steps"].as_array().unwrap() {
            let id = step["id"].as_str().unwrap();
            assert_says(&steps, id, step["label"].as_str().unwrap());
            assert_says(&steps, id, step["description"].as_str().unwrap());
            for item in step["items"].as_array().unwrap() {
                let count = grouped(item["count"].as_u64().unwrap());
                assert_says(&items, item["name"].as_str().unwrap(), &count);
            }
        }
        let stays = browser.text("#stays").await;
        for kept in options["preserved"].as_array().unwrap() {
            for words in [&kept["name"], &kept["reason"]] {
                let words = words.as_str().unwrap();
                assert!(stays.contains(words), "`{words}` is not in: {stays}");
            }
        }
        assert_says(&texts(browser, "data-unclaimed").await, "stray.txt", "path");
        browser.until_says("#erase", &erase_label(&options)).await;
        assert!(!browser.shows("#blockers").await);

        let summary = "[data-step=tables] summary";
        assert!(!browser.shows("[data-item=threads]").await);
        browser.click(summary).await;
        assert!(browser.shows("[data-item=threads]").await);
    })
    .await;
}

#[tokio::test]
async fn what_is_in_the_way_is_told_before_anybody_can_type() {
    let server = Server::quiet_demo().await;
    let obstacle = Attribute::set(server.path("media"), 'i');
    Browser::run(&server.address, async |browser| {
        sign_in(browser).await;
        browser.until_says("#blockers", "media").await;
        let options = options(&server).await;
        let reason = options["blockers"][0]["reason"].as_str().unwrap();
        browser.until_says("#blockers", reason).await;
        assert_eq!(browser.property("#phrase", "disabled").await, true);
        assert_eq!(browser.property("#erase", "disabled").await, true);
        browser.until_says("#danger", "in the way").await;
        browser.assert_accessible("blockers").await;

        drop(obstacle);
        browser.reload().await;
        browser.until_shows("#danger").await;
        browser.until_gone("#blockers").await;
        assert_eq!(browser.property("#phrase", "disabled").await, false);
    })
    .await;
}

#[tokio::test]
async fn names_that_look_like_markup_are_names() {
    let server = Server::quiet_demo().await;
    let name = "<img src=x onerror=document.title='run'>";
    fs::write(server.path(name), "hostile").unwrap();
    sqlx::query("CREATE TABLE \"<b onclick=run()>&amp;</b>\" (id INTEGER)")
        .execute(&mut server.database().await)
        .await
        .unwrap();
    Browser::run(&server.address, async |browser| {
        sign_in(browser).await;
        browser.until_says("#unclaimed", name).await;
        browser
            .until_says("#unclaimed", "<b onclick=run()>&amp;</b>")
            .await;
        assert_eq!(browser.count("#unclaimed img, #unclaimed b").await, 0);
        let title = browser.evaluate("return document.title", &[]).await;
        assert_ne!(title, "run");
    })
    .await;
}
