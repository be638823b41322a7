//! Nothing hinders anybody: dark or light, narrow or wide.

use std::fs;

use test_browser::{Browser, Scheme};

use super::person::{OPTIONS, PHRASE, sign_in};
use crate::server::Server;

#[tokio::test]
async fn signing_in_and_the_options_hinder_nobody() {
    let server = Server::quiet_demo().await;
    Browser::run(&server.address, async |browser| {
        browser.open(OPTIONS).await;
        browser.until_shows("#sign-in").await;
        browser.assert_accessible("signing in").await;
        browser.fill("#passphrase", "wrong").await;
        browser.click("#sign-in button").await;
        browser.until_says("#sign-in-error", "wrong").await;
        browser.assert_accessible("a wrong passphrase").await;

        sign_in(browser).await;
        browser.picture("options-1280-light", "body").await;
        browser.fill("#phrase", PHRASE).await;
        browser.picture("danger-1280-light", "#history").await;
        browser.resize(320, 900).await;
        browser.colour(Scheme::Dark).await;
        browser.picture("options-320-dark", "body").await;
        browser.assert_accessible("options").await;

        let long = "a_name_that_is_as_long_as_a_name_can_get_".repeat(5);
        fs::write(server.path(&long), "nobody's").unwrap();
        browser.reload().await;
        browser.until_shows("#unclaimed").await;
        let open = "for (const one of document.querySelectorAll('details')) one.open = true";
        browser.evaluate(open, &[]).await;
        browser.click("#extent-selection").await;
        browser.click("input[name=part][value=threads]").await;
        browser.until_shows("#references").await;
        browser.assert_accessible("everything unfolded").await;
    })
    .await;
}
