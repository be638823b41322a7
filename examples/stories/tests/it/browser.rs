//! The pages in a real browser, where people sign in with name and password.

use test_browser::{Browser, Line};

use crate::host::Host;
use crate::server::Server;

const OPTIONS: &str = "/settings/reset";

async fn sign_in(browser: &Browser, username: &str, password: &str) {
    browser.fill("#username", username).await;
    browser.fill("#password", password).await;
    browser.click("#sign-in button").await;
}

/// Types the phrase that the page asks for, and presses the button.
async fn confirm(browser: &Browser) {
    let phrase = browser.text("label[for=phrase] code").await;
    browser.fill("#phrase", &phrase).await;
    browser.until_property("#erase", "disabled", false).await;
    browser.click("#erase").await;
}

async fn rows(server: &Server, tables: &[&str]) -> i64 {
    let mut rows = 0;
    for table in tables {
        rows += server.count(table).await;
    }
    rows
}

#[tokio::test]
async fn who_may_not_reset_is_told_and_who_may_sees_it() {
    let server = Host::new().demo().start();
    assert!(server.advice.contains("admin-demo"), "{}", server.advice);
    Browser::run(&server.address, async |browser| {
        browser.open("/").await;
        browser.until_at(OPTIONS).await;
        browser.until_says("#sign-in", "admin-demo").await;
        browser.assert_accessible("signing in").await;
        sign_in(browser, "admin", "wrong").await;
        browser.until_says("#sign-in-error", "wrong").await;
        sign_in(browser, "writer", "writer-demo").await;
        browser.until_says("#sign-in-error", "not reset").await;
        sign_in(browser, "admin", "admin-demo").await;
        browser.until_shows("#danger").await;
        browser.assert_accessible("options").await;
        browser.reload().await;
        browser.until_shows("#danger").await;
        browser.click("#sign-out").await;
        browser.until_shows("#sign-in").await;
        browser.reload().await;
        browser.until_shows("#sign-in").await;
    })
    .await;
}

#[tokio::test]
async fn tables_go_with_what_refers_to_them_and_a_user_who_is_kept_stays() {
    let server = Host::new().demo().start();
    Browser::run(&server.address, async |browser| {
        browser.open(OPTIONS).await;
        sign_in(browser, "admin", "admin-demo").await;
        browser.click("#extent-selection").await;
        browser.click("section[data-step=tables] summary").await;
        browser.click("input[name=part][value=tags]").await;
        browser.until_says("#references", "story_tags").await;
        assert_eq!(browser.property("#erase", "disabled").await, true);
        browser.click("#cascade").await;
        let tables = ["tags", "story_tags"];
        let both = rows(&server, &tables).await;
        browser
            .until_says("#erase", &format!("Erase {both} rows"))
            .await;
        confirm(browser).await;
        browser.until_shows("#report").await;
        assert_eq!(rows(&server, &tables).await, 0);
        assert_ne!(server.count("stories").await, 0);
        browser.click("#close-report").await;

        browser.click("#extent-everything").await;
        let all = browser.text("#erase").await;
        browser.click("input[name=keep][value=test_user]").await;
        browser
            .until("the button says less", async || {
                let label = browser.text("#erase").await;
                label.starts_with("Erase") && label != all
            })
            .await;
        confirm(browser).await;
        browser.until_shows("#report").await;
        let names = "SELECT count(*) FROM users WHERE username = 'test'";
        assert_eq!(server.number(names).await, 1);
    })
    .await;
}

#[tokio::test]
async fn after_a_reset_the_first_administrator_is_created_with_the_setup_token() {
    let server = Host::new().demo().start();
    Browser::run(&server.address, async |browser| {
        browser.open(OPTIONS).await;
        sign_in(browser, "admin", "admin-demo").await;
        browser.until_shows("#danger").await;
        confirm(browser).await;
        browser.until_shows("#report").await;
        browser.click("#continue").await;
        browser.until_at("/onboarding").await;
        browser.open("/").await;
        browser.until_at("/onboarding").await;
        browser.assert_accessible("onboarding").await;

        for (field, value) in [
            ("#setup-token", "guessed"),
            ("#username", "no spaces"),
            ("#password", "long enough"),
            ("#password-again", "long enough"),
        ] {
            browser.fill(field, value).await;
        }
        browser.click("form button").await;
        browser.until_says("#username-error", "letters").await;
        browser.fill("#username", "first").await;
        browser.click("form button").await;
        browser
            .until_says("#setup-token-error", "wrong setup token")
            .await;
        assert!(browser.has_focus("#setup-token").await);
        browser.fill("#setup-token", &server.setup_token()).await;
        browser.click("form button").await;
        browser.until_at(OPTIONS).await;
        browser.until_shows("#sign-in").await;
        assert!(!browser.text("#sign-in").await.contains("admin-demo"));
        sign_in(browser, "first", "long enough").await;
        browser.until_shows("#danger").await;
    })
    .await;
}

#[tokio::test]
async fn the_page_outlives_a_restart_of_the_service() {
    let directory = tempfile::tempdir().unwrap();
    let mut server = Host::at(directory.path()).demo().start();
    let line = Line::to(&server.address).await;
    Browser::run(line.origin(), async |browser| {
        browser.open(OPTIONS).await;
        sign_in(browser, "admin", "admin-demo").await;
        browser.until_shows("#danger").await;
        server.stop();
        browser.until_says("#connection", "lost").await;
        let server = Host::at(directory.path()).demo().start();
        line.lead_to(&server.address);
        browser.until_gone("#connection").await;
        browser.click("#extent-selection").await;
        browser.click("input[name=step][value=files]").await;
        browser.until_says("#erase", "Erase 48 files").await;
        confirm(browser).await;
        browser.until_shows("#report").await;
        let reports = server.path("reports").read_dir().unwrap();
        assert_eq!(reports.count(), 0);
    })
    .await;
}
