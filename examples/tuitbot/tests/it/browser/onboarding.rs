//! The form that takes the bot into use.

use reqwest::Method;
use serde_json::json;
use test_browser::{Browser, Key};

use super::person::{ONBOARDING, OPTIONS, Request, fill_onboarding};
use crate::server::{PASSPHRASE, Server, onboarding, send, until};

#[tokio::test]
async fn what_is_missing_or_wrong_is_told_beside_the_field() {
    let server = Server::fresh();
    Browser::run(&server.address, async |browser| {
        browser.open("/").await;
        browser.until_at(ONBOARDING).await;
        browser.assert_accessible("onboarding").await;
        browser.click("form button").await;
        browser.until_says("#refused", "7 fields").await;
        browser
            .until_says("#product-name-error", "This is missing")
            .await;
        assert!(browser.has_focus("#product-name").await);
        assert!(!browser.shows("#content-folder-error").await);
        browser.assert_accessible("onboarding with faults").await;

        fill_onboarding(browser, "short").await;
        browser.fill("#product-keywords", " , ,").await;
        browser.fill("#passphrase-again", "shorter").await;
        browser.press(Key::Enter).await;
        browser.until_says("#refused", "3 fields").await;
        assert!(browser.has_focus("#product-keywords").await);
        browser
            .until_says("#passphrase-error", "8 characters")
            .await;
        browser
            .until_says("#passphrase-again-error", "not the same")
            .await;

        fill_onboarding(browser, PASSPHRASE).await;
        browser.fill("#content-folder", "/no/such/folder").await;
        browser.press(Key::Enter).await;
        let error = "must be a folder that exists";
        browser.until_says("#content-folder-error", error).await;
        assert!(browser.has_focus("#content-folder").await);
        assert_eq!(server.status().await["configured"], false);

        browser.fill("#content-folder", "").await;
        browser.press(Key::Enter).await;
        browser.until_at(OPTIONS).await;
        browser.until_shows("#danger").await;
        assert_eq!(server.status().await["claimed"], true);
    })
    .await;
}

#[tokio::test]
async fn a_reset_under_way_is_waited_for() {
    let server = Server::fresh();
    Browser::run(&server.address, async |browser| {
        browser.open(ONBOARDING).await;
        fill_onboarding(browser, PASSPHRASE).await;
        let request = Request::begin(&server);
        let reset = server.reset();
        let form = async {
            until(async || server.is_held_off().await).await;
            browser.click("form button").await;
            browser
                .until_says("#progress", "A reset is under way")
                .await;
            request.end();
        };
        let (reset, ()) = futures::future::join(reset, form).await;
        assert_eq!(reset.status, 200);
        browser.until_at(OPTIONS).await;
        browser.until_shows("#danger").await;
    })
    .await;
}

#[tokio::test]
async fn a_service_that_is_set_up_already_or_gone_is_told() {
    let mut server = Server::fresh();
    let address = server.address.clone();
    Browser::run(&address, async |browser| {
        browser.open(ONBOARDING).await;
        let init = server.request(Method::POST, "/api/settings/init");
        let init = send(init.json(&onboarding(PASSPHRASE))).await;
        assert_eq!(init.json()["status"], json!("created"));
        fill_onboarding(browser, "another one").await;
        browser.click("form button").await;
        browser.until_says("#refused", "set up already").await;
        browser.assert_accessible("set up already").await;
        server.kill();
        browser.click("form button").await;
        browser.until_says("#refused", "cannot be reached").await;
    })
    .await;
}
