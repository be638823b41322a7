//! The whole way: everything is reset, in every tab, and the bot is taken into use again.

use serde_json::json;
use test_browser::Browser;

use super::person::{
    ONBOARDING, OPTIONS, Request, confirm, fill_onboarding, grouped, options, sign_in, sum,
};
use crate::server::Server;

#[tokio::test]
async fn from_the_preview_to_onboarding_in_two_tabs() {
    let server = Server::quiet_demo().await;
    Browser::run(&server.address, async |browser| {
        // The reset waits for this one.
        let request = Request::begin(&server);
        sign_in(browser).await;
        let first = browser.open_tab(OPTIONS).await;
        browser.until_shows("#danger").await;
        let second = browser.turn_to(&first).await;
        let preview = options(&server).await;
        assert_eq!(browser.property("#backup-first", "checked").await, true);
        let name = browser.property("#backup-first-name", "value").await;
        let name = name.as_str().unwrap().to_owned();

        confirm(browser).await;
        browser.until_shows("#progress").await;
        for step in preview["steps"].as_array().unwrap() {
            let id = step["id"].as_str().unwrap();
            browser
                .until_shows(&format!("[data-progress='{id}']"))
                .await;
        }
        browser.turn_to(&second).await;
        browser.until_shows("#progress").await;
        browser.turn_to(&first).await;
        browser.assert_accessible("progress").await;
        request.end();

        browser.until_shows("#report").await;
        browser.click("#stay").await;
        let report = browser.text("#report").await;
        for words in [
            format!("{} rows", grouped(sum(&preview, "table"))),
            "60 files".to_owned(),
            name.clone(),
        ] {
            assert!(report.contains(&words), "`{words}` is not in: {report}");
        }
        for step in preview["steps"].as_array().unwrap() {
            let id = step["id"].as_str().unwrap();
            assert!(
                browser.shows(&format!("[data-reported='{id}']")).await,
                "{id}"
            );
        }
        browser.picture("report", "body").await;
        browser.assert_accessible("report").await;
        // The other one has gone on by itself.
        browser.turn_to(&second).await;
        browser.until_at(ONBOARDING).await;
        browser.turn_to(&first).await;
        browser.click("#continue").await;
        browser.until_at(ONBOARDING).await;

        fill_onboarding(browser, "a new passphrase").await;
        browser.click("form button").await;
        browser.until_at(OPTIONS).await;
        browser.until_shows("#danger").await;
        assert!(!browser.shows("#sign-in").await);
        browser
            .until_shows(&format!("[data-backup='{name}']"))
            .await;
        let status = server.status().await;
        assert_eq!(
            (&status["configured"], &status["claimed"]),
            (&json!(true), &json!(true))
        );
        let settings = server.get("/api/settings").await.json();
        let keywords = &settings["business"]["product_keywords"];
        assert_eq!(keywords, &json!(["birds", "sky", "wind"]));
        assert_eq!(server.login("a new passphrase").await.status, 200);

        // Whoever comes second is told.
        browser.turn_to(&second).await;
        fill_onboarding(browser, "another passphrase").await;
        browser.click("form button").await;
        browser.until_says("#refused", "set up already").await;
        assert!(browser.has_focus("#refused a").await);
        browser.click("#refused a").await;
        browser.until_at(OPTIONS).await;
        assert_ne!(server.login("another passphrase").await.status, 200);
    })
    .await;
}
