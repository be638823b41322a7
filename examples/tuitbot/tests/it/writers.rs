//! Nothing that was accepted before the answer to a reset survives that reset.

use std::collections::BTreeSet;
use std::fs;
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use reqwest::Method;
use serde_json::json;
use sha2::{Digest, Sha256};
use tempfile::TempDir;

use crate::server::{Answer, Server, onboarding, send, until};
use crate::wire::receive;

const RESETS: usize = 50;

/// How often a client writes at most.
const PACE: Duration = Duration::from_millis(1);

/// The resets of which no answer has come yet, as any client sees it.
#[derive(Default)]
struct Turns(Mutex<Turn>);

#[derive(Default)]
struct Turn {
    /// How many answers have been taken.
    number: usize,
    /// Where the next one will come.
    connection: Option<TcpStream>,
}

impl Turn {
    /// The bytes lie here before anybody has read them.
    fn has_arrived(&self) -> bool {
        let mut byte = [0];
        let connection = self.connection.as_ref();
        connection.is_some_and(|connection| connection.peek(&mut byte).is_ok())
    }
}

impl Turns {
    fn lock(&self) -> MutexGuard<'_, Turn> {
        self.0.lock().unwrap()
    }

    /// The first reset whose answer has not come. Whatever is accepted by now must be gone
    /// once it has.
    fn next(&self) -> usize {
        let turn = self.lock();
        turn.number + usize::from(turn.has_arrived())
    }

    /// Resets, and waits for the answer, which must be a 200.
    async fn reset(&self, server: &Server) {
        let request = server.raw_reset();
        {
            // Nobody looks before the connection can be looked at.
            let mut turn = self.lock();
            let connection = server.send_raw(&request);
            connection.set_nonblocking(true).unwrap();
            turn.connection = Some(connection);
        }
        until(async || self.lock().has_arrived()).await;
        let connection = {
            let mut turn = self.lock();
            turn.number += 1;
            turn.connection.take()
        };
        let mut connection = connection.unwrap();
        connection.set_nonblocking(false).unwrap();
        let answer = receive(&mut connection);
        assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    }
}

/// Ends the writing when it is dropped: also when a test fails, and its threads would wait for
/// one another.
struct Ending<'a>(&'a AtomicBool);

impl Drop for Ending<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// The clients, and what was accepted of them.
struct Writers {
    server: Server,
    turns: Turns,
    /// How many resets have been sent: what an outside writer made before that is old.
    sent: AtomicUsize,
    is_over: AtomicBool,
    /// What must be gone after which reset.
    accepted: Mutex<Vec<(usize, String)>>,
    /// How many requests that write were accepted.
    written: AtomicUsize,
    /// Gives each write a name of its own.
    number: AtomicUsize,
    /// Where the user keeps notes.
    notes: TempDir,
}

/// What a client does again and again.
#[derive(Clone, Copy)]
enum Write {
    Target,
    Onboarding,
    Login,
    Runtime,
    Health,
}

impl Writers {
    async fn run(&self, write: Write) {
        // A thousand of each kind in a second, so that the service gets to run, too.
        let mut turn = tokio::time::interval(PACE);
        while !self.is_over.load(Ordering::Relaxed) {
            turn.tick().await;
            let number = self.number.fetch_add(1, Ordering::Relaxed);
            let (answer, name) = self.write(write, number).await;
            let next = self.turns.next();
            check(&answer);
            let is_write = !matches!(write, Write::Health);
            if answer.status.is_success() && is_write {
                self.written.fetch_add(1, Ordering::Relaxed);
                let mut accepted = self.accepted.lock().unwrap();
                if let Write::Onboarding = write {
                    accepted.push((next, "notes".to_owned()));
                }
                accepted.push((next, name));
            }
        }
    }

    /// Writes once. The name of what was written is one that [`survivors`](Self::survivors)
    /// tells, too.
    async fn write(&self, write: Write, number: usize) -> (Answer, String) {
        let server = &self.server;
        let name = format!("name-{number}");
        match write {
            Write::Target => {
                let body = json!({ "username": name });
                (server.post("/api/targets", body).await, name)
            }
            Write::Onboarding => {
                let mut body = onboarding("passphrase");
                body["business"]["product_name"] = json!(name);
                body["content_sources"] = json!({ "sources": [{ "path": self.notes.path() }] });
                let init = server.request(Method::POST, "/api/settings/init");
                (send(init.json(&body)).await, name)
            }
            Write::Login => {
                let answer = server.login("passphrase").await;
                let name = match answer.status.is_success() {
                    true => session_id(&answer.session()),
                    false => String::new(),
                };
                (answer, name)
            }
            Write::Runtime => {
                let path = "/api/runtime/start";
                (
                    server.bearer(Method::POST, path).await,
                    "runtime".to_owned(),
                )
            }
            Write::Health => {
                let answer = send(server.request(Method::GET, "/api/health")).await;
                assert_eq!(answer.status, 200);
                (answer, "health".to_owned())
            }
        }
    }

