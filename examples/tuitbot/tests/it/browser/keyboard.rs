//! All of it works without a mouse.

use test_browser::{Browser, Key};

use super::person::{ONBOARDING, PHRASE};
use crate::server::{PASSPHRASE, Server};

/// Goes from one element to the next until `selector` has the focus.
async fn tab_to(browser: &Browser, selector: &str) {
    for _ in 0..100 {
        if browser.has_focus(selector).await {
            return;
        }
        browser.press(Key::Tab).await;
    }
    panic!("`{selector}` cannot be reached with the keyboard");
}

#[tokio::test]
async fn from_signing_in_to_onboarding_by_keyboard() {
    let server = Server::quiet_demo().await;
    Browser::run(&server.address, async |browser| {
        browser.open("/").await;
        browser.until_shows("#sign-in").await;
        tab_to(browser, "#passphrase").await;
        browser.press(PASSPHRASE).await;
        browser.press(Key::Enter).await;
        browser.until_shows("#danger").await;

        tab_to(browser, "[data-step=media] summary").await;
        browser.press(Key::Enter).await;
        browser.until_shows("[data-item=media]").await;
        tab_to(browser, "#backup-first").await;
        browser.press(" ").await;
        assert_eq!(browser.property("#backup-first", "checked").await, false);
        tab_to(browser, "#phrase").await;
        browser.press(PHRASE).await;
        tab_to(browser, "#erase").await;
        browser.press(" ").await;
        browser.until_shows("#report").await;
        assert!(browser.has_focus("#report-title").await);
        tab_to(browser, "#continue").await;
        browser.press(Key::Enter).await;
        browser.until_at(ONBOARDING).await;

        for (field, value) in [
            ("#product-name", "Kestrel"),
            ("#product-description", "Watches the sky"),
            ("#product-keywords", "birds"),
            ("#industry-topics", "ornithology"),
            ("#client-id", "client"),
            ("#passphrase", PASSPHRASE),
            ("#passphrase-again", PASSPHRASE),
        ] {
            tab_to(browser, field).await;
            browser.press(value).await;
        }
        browser.press(Key::Enter).await;
        browser.until_shows("#danger").await;
    })
    .await;
}
