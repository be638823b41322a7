//! Who may claim the bot, and what the new owner sees of the earlier one.

use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

use crate::server::{Answer, PASSPHRASE, RESET, Server, onboarding, send};

const INIT: &str = "/api/settings/init";
const CLAIM: &str = "/api/auth/claim";
const LOCKED: [&str; 2] = ["/api/reset/history", "/api/reset/backups"];
const NEW: &str = "another passphrase";

/// A browser that has signed in.
struct Session {
    cookie: String,
    csrf_token: String,
}

impl Session {
    fn of(answer: &Answer) -> Self {
        Self {
            cookie: answer.session(),
            csrf_token: answer.json()["csrf_token"].as_str().unwrap().to_owned(),
        }
    }

    fn request(&self, server: &Server, method: Method, path: &str) -> RequestBuilder {
        let request = server.request(method, path).header("cookie", &self.cookie);
        request.header("x-csrf-token", &self.csrf_token)
    }

    async fn get(&self, server: &Server, path: &str) -> u16 {
        let answer = send(self.request(server, Method::GET, path)).await;
        answer.status.as_u16()
    }

    async fn post(&self, server: &Server, path: &str, body: &Value) -> Answer {
        send(self.request(server, Method::POST, path).json(body)).await
    }
}

async fn post(server: &Server, path: &str, body: &Value) -> Answer {
    send(server.request(Method::POST, path).json(body)).await
}

fn without_claim() -> Value {
    let mut body = onboarding(NEW);
    body.as_object_mut().unwrap().remove("claim");
    body
}

/// A demo that its owner has reset in a browser, with the setup token of that browser.
async fn reset_by_owner() -> (Server, String) {
    let server = Server::quiet_demo().await;
    let owner = Session::of(&server.login(PASSPHRASE).await);
    let backup = json!({ "name": "before" });
    let made = owner.post(&server, "/api/reset/backup", &backup).await;
    assert_eq!(made.status, 200, "{}", made.text);
    let issued = owner
        .post(&server, "/api/reset/setup-token", &json!({}))
        .await;
    assert_eq!(issued.status, 200, "{}", issued.text);
    let token = issued.json()["setup_token"].as_str().unwrap().to_owned();
    let reset = owner.request(&server, Method::POST, RESET);
    let reset = reset.header("setup-token", &token);
    let body = json!({ "confirmation": "RESET TUITBOT" });
    let done = send(reset.json(&body)).await;
    assert_eq!(done.status, 200, "{}", done.text);
    let mut keys: Vec<_> = done.json().as_object().unwrap().keys().cloned().collect();
    keys.sort();
    assert_eq!(keys, ["cleared", "status"]);
    assert_eq!(owner.get(&server, "/api/targets").await, 401);
    (server, token)
}

#[tokio::test]
async fn the_first_visitor_after_a_reset_sees_nothing_of_the_earlier_owner() {
    let (server, token) = reset_by_owner().await;
    let init = post(&server, INIT, &onboarding(NEW)).await;
    assert_eq!(init.status, 200, "{}", init.text);
    let body = init.json();
    let mut keys: Vec<_> = body.as_object().unwrap().keys().collect();
    keys.sort();
    assert_eq!(keys, ["config", "csrf_token", "status"]);
    let visitor = Session::of(&init);
    let again = Session::of(&server.login(NEW).await);
    for session in [&visitor, &again] {
        assert_eq!(session.get(&server, "/api/targets").await, 200);
        for path in LOCKED {
            assert_eq!(session.get(&server, path).await, 403, "{path}");
        }
        let restore = json!({ "name": "before", "confirm": true });
        let restored = session.post(&server, "/api/reset/restore", &restore).await;
        assert_eq!(restored.status, 403, "{}", restored.text);
        let delete = session.request(&server, Method::DELETE, "/api/reset/backups/before");
        assert_eq!(send(delete).await.status, 403);
        let nothing = json!({});
        let issue = session.post(&server, "/api/reset/setup-token", &nothing);
        assert_eq!(issue.await.status, 403);
    }
    assert!(server.path("backups/before.tar.zst").exists());
    // Another reset does not help.
    let body = json!({ "confirmation": "RESET TUITBOT" });
    assert_eq!(visitor.post(&server, RESET, &body).await.status, 200);
    let init = post(&server, INIT, &onboarding(NEW)).await;
    let visitor = Session::of(&init);
    for path in LOCKED {
        assert_eq!(visitor.get(&server, path).await, 403, "{path}");
        assert_eq!(server.get(path).await.status, 200, "the bearer token");
    }
    // And it has killed the setup token of the owner, who has the bearer token.
    let prove = async |token: &str| {
        let body = json!({ "token": token });
        visitor
            .post(&server, "/api/reset/prove", &body)
            .await
            .status
    };
    assert_eq!(prove(&token).await, 403);
    assert_eq!(prove(&server.token()).await, 200);
    for path in LOCKED {
        assert_eq!(visitor.get(&server, path).await, 200, "{path}");
    }
}

