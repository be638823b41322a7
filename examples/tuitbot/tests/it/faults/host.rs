//! A host under test: a real process, which the test may load the shim into.

use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use fault_sweeps::Control;
use reqwest::{Method, Response};
use serde_json::{Value, json};

use crate::server::RESET;

/// Which program is tested.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Program {
    Tuitbot,
    /// The negative control: its resets are not safe, and the tests have to find that out.
    Naive,
}

impl Program {
    fn path(self) -> PathBuf {
        let tuitbot = PathBuf::from(env!("CARGO_BIN_EXE_tuitbot"));
        match self {
            Self::Tuitbot => tuitbot,
            // Cargo builds examples for `cargo test`, but does not say where.
            Self::Naive => tuitbot.with_file_name("examples").join("naive"),
        }
    }
}

/// Killed when dropped.
pub(super) struct Host {
    process: Child,
    address: String,
    token: String,
    client: reqwest::Client,
}

/// What was answered.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) text: String,
}

impl Answer {
    pub(super) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_default()
    }
}

impl Host {
    /// Starts it on `data`. When it does not come to listen, what it says is the error.
    pub(super) fn start(
        program: Program,
        data: &Path,
        control: Option<&Control>,
        arguments: &[&str],
    ) -> Result<Self, String> {
        let log = data.with_file_name("stderr");
        let mut process = Command::new(program.path())
            .args(["serve", "--bind", "127.0.0.1:0", "--data-dir"])
            .arg(data)
            .args(arguments)
            .envs(control.map_or_else(Vec::new, |control| control.environment(data)))
            .env("RUST_LOG", "warn")
            .stdout(Stdio::piped())
            .stderr(File::create(&log).unwrap())
            .spawn()
            .unwrap_or_else(|error| {
                let path = program.path();
                panic!(
                    "`{}`: {error}; `cargo build -p tuitbot --examples`",
                    path.display()
                )
            });
        let mut line = String::new();
        let stdout = process.stdout.take().unwrap();
        BufReader::new(stdout).read_line(&mut line).unwrap();
        let Some(address) = line.trim().strip_prefix("listening on ") else {
            process.wait().unwrap();
            return Err(fs::read_to_string(log).unwrap());
        };
        let token = fs::read_to_string(data.join("api_token")).unwrap_or_default();
        let client = reqwest::Client::builder().timeout(Duration::from_secs(60));
        Ok(Self {
            address: address.to_owned(),
            token: token.trim().to_owned(),
            client: client.build().unwrap(),
            process,
        })
    }

    /// Nothing when the host was killed before it had answered.
    pub(super) async fn ask(&self, method: Method, path: &str, body: &Value) -> Option<Answer> {
        let request = self
            .client
            .request(method, format!("{}{path}", self.address));
        let request = request.bearer_auth(&self.token).json(body);
        let read = async |response: Response| {
            let status = response.status().as_u16();
            let text = response.text().await?;
            Ok(Answer { status, text })
        };
        let answer = match request.send().await {
            Ok(response) => read(response).await,
            Err(error) => Err(error),
        };
        match answer {
            Err(error) if error.is_timeout() => panic!("no answer within a minute: {path}"),
            answer => answer.ok(),
        }
    }

    pub(super) async fn get(&self, path: &str) -> Answer {
        let answer = self.ask(Method::GET, path, &Value::Null).await;
        answer.unwrap_or_else(|| panic!("an answer to {path}"))
    }

    pub(super) async fn post(&self, path: &str, body: Value) -> Answer {
        let answer = self.ask(Method::POST, path, &body).await;
        answer.unwrap_or_else(|| panic!("an answer to {path}"))
    }

    pub(super) async fn reset(&self) -> Option<Answer> {
        let body = json!({ "confirmation": "RESET TUITBOT" });
        self.ask(Method::POST, RESET, &body).await
    }

    /// Ends it without a warning, if a fault has not done so.
    pub(super) fn kill(mut self) {
        self.end();
    }

    /// Ends it in good order.
    pub(super) fn stop(mut self) {
        let process = rustix::process::Pid::from_child(&self.process);
        rustix::process::kill_process(process, rustix::process::Signal::TERM).unwrap();
        assert!(self.process.wait().unwrap().success());
    }

    fn end(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        self.end();
    }
}
