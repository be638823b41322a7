//! No byte of what was cleared can be read afterwards.

use std::collections::BTreeSet;
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Connection, Executor, SqliteConnection};

use crate::server::{Server, until};
use crate::state::{self, State};

/// Texts that nothing else holds, to be planted wherever the host keeps something.
struct Canaries {
    mark: String,
    planted: usize,
}

impl Canaries {
    fn new() -> Self {
        let mark = format!("canary{}", uuid::Uuid::now_v7().simple());
        Self { mark, planted: 0 }
    }

    fn next(&mut self) -> String {
        self.planted += 1;
        format!("{}-{:04}", self.mark, self.planted)
    }

    /// One that fills several of SQLite's pages. It is said often enough to be whole on one.
    fn next_long(&mut self) -> String {
        self.next().repeat(400)
    }

    /// The different ones that stand in the name or content of any file of the directory.
    fn found(&self, server: &Server) -> BTreeSet<String> {
        let mut found = BTreeSet::new();
        for (path, (_, content)) in state::tree(server.directory()) {
            for bytes in [path.into_os_string().into_encoded_bytes(), content] {
                self.find(&bytes, &mut found);
            }
        }
        found
    }

    fn find(&self, bytes: &[u8], found: &mut BTreeSet<String>) {
        let mark = self.mark.as_bytes();
        let windows = bytes.windows(mark.len()).enumerate();
        for (start, _) in windows.filter(|(_, window)| *window == mark) {
            let number = &bytes[start + mark.len()..bytes.len().min(start + mark.len() + 5)];
            // One that is cut off at the end of a page is as readable.
            found.insert(String::from_utf8_lossy(number).into_owned());
        }
    }

    #[track_caller]
    fn assert_gone(&self, server: &Server) {
        assert_eq!(self.found(server), BTreeSet::new());
    }
}

/// Plants a canary wherever text fits: in every text column of every table, in files and
/// their names, in rows that are deleted again.
async fn plant(server: &Server) -> Canaries {
    let mut canaries = Canaries::new();
    let mut connection = server.database().await;
    // A check or a reference allows some columns but a few texts.
    for pragma in ["foreign_keys = OFF", "ignore_check_constraints = ON"] {
        run(&mut connection, &format!("PRAGMA {pragma}")).await;
    }
    let columns = text_columns(&mut connection).await;
    assert_eq!(columns.len(), 30, "every table has a text column");
    for (table, key, columns) in columns {
        for (end, is_long) in [("max", false), ("min", true)] {
            let texts = columns.split(',').map(|column| {
                let canary = match is_long {
                    true => canaries.next_long(),
                    false => canaries.next(),
                };
                format!("{column} = '{canary}'")
            });
            let texts: Vec<_> = texts.collect();
            let texts = texts.join(", ");
            let row = format!("{key} = (SELECT {end}({key}) FROM {table})");
            run(
                &mut connection,
                &format!("UPDATE {table} SET {texts} WHERE {row}"),
            )
            .await;
        }
    }
    for canary in [canaries.next(), canaries.next_long()] {
        let insert = format!("INSERT INTO threads (topic) VALUES ('{canary}')");
        run(&mut connection, &insert).await;
        let delete = format!("DELETE FROM threads WHERE topic = '{canary}'");
        run(&mut connection, &delete).await;
    }
    plant_in_files(server, &mut canaries);
    canaries
}

fn plant_in_files(server: &Server, canaries: &mut Canaries) {
    for file in ["config.toml", "passphrase_hash"] {
        let mut file = OpenOptions::new()
            .append(true)
            .open(server.path(file))
            .unwrap();
        writeln!(file, "# {}", canaries.next()).unwrap();
    }
    let directory = server.path("media").join(canaries.next());
    fs::create_dir(&directory).unwrap();
    fs::write(directory.join(canaries.next()), canaries.next()).unwrap();
    fs::write(directory.join("long.jpg"), canaries.next_long()).unwrap();
    std::os::unix::fs::symlink(canaries.next(), directory.join(canaries.next())).unwrap();
}

