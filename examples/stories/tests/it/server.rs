//! A running `stories` and a client of it.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use reqwest::header::HeaderMap;
use reqwest::{Method, RequestBuilder, StatusCode};
use serde_json::{Value, json};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, SqliteConnection};
use tempfile::TempDir;

/// The tables of the schema.
pub(crate) const TABLES: [&str; 10] = [
    "users",
    "stories",
    "chapters",
    "characters",
    "comments",
    "tags",
    "story_tags",
    "reports",
    "sessions",
    "audit_log",
];

/// Killed when dropped.
pub(crate) struct Server {
    process: Child,
    pub(crate) address: String,
    /// What it says to do there.
    pub(crate) advice: String,
    client: reqwest::Client,
    directory: PathBuf,
    _owned: Option<TempDir>,
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|_| panic!("no JSON: {}", self.text))
    }

    /// The status and the body, for one comparison.
    pub(crate) fn is(&self, status: u16, body: Value) {
        assert_eq!((self.status.as_u16(), self.json()), (status, body));
    }

    /// A refusal as every route words it.
    pub(crate) fn refuses(&self, status: u16, error: &str) {
        self.is(status, json!({ "success": false, "error": error }));
    }
}

impl Server {
    /// However it is started.
    pub(crate) fn run(command: Command, directory: &Path, owned: Option<TempDir>) -> Self {
        Self::try_run(command, directory, owned).expect("the server starts")
    }

    /// However it is started; what it prints instead of its address is the error.
    pub(crate) fn try_run(
        mut command: Command,
        directory: &Path,
        owned: Option<TempDir>,
    ) -> Result<Self, String> {
        let mut process = command
            .env("RUST_LOG", "error")
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let (mut line, mut advice) = (String::new(), String::new());
        let mut output = BufReader::new(process.stdout.take().unwrap());
        output.read_line(&mut line).unwrap();
        output.read_line(&mut advice).unwrap();
        let Some(address) = line.trim().strip_prefix("listening on ") else {
            process.wait().unwrap();
            return Err(line);
        };
        Ok(Self {
            address: address.to_owned(),
            advice,
            process,
            client: reqwest::Client::builder()
                .timeout(Duration::from_secs(60))
                .build()
                .unwrap(),
            directory: directory.to_owned(),
            _owned: owned,
        })
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }

    /// Where `path` is.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.address)
    }

    /// A request without authentication.
    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client
            .request(method, format!("{}{path}", self.address))
    }

    pub(crate) async fn get(&self, path: &str, token: &str) -> Answer {
        send(self.request(Method::GET, path).bearer_auth(token)).await
    }

    pub(crate) async fn post(&self, path: &str, token: &str, body: Value) -> Answer {
        let request = self.request(Method::POST, path).bearer_auth(token);
        send(request.json(&body)).await
    }

    /// What `POST /api/auth/token` says.
    pub(crate) async fn sign_in(&self, username: &str, password: &str) -> Answer {
        let request = self.request(Method::POST, "/api/auth/token");
        send(request.json(&json!({ "username": username, "password": password }))).await
    }

    /// A token of a user of the demo.
    pub(crate) async fn token(&self, username: &str) -> String {
        let answer = self.sign_in(username, &format!("{username}-demo")).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        answer.json()["token"].as_str().unwrap().to_owned()
    }

    /// What `POST /api/auth/setup` says.
    pub(crate) async fn set_up(&self, setup_token: &str) -> Answer {
        let request = self.request(Method::POST, "/api/auth/setup");
        let body = json!({
            "setup_token": setup_token,
            "username": "first",
            "password": "long enough",
        });
        send(request.json(&body)).await
    }

    pub(crate) fn setup_token(&self) -> String {
        std::fs::read_to_string(self.path("setup_token")).unwrap()
    }

    /// A connection to the SQLite database from outside.
    pub(crate) async fn database(&self) -> SqliteConnection {
        let options = SqliteConnectOptions::new().filename(self.path("stories.db"));
        options.connect().await.unwrap()
    }

    /// The one number that a query of it gives.
    pub(crate) async fn number(&self, sql: &str) -> i64 {
        sqlx::query_scalar(AssertSqlSafe(sql.to_owned()))
            .fetch_one(&mut self.database().await)
            .await
            .unwrap()
    }

    pub(crate) async fn count(&self, table: &str) -> i64 {
        self.number(&format!("SELECT count(*) FROM {table}")).await
    }

    pub(crate) async fn execute(&self, sql: &'static str) {
        let connection = &mut self.database().await;
        sqlx::raw_sql(sql).execute(connection).await.unwrap();
    }

    /// Ends it without a warning, if a fault has not done so.
    pub(crate) fn kill(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }

    /// Ends it in good order.
    pub(crate) fn stop(&mut self) {
        let process = rustix::process::Pid::from_child(&self.process);
        rustix::process::kill_process(process, rustix::process::Signal::TERM).unwrap();
        assert!(self.process.wait().unwrap().success());
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}

pub(crate) async fn send(request: RequestBuilder) -> Answer {
    try_send(request).await.expect("an answer")
}

/// No answer when the host was killed before it had given one.
pub(crate) async fn try_send(request: RequestBuilder) -> Option<Answer> {
    let answer = async {
        let response = request.send().await?;
        Ok(Answer {
            status: response.status(),
            headers: response.headers().clone(),
            text: response.text().await?,
        })
    };
    match answer.await {
        Err(error) => {
            let error: reqwest::Error = error;
            assert!(!error.is_timeout(), "no answer within a minute: {error}");
            None
        }
        Ok(answer) => Some(answer),
    }
}

/// Waits until `holds` says so; a minute is far more than any of it takes.
pub(crate) async fn until(mut holds: impl AsyncFnMut() -> bool) {
    let waiting = async {
        let mut turn = tokio::time::interval(Duration::from_millis(20));
        while !holds().await {
            turn.tick().await;
        }
    };
    let waited = tokio::time::timeout(Duration::from_secs(60), waiting).await;
    waited.expect("it comes to pass within a minute");
}