    /// Writes files past the service.
    fn write_files(&self) {
        let media = self.server.path("media");
        while !self.is_over.load(Ordering::Relaxed) {
            let number = self.number.fetch_add(1, Ordering::Relaxed);
            let name = format!("file-{number}");
            // A reset may take the directory in between.
            let _ = fs::create_dir(&media);
            if fs::write(media.join(&name), "file").is_ok() {
                let sent = self.sent.load(Ordering::SeqCst);
                self.accepted.lock().unwrap().push((sent, name));
            }
            let note = self.notes.path().join(format!("note-{}.md", number % 10));
            fs::write(note, format!("# Note {number}")).unwrap();
            // Nothing is waited for: it writes no faster than the other clients.
            std::thread::sleep(PACE);
        }
    }

    /// The names of all that is there.
    async fn survivors(&self) -> BTreeSet<String> {
        let server = &self.server;
        let rows = "SELECT username FROM target_accounts UNION ALL SELECT id FROM sessions \
                    UNION ALL SELECT 'notes' FROM content_nodes";
        let mut names: BTreeSet<String> = sqlx::query_scalar(rows)
            .fetch_all(&mut server.database().await)
            .await
            .unwrap()
            .into_iter()
            .collect();
        if let Ok(text) = fs::read_to_string(server.path("config.toml")) {
            let configuration: tuitbot::Configuration = toml::from_str(&text).unwrap();
            names.insert(configuration.business.product_name);
        }
        if let Ok(files) = fs::read_dir(server.path("media")) {
            names.extend(files.map(|file| file.unwrap().file_name().into_string().unwrap()));
        }
        let runtime = server.get("/api/runtime/status").await.json();
        if runtime["running"] == true {
            names.insert("runtime".to_owned());
        }
        names
    }

    fn written(&self) -> usize {
        self.written.load(Ordering::Relaxed)
    }
}

/// How the host names the session of this cookie.
fn session_id(cookie: &str) -> String {
    let token = cookie.split_once('=').unwrap().1;
    hex::encode(Sha256::digest(token.as_bytes()))
}

#[track_caller]
fn check(answer: &Answer) {
    let status = answer.status.as_u16();
    assert!(status < 500 || status == 503, "{answer:?}");
    if status == 503 && answer.json()["error"] != "no passphrase is set" {
        assert!(answer.headers.contains_key("retry-after"), "{answer:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_accepted_before_the_answer_to_a_reset_survives_it() {
    let writers = Writers {
        server: Server::fresh(),
        turns: Turns::default(),
        sent: AtomicUsize::new(0),
        is_over: AtomicBool::new(false),
        accepted: Mutex::default(),
        written: AtomicUsize::new(0),
        number: AtomicUsize::new(0),
        notes: tempfile::tempdir().unwrap(),
    };
    let resets = async {
        let _ending = Ending(&writers.is_over);
        let mut survivors = Vec::new();
        for _ in 0..RESETS {
            let written = writers.written();
            until(async || writers.written() > written + 5).await;
            writers.sent.fetch_add(1, Ordering::SeqCst);
            writers.turns.reset(&writers.server).await;
            survivors.push(writers.survivors().await);
        }
        survivors
    };
    let survivors = std::thread::scope(|scope| {
        let _ending = Ending(&writers.is_over);
        scope.spawn(|| writers.write_files());
        let kinds = [
            Write::Target,
            Write::Target,
            Write::Target,
            Write::Onboarding,
            Write::Login,
            Write::Runtime,
            Write::Health,
        ];
        let clients = futures::future::join_all(kinds.map(|write| writers.run(write)));
        let both = futures::future::join(resets, clients);
        tokio::task::block_in_place(|| tokio::runtime::Handle::current().block_on(both)).0
    });
    let accepted = writers.accepted.into_inner().unwrap();
    check_survivors(&survivors, &accepted);
}

fn check_survivors(survivors: &[BTreeSet<String>], accepted: &[(usize, String)]) {
    for (reset, survivors) in survivors.iter().enumerate() {
        let old = accepted.iter().filter(|(next, _)| *next <= reset);
        let old: BTreeSet<_> = old.map(|(_, name)| name.as_str()).collect();
        // One runtime is like another, and so are notes: there must have been a later start.
        let later = accepted.iter().filter(|(next, _)| *next > reset);
        let later: BTreeSet<_> = later.map(|(_, name)| name.as_str()).collect();
        for name in survivors {
            let may_be = match name.as_str() {
                "runtime" | "notes" => later.contains(name.as_str()),
                name => !old.contains(name),
            };
            assert!(may_be, "`{name}` has survived reset {reset}");
        }
    }
}

#[test]
#[should_panic(expected = "`old` has survived reset 1")]
fn what_survives_is_found() {
    let survivors = ["new", "old"].map(|name| BTreeSet::from([name.to_owned()]));
    check_survivors(&survivors, &[(0, "old".to_owned()), (1, "new".to_owned())]);
}
