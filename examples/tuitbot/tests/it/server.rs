//! A running `tuitbot` and a client of it.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use reqwest::header::{HeaderMap, SET_COOKIE};
use reqwest::{Method, RequestBuilder, StatusCode};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, SqliteConnection};
use tempfile::TempDir;

pub(crate) const RESET: &str = "/api/settings/factory-reset";
pub(crate) const PASSPHRASE: &str = "tuitbot-demo";

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

    pub(crate) fn cookie(&self) -> &str {
        self.headers[SET_COOKIE].to_str().unwrap()
    }

    /// `tuitbot_session=…` as a browser sends it back.
    pub(crate) fn session(&self) -> String {
        self.cookie().split(';').next().unwrap().to_owned()
    }
}

impl Server {
    /// A fresh install.
    pub(crate) fn fresh() -> Self {
        Self::start(&[])
    }

    /// One that has been used: 3000 rows, 60 files, and the automation runs.
    pub(crate) fn demo() -> Self {
        Self::start(&["--demo"])
    }

    /// A demo whose automation is stopped, so that counts stand still.
    pub(crate) async fn quiet_demo() -> Self {
        let server = Self::demo();
        let stopped = server.bearer(Method::POST, "/api/runtime/stop").await;
        assert_eq!(stopped.status, 200);
        server
    }

    pub(crate) fn start(arguments: &[&str]) -> Self {
        let owned = tempfile::tempdir().unwrap();
        let directory = owned.path().join("data");
        let mut server = Self::open(&directory, arguments);
        server._owned = Some(owned);
        server
    }

    /// A used one that may open few files.
    pub(crate) fn confined() -> Self {
        let owned = tempfile::tempdir().unwrap();
        let directory = owned.path().join("data");
        let demo = Self::command(&directory, &["--demo"]);
        let mut command = Command::new("sh");
        command.args(["-c", "ulimit -n 256 && exec \"$0\" \"$@\""]);
        command.arg(demo.get_program()).args(demo.get_args());
        let mut server = Self::run(command, &directory);
        server._owned = Some(owned);
        server
    }

    /// On a directory that somebody else keeps.
    pub(crate) fn open(directory: &Path, arguments: &[&str]) -> Self {
        Self::run(Self::command(directory, arguments), directory)
    }

    /// What starts it.
    pub(crate) fn command(directory: &Path, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tuitbot"));
        command
            .args(["serve", "--bind", "127.0.0.1:0", "--data-dir"])
            .arg(directory)
            .args(arguments)
            // A bot that writes all the time is the harder one to reset.
            .env("TUITBOT_AUTOMATION_PAUSE", "0.5");
        command
    }

    /// However it is started.
    pub(crate) fn run(mut command: Command, directory: &Path) -> Self {
        let mut process = command
            .env("RUST_LOG", "warn")
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let (mut line, mut advice) = (String::new(), String::new());
        let mut output = BufReader::new(process.stdout.take().unwrap());
        output.read_line(&mut line).unwrap();
        output.read_line(&mut advice).unwrap();
        let address = line
            .trim()
            .strip_prefix("listening on ")
            .expect("the server starts");
        Self {
            address: address.to_owned(),
            advice,
            process,
            client: reqwest::Client::builder()
                .timeout(Duration::from_secs(60))
                .build()
                .unwrap(),
            directory: directory.to_owned(),
            _owned: None,
        }
    }

    pub(crate) fn directory(&self) -> &Path {
        &self.directory
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }

    pub(crate) fn token(&self) -> String {
        std::fs::read_to_string(self.path("api_token"))
            .unwrap()
            .trim()
            .to_owned()
    }

    /// A request without authentication.
    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client
            .request(method, format!("{}{path}", self.address))
    }

    pub(crate) fn bearer_request(&self, method: Method, path: &str) -> RequestBuilder {
        self.request(method, path).bearer_auth(self.token())
    }

    pub(crate) async fn bearer(&self, method: Method, path: &str) -> Answer {
        send(self.bearer_request(method, path)).await
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.bearer(Method::GET, path).await
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> Answer {
        send(self.bearer_request(Method::POST, path).json(&body)).await
    }

    pub(crate) async fn reset(&self) -> Answer {
        self.post(RESET, json!({ "confirmation": "RESET TUITBOT" }))
            .await
    }

    pub(crate) async fn login(&self, passphrase: &str) -> Answer {
        let request = self.request(Method::POST, "/api/auth/login");
        send(request.json(&json!({ "passphrase": passphrase }))).await
    }

    pub(crate) async fn status(&self) -> Value {
        send(self.request(Method::GET, "/api/settings/status"))
            .await
            .json()
    }

    /// A connection to the database from outside.
    pub(crate) async fn database(&self) -> SqliteConnection {
        let options = SqliteConnectOptions::new().filename(self.path("tuitbot.db"));
        options.connect().await.unwrap()
    }

    pub(crate) async fn count(&self, table: &str) -> i64 {
        let sql = sqlx::AssertSqlSafe(format!("SELECT count(*) FROM {table}"));
        sqlx::query_scalar(sql)
            .fetch_one(&mut self.database().await)
            .await
            .unwrap()
    }

    /// Whether a reset holds all other requests off.
    pub(crate) async fn is_held_off(&self) -> bool {
        self.get("/api/targets").await.status == 503
    }

    pub(crate) fn pid(&self) -> u32 {
        self.process.id()
    }

    /// Ends it in good order.
    pub(crate) fn end(&mut self) {
        let pid = i32::try_from(self.pid()).unwrap();
        kill_process(Pid::from_raw(pid).unwrap(), Signal::TERM).unwrap();
        self.process.wait().unwrap();
    }

    /// Kills it without a warning.
    pub(crate) fn kill(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

pub(crate) async fn send(request: RequestBuilder) -> Answer {
    let response = request.send().await.unwrap();
    Answer {
        status: response.status(),
        headers: response.headers().clone(),
        text: response.text().await.unwrap(),
    }
}

/// What `init` accepts, with a claim.
pub(crate) fn onboarding(passphrase: &str) -> Value {
    json!({
        "x_api": { "client_id": "client" },
        "business": {
            "product_name": "Product",
            "product_description": "What it does",
            "product_keywords": ["keyword"],
            "industry_topics": ["topic"]
        },
        "claim": { "passphrase": passphrase }
    })
}

/// Every file below `directory` with its content, but for SQLite's shared memory, which
/// readers write to.
pub(crate) fn contents(directory: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut all = Vec::new();
    let mut directories = vec![directory.to_owned()];
    while let Some(directory) = directories.pop() {
        for entry in std::fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                directories.push(path);
            } else if path
                .extension()
                .is_none_or(|extension| extension != "db-shm")
            {
                let content = std::fs::read(&path).unwrap();
                all.push((path, content));
            }
        }
    }
    all.sort();
    all
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
