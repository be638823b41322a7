//! Only what was looked at is erased, and only on the exact phrase.

use serde_json::json;
use test_browser::{Browser, Key};

use super::person::{PHRASE, confirm, erase_label, options, sign_in};
use crate::history;
use crate::server::{Server, until};
use crate::state::State;

#[tokio::test]
async fn the_button_works_on_the_exact_phrase_only() {
    let server = Server::quiet_demo().await;
    Browser::run(&server.address, async |browser| {
        sign_in(browser).await;
        let before = State::of(&server).await;
        let placeholder = browser.property("#phrase", "placeholder").await;
        assert_eq!(placeholder, "Type RESET TUITBOT to confirm");
        for wrong in [
            "",
            "reset tuitbot",
            "RESET TUITBOT ",
            " RESET TUITBOT",
            "RESET TUITBO",
        ] {
            browser.fill("#phrase", wrong).await;
            assert_eq!(
                browser.property("#erase", "disabled").await,
                true,
                "`{wrong}`"
            );
            browser.press(Key::Enter).await;
            browser.until_says("#danger", PHRASE).await;
            assert!(!browser.shows("#progress").await, "`{wrong}`");
        }
        browser.fill("#phrase", PHRASE).await;
        assert_eq!(browser.property("#erase", "disabled").await, false);
        browser
            .until_says("#erase", &erase_label(&options(&server).await))
            .await;
        State::of(&server).await.assert_same(&before);
        assert!(history::runs(&server).await.is_empty());
    })
    .await;
}

#[tokio::test]
async fn data_that_has_changed_is_told_and_asked_about_again() {
    let server = Server::quiet_demo().await;
    Browser::run(&server.address, async |browser| {
        sign_in(browser).await;
        let target = json!({ "username": "newcomer" });
        assert_eq!(server.post("/api/targets", target).await.status, 201);
        let before = State::of(&server).await;
        confirm(browser).await;
        browser.until_shows("#changed").await;
        browser.until_says("#changed", "target_accounts").await;
        State::of(&server).await.assert_same(&before);
        assert_eq!(browser.property("#phrase", "value").await, "");
        assert!(browser.has_focus("#phrase").await);
        assert_eq!(browser.property("#erase", "disabled").await, true);
        browser
            .until_says("#erase", &erase_label(&options(&server).await))
            .await;
        browser.assert_accessible("changed").await;

        confirm(browser).await;
        browser.until_shows("#report").await;
        assert_eq!(server.count("target_accounts").await, 0);
    })
    .await;
}

#[tokio::test]
async fn a_service_that_goes_on_writing_can_be_reset_all_the_same() {
    let server = Server::demo();
    Browser::run(&server.address, async |browser| {
        sign_in(browser).await;
        let written = server.count("action_log").await;
        until(async || server.count("action_log").await != written).await;
        confirm(browser).await;
        browser.until_shows("#changed").await;
        browser.click("#accept-changes").await;
        confirm(browser).await;
        browser.until_shows("#report").await;
        assert_eq!(server.count("action_log").await, 0);
    })
    .await;
}
