//! A reset that fails says so, and everything is as before.

use sqlx::Connection;
use test_browser::Browser;

use super::person::{confirm, sign_in};
use crate::history;
use crate::server::Server;
use crate::state::State;

#[tokio::test]
async fn a_reset_that_fails_says_why_and_has_lost_nothing() {
    let server = Server::quiet_demo().await;
    Browser::run(&server.address, async |browser| {
        sign_in(browser).await;
        let before = State::of(&server).await;
        browser.click("#backup-first").await;
        let mut connection = server.database().await;
        let lock = connection.begin_with("BEGIN IMMEDIATE").await.unwrap();
        confirm(browser).await;
        browser.until_shows("#failure").await;
        lock.rollback().await.unwrap();
        browser.until_says("#failure", "database is locked").await;
        browser.until_says("#failure", "Nothing was lost").await;
        assert!(browser.has_focus("#failure").await);
        State::of(&server).await.assert_same(&before);
        assert_eq!(history::runs(&server).await[0]["outcome"], "failed");
        assert!(browser.shows("[data-outcome=failed]").await);
        browser.assert_accessible("failure").await;

        browser.click("#backup-first").await;
        confirm(browser).await;
        browser.until_shows("#report").await;
    })
    .await;
}

#[tokio::test]
async fn a_backup_of_that_name_keeps_the_reset_from_beginning() {
    let server = Server::quiet_demo().await;
    Browser::run(&server.address, async |browser| {
        sign_in(browser).await;
        browser.fill("#backup-name", "taken").await;
        browser.click("#make-backup").await;
        browser.until_shows("[data-backup=taken]").await;
        let before = State::of(&server).await;
        browser.fill("#backup-first-name", "taken").await;
        confirm(browser).await;
        browser.until_says("#failure", "taken").await;
        State::of(&server).await.assert_same(&before);
        browser.fill("#backup-first-name", "free").await;
        confirm(browser).await;
        browser.until_shows("#report").await;
        assert!(server.path("backups/free.tar.zst").exists());
    })
    .await;
}
