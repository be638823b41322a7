//! What is selected is what goes.

use test_browser::Browser;

use super::person::{OPTIONS, confirm, options, sign_in};
use crate::server::Server;

#[tokio::test]
async fn a_category_by_itself_is_counted_named_and_erased_by_itself() {
    let server = Server::quiet_demo().await;
    Browser::run(&server.address, async |browser| {
        sign_in(browser).await;
        browser.click("#extent-selection").await;
        browser.until_says("#danger", "Nothing is selected").await;
        assert_eq!(browser.property("#erase", "disabled").await, true);
        browser.click("input[name=step][value=media]").await;
        browser.until_says("#erase", "Erase 60 files").await;
        browser.click("input[name=step][value=config]").await;
        browser.until_says("#erase", "Erase 61 files").await;
        browser.click("input[name=step][value=config]").await;
        browser.until_says("#erase", "Erase 60 files").await;
        browser.click("#backup-first").await;
        confirm(browser).await;
        browser.until_shows("#report").await;
        browser.until_says("#report", "60 files").await;
        assert!(!server.path("media").exists() && server.path("config.toml").exists());
        // The session goes on, and so does the page.
        assert_eq!(browser.path().await, OPTIONS);
        browser.click("#close-report").await;
        browser.until_shows("#danger").await;
        assert!(browser.shows("[data-outcome=completed]").await);
    })
    .await;
}

#[tokio::test]
async fn a_table_takes_along_what_refers_to_it_when_that_is_wanted() {
    let server = Server::quiet_demo().await;
    let kept = server.count("action_log").await;
    Browser::run(&server.address, async |browser| {
        sign_in(browser).await;
        let options = options(&server).await;
        let rows = async |table| server.count(table).await;
        browser.click("#extent-selection").await;
        browser.click("[data-step=tables] summary").await;
        browser.click("input[name=part][value=threads]").await;
        browser.until_says("#references", "thread_tweets").await;
        assert_eq!(browser.property("#erase", "disabled").await, true);
        browser.click("#cascade").await;
        let both = rows("threads").await + rows("thread_tweets").await;
        browser
            .until_says("#erase", &format!("Erase {both} rows"))
            .await;
        browser.click("#backup-first").await;
        confirm(browser).await;
        browser.until_shows("#report").await;
        assert_eq!(rows("threads").await + rows("thread_tweets").await, 0);
        assert_eq!(rows("action_log").await, kept);
        assert!(options["steps"].is_array() && server.path("media").exists());
    })
    .await;
}
