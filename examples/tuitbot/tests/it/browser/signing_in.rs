//! Who does not know the passphrase sees nothing.

use reqwest::Method;
use serde_json::json;
use test_browser::Browser;

use super::person::{OPTIONS, sign_in};
use crate::server::{PASSPHRASE, Server, onboarding, send};

#[tokio::test]
async fn a_wrong_passphrase_says_so_and_the_right_one_opens_the_page() {
    let server = Server::quiet_demo().await;
    Browser::run(&server.address, async |browser| {
        browser.open("/").await;
        browser.until_at(OPTIONS).await;
        browser.until_says("#sign-in", PASSPHRASE).await;
        browser.fill("#passphrase", "tuitbot-Demo").await;
        browser.click("#sign-in button").await;
        browser.until_says("#sign-in-error", "wrong").await;
        assert!(browser.has_focus("#passphrase").await);
        assert!(!browser.shows("#goes").await && !browser.shows("#danger").await);

        sign_in(browser).await;
        assert!(!browser.shows("#sign-in").await);
        let cookie = browser.evaluate("return document.cookie", &[]).await;
        assert_eq!(cookie, "", "no script can read the session");
        browser.reload().await;
        browser.until_shows("#danger").await;
    })
    .await;
}

#[tokio::test]
async fn many_wrong_passphrases_are_told_to_wait() {
    let server = Server::quiet_demo().await;
    Browser::run(&server.address, async |browser| {
        for _ in 0..5 {
            assert_eq!(server.login("wrong").await.status, 401);
        }
        browser.open(OPTIONS).await;
        browser.fill("#passphrase", PASSPHRASE).await;
        browser.click("#sign-in button").await;
        browser
            .until_says("#sign-in-error", "Too many attempts")
            .await;
        browser.until_says("#sign-in-error", "seconds").await;
    })
    .await;
}

#[tokio::test]
async fn a_session_that_ends_meanwhile_is_asked_for_again() {
    let server = Server::quiet_demo().await;
    Browser::run(&server.address, async |browser| {
        sign_in(browser).await;
        let sessions = sqlx::query("DELETE FROM sessions");
        let mut database = server.database().await;
        sessions.execute(&mut database).await.unwrap();
        browser.click("#extent-selection").await;
        browser.click("input[name=step][value=media]").await;
        browser.until_shows("#sign-in").await;
        assert!(!browser.shows("#danger").await);
        browser.fill("#passphrase", PASSPHRASE).await;
        browser.click("#sign-in button").await;
        browser.until_says("#erase", "Erase 60 files").await;
    })
    .await;
}

#[tokio::test]
async fn the_passphrase_is_told_only_while_it_is_that_of_the_demo() {
    let hint = async |server: &Server| {
        let settings = server.request(Method::GET, "/settings/reset/settings.json");
        send(settings).await.json()["hint"].clone()
    };
    let server = Server::quiet_demo().await;
    let advice = format!("open {}/ and sign in with the passphrase", server.address);
    assert!(server.advice.starts_with(&advice), "{}", server.advice);
    assert!(server.advice.contains(PASSPHRASE), "{}", server.advice);
    let told = hint(&server).await;
    assert!(told.as_str().unwrap().contains(PASSPHRASE), "{told}");
    assert_eq!(server.reset().await.status, 200);
    assert_eq!(hint(&server).await, json!(null));
    let init = server.request(Method::POST, "/api/settings/init");
    let configured = send(init.json(&onboarding("another one"))).await;
    assert_eq!(configured.status, 200);
    assert_eq!(hint(&server).await, json!(null));

    let server = Server::fresh();
    assert!(
        server.advice.ends_with("to set it up\n"),
        "{}",
        server.advice
    );
    assert_eq!(hint(&server).await, json!(null));
}

#[tokio::test]
async fn the_root_leads_to_what_is_needed_and_no_page_runs_what_stands_in_it() {
    let server = Server::fresh();
    let host = server.host();
    for (path, target) in [("/", "/onboarding"), ("/", OPTIONS)] {
        // It would be followed otherwise.
        let answer = server.raw(&format!(
            "GET {path} HTTP/1.1\r\nhost: {host}\r\n\r\nGET /api/health HTTP/1.1\r\nhost: {host}\r\n\r\n"
        ));
        assert!(answer.starts_with("HTTP/1.1 303 "), "{answer}");
        assert!(
            answer.contains(&format!("location: {target}\r\n")),
            "{answer}"
        );
        assert!(answer.contains("cache-control: no-store\r\n"), "{answer}");
        let init = server.request(Method::POST, "/api/settings/init");
        send(init.json(&onboarding(PASSPHRASE))).await;
    }
    for path in [OPTIONS, "/settings/reset/", "/onboarding", "/onboarding/"] {
        let page = send(server.request(Method::GET, path)).await;
        assert_eq!(page.status, 200, "{path}");
        let policy = page.headers["content-security-policy"].to_str().unwrap();
        assert!(policy.starts_with("default-src 'none'"), "{policy}");
        assert!(
            !policy.contains("unsafe") && !policy.contains('*'),
            "{policy}"
        );
        for inline in ["<style", " style=", " onclick=", "<script>"] {
            assert!(!page.text.contains(inline), "{path}: {inline}");
        }
    }
}
