//! A line that breaks loses neither the progress nor the report, and repeats nothing.

use test_browser::{Browser, Line};

use super::person::{ONBOARDING, OPTIONS, Request, confirm, sign_in};
use crate::history;
use crate::server::{Server, until};

#[tokio::test]
async fn a_report_that_is_lost_with_its_session_is_fetched_again() {
    let server = Server::quiet_demo().await;
    let line = Line::to(&server.address).await;
    Browser::run(line.origin(), async |browser| {
        sign_in(browser).await;
        line.lose_answer_to("POST /api/reset/run ");
        confirm(browser).await;
        line.is_cut().await;
        browser.until_says("#connection", "lost").await;
        assert!(!browser.shows("#report").await);
        line.mend();
        browser.until_shows("#report").await;
        browser.until_says("#report", "60 files").await;
        browser.until_gone("#connection").await;
        assert_eq!(history::runs(&server).await.len(), 1);
        browser.until_at(ONBOARDING).await;
    })
    .await;
}

#[tokio::test]
async fn a_line_that_breaks_in_the_middle_is_taken_up_again() {
    let server = Server::quiet_demo().await;
    let line = Line::to(&server.address).await;
    Browser::run(line.origin(), async |browser| {
        let request = Request::begin(&server);
        sign_in(browser).await;
        confirm(browser).await;
        browser
            .until_says("#progress", "Waiting for other requests")
            .await;
        line.cut();
        browser.until_says("#connection", "lost").await;
        line.mend();
        browser.until_gone("#connection").await;
        assert!(browser.shows("#progress").await);
        request.end();
        browser.until_shows("#report").await;
        browser.until_says("#report", "60 files").await;
        assert_eq!(history::runs(&server).await.len(), 1);
    })
    .await;
}

#[tokio::test]
async fn a_tab_that_comes_back_finds_the_report_of_what_it_has_begun() {
    let server = Server::quiet_demo().await;
    Browser::run(&server.address, async |browser| {
        let request = Request::begin(&server);
        sign_in(browser).await;
        confirm(browser).await;
        browser
            .until_says("#progress", "Waiting for other requests")
            .await;
        browser.leave().await;
        request.end();
        until(async || !history::runs(&server).await.is_empty()).await;
        browser.open(OPTIONS).await;
        browser.until_shows("#report").await;
        browser.until_says("#report", "60 files").await;
        assert_eq!(history::runs(&server).await.len(), 1);
    })
    .await;
}
