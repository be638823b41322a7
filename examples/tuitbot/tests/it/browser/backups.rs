//! Backups are made, put back and deleted, and the history tells of it.

use std::fs;

use test_browser::{Browser, Key};

use super::person::{PHRASE, sign_in};
use crate::server::{PASSPHRASE, Server, contents};

#[tokio::test]
async fn a_backup_is_made_restored_and_deleted() {
    let server = Server::quiet_demo().await;
    Browser::run(&server.address, async |browser| {
        sign_in(browser).await;
        browser.fill("#backup-name", "before").await;
        browser.click("#make-backup").await;
        browser.until_shows("[data-backup=before]").await;
        browser.until_says("[data-backup=before]", "62 files").await;
        assert!(server.path("backups/before.tar.zst").exists());
        browser.fill("#backup-name", "before").await;
        browser.click("#make-backup").await;
        browser.until_says("#backup-error", "already").await;

        let media = server.path("media");
        let before = contents(&media);
        fs::remove_dir_all(&media).unwrap();
        browser
            .click("[data-backup=before] [aria-label^=Restore]")
            .await;
        browser.until_shows("#dialog").await;
        assert_eq!(browser.property("#dialog-go", "disabled").await, true);
        browser.assert_accessible("dialog").await;
        browser.press(Key::Escape).await;
        browser.until_gone("#dialog").await;
        assert!(browser.has_focus("[data-backup=before] button").await);
        assert!(!media.exists());

        browser
            .click("[data-backup=before] [aria-label^=Restore]")
            .await;
        browser.fill("#restore-phrase", PHRASE).await;
        browser.click("#dialog-go").await;
        browser.until_shows("#report").await;
        assert_eq!(contents(&media), before);
        // A restore ends every session.
        browser.until_shows("#sign-in").await;
        browser.fill("#passphrase", PASSPHRASE).await;
        browser.click("#sign-in button").await;
        browser.until_shows("#danger").await;
        browser.click("#close-report").await;
        browser
            .until_says("#history [data-outcome=completed]", "Restored")
            .await;
        browser
            .click("#history [data-outcome=completed] summary")
            .await;
        browser.until_shows("#history [data-reported=media]").await;
        browser.assert_accessible("history").await;

        browser
            .click("[data-backup=before] [aria-label^=Delete]")
            .await;
        browser.click("#dialog-go").await;
        browser.until_gone("[data-backup=before]").await;
        assert!(!server.path("backups/before.tar.zst").exists());
    })
    .await;
}