/// Each table with its key and its text columns.
async fn text_columns(connection: &mut SqliteConnection) -> Vec<(String, String, String)> {
    sqlx::query_as(
        "SELECT list.name, max(CASE WHEN field.pk = 1 THEN field.name END), \
                group_concat(CASE WHEN field.type = 'TEXT' THEN field.name END) \
         FROM sqlite_schema AS list, pragma_table_info(list.name) AS field \
         WHERE list.type = 'table' AND list.name NOT LIKE 'sqlite%' \
           AND list.name NOT LIKE '\\_%' ESCAPE '\\' \
         GROUP BY list.name",
    )
    .fetch_all(connection)
    .await
    .unwrap()
}

async fn run(connection: &mut SqliteConnection, sql: &str) {
    connection.execute(AssertSqlSafe(sql)).await.unwrap();
}

async fn planted() -> (Server, Canaries) {
    let server = Server::quiet_demo().await;
    let canaries = plant(&server).await;
    let found = canaries.found(&server);
    let all: BTreeSet<_> = (1..=canaries.planted)
        .map(|number| format!("-{number:04}"))
        .collect();
    assert!(
        all.is_subset(&found),
        "the search finds all that is planted"
    );
    (server, canaries)
}

#[tokio::test]
async fn nothing_of_any_column_file_or_name_can_be_read_after_a_reset() {
    let (server, canaries) = planted().await;
    assert_eq!(server.reset().await.status, 200);
    canaries.assert_gone(&server);
    State::of(&server)
        .await
        .assert_factory(&State::fresh().await);
    // Nor in what a restart reads or writes.
    canaries.assert_gone(&server);
}

#[tokio::test]
async fn the_database_takes_no_more_room_than_that_of_a_fresh_install() {
    let (used, fresh) = (Server::quiet_demo().await, Server::fresh());
    let size = async |server: &Server| {
        let checkpoint = "PRAGMA wal_checkpoint(TRUNCATE)";
        run(&mut server.database().await, checkpoint).await;
        server.path("tuitbot.db").metadata().unwrap().len()
    };
    for _ in 0..3 {
        assert_eq!(used.reset().await.status, 200);
        let log = used.path("tuitbot.db-wal").metadata().unwrap().len();
        assert_eq!(log, 0, "the write-ahead log is empty");
        assert_eq!(size(&used).await, size(&fresh).await);
    }
}

#[tokio::test]
async fn what_a_reader_holds_back_goes_by_itself_once_the_reader_ends() {
    let (server, canaries) = planted().await;
    let mut reader = server.database().await;
    let mut snapshot = reader.begin().await.unwrap();
    run(&mut snapshot, "SELECT count(*) FROM threads").await;

    assert_eq!(server.reset().await.status, 200);
    assert_eq!(pending(&server).await, ["reclaim"]);
    assert_ne!(
        canaries.found(&server),
        BTreeSet::new(),
        "the reader still sees them"
    );
    snapshot.rollback().await.unwrap();

    until(async || pending(&server).await.is_empty()).await;
    canaries.assert_gone(&server);
}

#[tokio::test]
async fn nobody_who_writes_is_refused_because_a_reader_holds_something_back() {
    let server = Server::quiet_demo().await;
    let mut reader = server.database().await;
    let mut snapshot = reader.begin().await.unwrap();
    run(&mut snapshot, "SELECT count(*) FROM threads").await;
    assert_eq!(server.reset().await.status, 200);
    // It is tried again after a second: these clients write right through that.
    let begun = Instant::now();
    let write = async |client: usize| {
        for number in 0.. {
            let username = format!("client-{client}-{number}");
            let written = server.post("/api/targets", json!({ "username": username }));
            assert_eq!(written.await.status, 201);
            if begun.elapsed() > Duration::from_secs(2) {
                return;
            }
        }
    };
    futures::future::join_all((0..4).map(write)).await;
    assert_eq!(
        pending(&server).await,
        ["reclaim"],
        "the reader is still there"
    );
}

/// The work that the last reset has left.
async fn pending(server: &Server) -> Vec<String> {
    let history = server.get("/api/reset/history").await.json();
    let pending = history["runs"][0]["pending"].as_array().unwrap().iter();
    pending.map(work).collect()
}

fn work(pending: &Value) -> String {
    pending["work"].as_str().unwrap().to_owned()
}