#[tokio::test]
async fn the_owner_with_the_setup_token_sees_no_difference() {
    let (server, token) = reset_by_owner().await;
    let mut body = onboarding(NEW);
    body["setup_token"] = "0".repeat(64).into();
    let refused = post(&server, INIT, &body).await;
    assert_eq!(refused.status, 403, "{}", refused.text);
    assert_eq!(server.status().await["configured"], false);
    body["setup_token"] = token.clone().into();
    let init = post(&server, INIT, &body).await;
    assert_eq!(init.status, 200, "{}", init.text);
    assert!(!init.text.contains(&token));
    let owner = Session::of(&init);
    for path in LOCKED {
        assert_eq!(owner.get(&server, path).await, 200, "{path}");
    }
    let prove = json!({ "token": token });
    let used = owner.post(&server, "/api/reset/prove", &prove).await;
    assert_eq!(used.status, 403, "{}", used.text);
}

#[tokio::test]
async fn a_claim_with_the_bearer_token_is_proven() {
    let server = Server::quiet_demo().await;
    assert_eq!(server.reset().await.status, 200);
    let init = server.post(INIT, onboarding(NEW)).await;
    assert_eq!(init.status, 200, "{}", init.text);
    for path in LOCKED {
        assert_eq!(Session::of(&init).get(&server, path).await, 200);
    }
}

#[tokio::test]
async fn a_fresh_install_has_no_earlier_owner() {
    let server = Server::fresh();
    let init = post(&server, INIT, &onboarding(NEW)).await;
    for path in LOCKED {
        assert_eq!(Session::of(&init).get(&server, path).await, 200);
    }
}

#[tokio::test]
async fn a_bot_that_was_set_up_without_a_claim_can_be_claimed_by_its_owner_alone() {
    let server = Server::fresh();
    let claim = json!({ "passphrase": NEW });
    let early = server.post(CLAIM, claim.clone()).await;
    assert_eq!(early.status, 409, "{}", early.text);
    assert_eq!(post(&server, INIT, &without_claim()).await.status, 200);
    assert_eq!(server.status().await["claimed"], false);
    post(&server, CLAIM, &claim)
        .await
        .is(401, json!({ "error": "unauthorized" }));
    let wrong = json!({ "passphrase": NEW, "setup_token": "0".repeat(64) });
    assert_eq!(post(&server, CLAIM, &wrong).await.status, 403);
    let empty = json!({ "passphrase": NEW, "setup_token": "" });
    assert_eq!(post(&server, CLAIM, &empty).await.status, 403);
    let short = server.post(CLAIM, json!({ "passphrase": "short" })).await;
    assert_eq!(short.status, 400, "{}", short.text);
    assert_eq!(server.status().await["claimed"], false);

    let claimed = server.post(CLAIM, claim.clone()).await;
    assert_eq!(claimed.status, 200, "{}", claimed.text);
    let owner = Session::of(&claimed);
    assert_eq!(owner.get(&server, "/api/targets").await, 200);
    assert_eq!(server.login(NEW).await.status, 200);
    assert_eq!(server.status().await["claimed"], true);
    assert_eq!(server.post(CLAIM, claim).await.status, 409);
    assert_eq!(post(&server, INIT, &onboarding(NEW)).await.status, 409);
}

#[tokio::test]
async fn the_setup_token_is_kept_for_the_claim() {
    let (server, token) = reset_by_owner().await;
    let mut body = without_claim();
    body["setup_token"] = token.clone().into();
    assert_eq!(post(&server, INIT, &body).await.status, 200);
    let claim = json!({ "passphrase": NEW, "setup_token": token });
    let claimed = post(&server, CLAIM, &claim).await;
    assert_eq!(claimed.status, 200, "{}", claimed.text);
    for path in LOCKED {
        assert_eq!(Session::of(&claimed).get(&server, path).await, 200);
    }
}

#[tokio::test]
async fn a_restore_does_not_revive_ended_sessions() {
    let server = Server::quiet_demo().await;
    let ended = Session::of(&server.login(PASSPHRASE).await);
    let backup = json!({ "name": "one" });
    let made = ended.post(&server, "/api/reset/backup", &backup).await;
    assert_eq!(made.status, 200, "{}", made.text);
    let logout = ended.post(&server, "/api/auth/logout", &json!({})).await;
    assert_eq!(logout.status, 200);
    let other = Session::of(&server.login(PASSPHRASE).await);
    let restore = json!({ "name": "one", "confirm": true });
    let restored = other.post(&server, "/api/reset/restore", &restore).await;
    assert_eq!(restored.status, 200, "{}", restored.text);
    for session in [&ended, &other] {
        assert_eq!(session.get(&server, "/api/targets").await, 401);
    }
    let again = Session::of(&server.login(PASSPHRASE).await);
    assert_eq!(again.get(&server, "/api/reset/history").await, 200);
}
