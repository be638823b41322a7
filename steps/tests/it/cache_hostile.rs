//! A server that is not what it says, or means harm: counting and clearing come to an end, and no
//! key of others is named to it.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use factory_reset::{Engine, Selection};
use factory_reset_steps::CacheKeys;

use crate::fixture::{Host, PREFIX, cache_alone, counted, everything};

/// What a server tells: the next cursor and the keys, given the cursor and how many keys it was to
/// unlink before.
type Tell = fn(u64, usize) -> (u64, Vec<String>);

/// A server by hand, which does nothing but tell of keys.
struct Fake {
    url: String,
    /// The keys that it was to unlink.
    unlinked: Arc<Mutex<Vec<String>>>,
}

#[derive(Clone)]
struct Behaviour {
    tell: Tell,
    /// What it says of the number of its keys, and of those it has unlinked.
    size: &'static str,
    gone: &'static str,
    unlinked: Arc<Mutex<Vec<String>>>,
}

impl Fake {
    fn start(tell: Tell, size: &'static str, gone: &'static str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("redis://{}/", listener.local_addr().unwrap());
        let behaviour = Behaviour {
            tell,
            size,
            gone,
            unlinked: Arc::default(),
        };
        let unlinked = behaviour.unlinked.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let behaviour = behaviour.clone();
                // A client that hangs up is an error here, and no failure.
                std::thread::spawn(move || behaviour.serve(&stream.unwrap()));
            }
        });
        Self { url, unlinked }
    }

    /// An engine that fails by itself, should the step not.
    async fn engine(&self, host: &Host) -> Engine {
        let keys = CacheKeys::open(self.url.as_str(), PREFIX).unwrap();
        let builder = host.builder(keys).step_timeout(Duration::from_secs(60));
        builder.build().await.unwrap()
    }

    fn unlinked(&self) -> Vec<String> {
        let mut unlinked = self.unlinked.lock().unwrap().clone();
        unlinked.sort();
        unlinked.dedup();
        unlinked
    }
}

impl Behaviour {
    fn serve(&self, mut stream: &TcpStream) -> Option<()> {
        let mut reader = BufReader::new(stream);
        let mut is_queueing = false;
        loop {
            let words = command(&mut reader)?;
            let name = words[0].to_uppercase();
            let reply = match name.as_str() {
                "HELLO" => list(&["role", "master", "mode", "standalone"].map(String::from)),
                "MULTI" => {
                    is_queueing = true;
                    "+OK\r\n".to_owned()
                }
                "DISCARD" => {
                    is_queueing = false;
                    "+OK\r\n".to_owned()
                }
                "UNLINK" if is_queueing => "+QUEUED\r\n".to_owned(),
                "UNLINK" => {
                    self.unlinked
                        .lock()
                        .unwrap()
                        .extend(words[1..].iter().cloned());
                    self.gone.to_owned()
                }
                "DBSIZE" => self.size.to_owned(),
                "SCAN" => {
                    let unlinked = self.unlinked.lock().unwrap().len();
                    let (cursor, keys) = (self.tell)(words[1].parse().unwrap(), unlinked);
                    format!("*2\r\n{}{}", text(&cursor.to_string()), list(&keys))
                }
                "EVAL" => "-NOPERM no scripts\r\n".to_owned(),
                _ => "+OK\r\n".to_owned(),
            };
            stream.write_all(reply.as_bytes()).ok()?;
        }
    }
}

/// The words of the next command.
fn command(reader: &mut impl BufRead) -> Option<Vec<String>> {
    let mut number = |sign: char| -> Option<usize> {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        line.strip_prefix(sign)?.trim_end().parse().ok()
    };
    let words = number('*')?;
    (0..words)
        .map(|_| {
            let mut line = String::new();
            reader.read_line(&mut line).ok()?;
            let length: usize = line.strip_prefix('$')?.trim_end().parse().ok()?;
            let mut word = vec![0; length + 2];
            reader.read_exact(&mut word).ok()?;
            word.truncate(length);
            String::from_utf8(word).ok()
        })
        .collect()
}

fn text(text: &str) -> String {
    format!("${}\r\n{text}\r\n", text.len())
}

fn list(texts: &[String]) -> String {
    let all: String = texts.iter().map(|it| text(it)).collect();
    format!("*{}\r\n{all}", texts.len())
}

fn key(number: u64) -> String {
    format!("{PREFIX}{number}")
}

const FEW: &str = ":10\r\n";
const COUNTLESS: &str = ":9223372036854775807\r\n";
const REFUSED: &str = "-NOPERM\r\n";

#[tokio::test]
async fn a_list_of_keys_without_an_end_is_given_up() {
    let cases: [(&str, Tell, &str, &str); 6] = [
        (
            "one cursor for ever",
            |_, _| (7, vec![]),
            COUNTLESS,
            "repeats its cursors",
        ),
        (
            "two cursors in turn",
            |cursor, _| (3 - cursor.clamp(1, 2), vec![]),
            REFUSED,
            "repeats",
        ),
        (
            "a long cycle",
            |cursor, _| (cursor % 500 + 1, vec![]),
            COUNTLESS,
            "repeats",
        ),
        (
            "the same keys again",
            |cursor, _| (cursor % 50 + 1, vec![key(1)]),
            COUNTLESS,
            "repeats",
        ),
        (
            "new cursors",
            |cursor, _| (cursor + 1, vec![]),
            FEW,
            "longer than its number of keys",
        ),
        (
            "new keys",
            |cursor, _| {
                (
                    cursor + 1,
                    (0..1000).map(|it| key(cursor * 1000 + it)).collect(),
                )
            },
            FEW,
            "more keys than it has",
        ),
    ];
    let host = Host::new();
    for (name, tell, size, says) in cases {
        let fake = Fake::start(tell, size, ":0\r\n");
        let engine = fake.engine(&host).await;
        let plan = engine.plan(&Selection::all()).await.unwrap();
        let blocker = plan.blockers()[0].to_string();
        assert!(
            blocker.contains("does not end its list of keys"),
            "{name}: {blocker}"
        );
        assert!(blocker.contains(says), "{name}: {blocker}");
        engine.reset(everything()).await.unwrap_err();
        assert!(host.has_report(), "{name}");
        assert_eq!(fake.unlinked(), [""; 0], "{name}");
    }
}

#[tokio::test]
async fn a_list_that_loses_its_end_after_the_commit_is_given_up_and_stays_pending() {
    let host = Host::new();
    let tell = |cursor, unlinked| match unlinked {
        0 => (0, vec![key(1)]),
        _ => (cursor + 1, vec![key(1)]),
    };
    let fake = Fake::start(tell, FEW, ":1\r\n");
    let engine = fake.engine(&host).await;
    let report = engine.reset(everything()).await.unwrap();
    assert!(!host.has_report());
    let pending = &report.pending[0];
    assert_eq!(pending.work, "cache");
    assert!(
        pending.error.contains("does not end its list of keys"),
        "{pending:?}"
    );
}

#[tokio::test]
async fn keys_outside_the_prefix_are_neither_counted_nor_named_to_the_server() {
    let host = Host::new();
    let tell = |_, _| {
        let keys = [
            "other:1",
            "stories",
            "Stories:1",
            "stories:1",
            "xstories:1",
            "",
            "stories:1",
        ];
        (0, keys.map(String::from).to_vec())
    };
    let fake = Fake::start(tell, FEW, COUNTLESS);
    let engine = fake.engine(&host).await;
    let plan = engine.plan(&cache_alone()).await.unwrap();
    assert_eq!(counted(&plan.preview()), 1);
    let report = engine.reset(everything()).await.unwrap();
    assert_eq!(fake.unlinked(), ["stories:1"]);
    // No more than it was asked to unlink, whatever it claims.
    assert!(counted(&report) <= 8, "{report:?}");
}

#[tokio::test]
async fn an_answer_without_an_end_is_given_up() {
    let host = Host::new();
    // 80 MiB in one key, in a few, and as what was never asked for.
    let huge: Tell = |_, _| (0, vec![format!("{PREFIX}{}", "x".repeat(80 << 20))]);
    let several: Tell = |_, _| (0, vec![format!("{PREFIX}{}", "x".repeat(8 << 20)); 10]);
    for tell in [huge, several] {
        let fake = Fake::start(tell, FEW, ":0\r\n");
        let engine = fake.engine(&host).await;
        let plan = engine.plan(&cache_alone()).await.unwrap();
        let blocker = plan.blockers()[0].to_string();
        assert!(blocker.contains("is unavailable"), "{blocker}");
        assert!(blocker.len() < 1000, "{}", blocker.len());
    }
}
