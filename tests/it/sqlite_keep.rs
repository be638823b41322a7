//! Rows that a reset keeps, and references that it would break.

use factory_reset::{Database, KeptRows, Reference, chain};
use uuid::Uuid;

use crate::dump::{Dump, assert_sound, dump};
use crate::fixture::{CLEARING, Host};
use crate::rich::{used, wal};

const SCHEMA: &str = "
    CREATE TABLE users (
        id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT UNIQUE COLLATE NOCASE,
        chief INTEGER REFERENCES Users, favourite INTEGER REFERENCES stories (id)
    );
    CREATE TABLE stories (id INTEGER PRIMARY KEY, owner TEXT REFERENCES users (name), title TEXT);
    INSERT INTO users VALUES (1, 'admin', NULL, NULL), (2, 'guest', 1, NULL);
    CREATE TABLE places (
        land TEXT, town TEXT, mayor INTEGER REFERENCES users, PRIMARY KEY (town, land)
    ) WITHOUT ROWID;
    CREATE TABLE visits (
        place_land TEXT, place_town TEXT, note TEXT,
        FOREIGN KEY (place_land, place_town) REFERENCES places (land, town)
    );
    CREATE TABLE stamps (town TEXT, land TEXT, FOREIGN KEY (town, land) REFERENCES places);
    CREATE TABLE licences (id INTEGER PRIMARY KEY, user INTEGER REFERENCES users (id));
    CREATE TABLE log (text TEXT);
    CREATE TRIGGER user_new AFTER INSERT ON users BEGIN INSERT INTO log VALUES (new.name); END;
    CREATE VIRTUAL TABLE stories_fts USING fts5 (title, content = 'stories', content_rowid = 'id');
    CREATE VIRTUAL TABLE words USING fts5 (word);
";

const ROWS: &str = "
    INSERT INTO users VALUES (5, 'Ann', 6, NULL), (6, 'bob', 7, NULL), (7, 'cid', 5, NULL),
        (8, 'dan', NULL, NULL), (50, 'eve', 8, NULL);
    INSERT INTO stories VALUES (1, 'ann', 'mine'), (2, 'dan', 'yours'), (3, 'ANN', 'again');
    UPDATE users SET favourite = 2 WHERE id = 7;
    INSERT INTO places VALUES ('fr', 'Paris', 50), ('us', 'Paris', 8), ('de', 'Bonn', NULL);
    INSERT INTO visits (rowid, place_land, place_town, note) VALUES
        (4, 'us', 'Paris', 'a'), (9, 'fr', 'Paris', 'b'), (11, 'fr', NULL, 'c');
    INSERT INTO stamps VALUES ('Bonn', 'de');
    INSERT INTO stories_fts (rowid, title) SELECT id, title FROM stories;
";

const ALL: [&str; 6] = [
    "users",
    "stories",
    "places",
    "visits",
    "stamps",
    "stories_fts",
];

async fn host() -> Host {
    let host = Host::with(&[SCHEMA], wal()).await;
    host.run(ROWS).await;
    host.run("DELETE FROM log").await;
    host
}

fn names(tables: &[&str]) -> Vec<String> {
    tables.iter().map(|table| (*table).to_owned()).collect()
}

fn kept(table: &str, condition: &str) -> Vec<KeptRows> {
    vec![KeptRows::new("some", "for a test").rows(table, condition)]
}

/// Clears `tables` but for `rows`, checks, commits.
async fn clear(host: &Host, rows: &[KeptRows], tables: &[&str]) -> Vec<u64> {
    let mut transaction = host.sqlite().await.write(&CLEARING).await.unwrap();
    let tables = names(tables);
    transaction.keep(rows, &tables).await.unwrap();
    let mut counted = Vec::new();
    for table in &tables {
        counted.push(transaction.count(table).await.unwrap());
    }
    let gone = transaction.clear(&tables).await.unwrap();
    assert_eq!(gone, counted, "what was counted went");
    transaction.check().await.unwrap();
    transaction.commit(Uuid::now_v7()).await.unwrap();
    assert_sound(&host.pool).await;
    gone
}

/// Every row of `after` but for those of `factory` was there before, just like that.
fn assert_only_old(before: &Dump, after: &Dump, factory: &Dump) {
    for (table, rows) in after {
        let own = table.starts_with("sqlite_") || table.contains("_fts_");
        for row in rows.iter().filter(|_| !own) {
            let known = |dump: &Dump| dump.get(table).is_some_and(|rows| rows.contains(row));
            assert!(known(before) || known(factory), "{table}: {row}");
        }
    }
}

#[tokio::test]
async fn kept_rows_stay_whole_with_all_that_they_refer_to() {
    let host = host().await;
    let factory = dump(&Host::with(&[SCHEMA], wal()).await.pool).await;
    let before = dump(&host.pool).await;
    let gone = clear(&host, &kept("VISITS", "note = 'a' -- the first"), &ALL).await;
    assert_eq!(gone, [6, 3, 2, 2, 1, 0]);
    let after = dump(&host.pool).await;
    assert_only_old(&before, &after, &factory);
    assert_eq!(after["visits"], ["'us', 'Paris', 'a', 4"]);
    assert_eq!(host.number("SELECT mayor FROM places").await, 8);
    assert_eq!(host.number("SELECT sum(id) FROM users").await, 1 + 2 + 8);
    assert_eq!(
        host.number("SELECT count(*) FROM log").await,
        0,
        "no trigger has fired"
    );
    assert_eq!(host.number("SELECT seq FROM sqlite_sequence").await, 8);
}

#[tokio::test]
async fn cycles_and_keys_that_are_not_primary_are_followed() {
    let host = host().await;
    // Their story's owner, his chiefs in a circle, the favourite of one, its owner.
    clear(&host, &kept("stories", "id = 3"), &ALL).await;
    let users = host.number(
        "SELECT CAST(group_concat(id, '') AS INTEGER) FROM (SELECT id FROM users ORDER BY id)",
    );
    assert_eq!(users.await, 125_678);
    assert_eq!(host.number("SELECT sum(id) FROM stories").await, 5);
    for (word, found) in [("again", 1), ("yours", 1), ("mine", 0)] {
        let matching = format!("SELECT count(*) FROM stories_fts WHERE stories_fts MATCH '{word}'");
        assert_eq!(host.number(&matching).await, found, "{word}");
    }
    host.run("INSERT INTO stories_fts (stories_fts, rank) VALUES ('integrity-check', 1)")
        .await;
}

#[tokio::test]
async fn a_kept_row_wins_over_a_factory_row_with_the_same_key() {
    let host = host().await;
    host.run("UPDATE users SET name = 'root' WHERE id = 1; DELETE FROM users WHERE id = 2; UPDATE users SET name = 'GUEST' WHERE id = 50").await;
    host.run("INSERT INTO users VALUES (2, 'two', NULL, NULL)")
        .await;
    clear(
        &host,
        &kept("users", "id IN (1, 2)"),
        &["users", "stories", "places", "visits", "stamps"],
    )
    .await;
    assert_eq!(
        host.number("SELECT count(*) FROM users WHERE name IN ('root', 'two')")
            .await,
        2
    );
    assert_eq!(host.number("SELECT count(*) FROM users").await, 2);
}

#[tokio::test]
async fn a_chain_as_long_as_its_table_is_followed() {
    let host = host().await;
    host.run(
        "WITH RECURSIVE n (i) AS (SELECT 100 UNION ALL SELECT i + 1 FROM n WHERE i < 3000)
         INSERT INTO users (id, name, chief) SELECT i, 'u' || i, iif(i < 3000, i + 1, NULL) FROM n",
    )
    .await;
    let mut transaction = host.sqlite().await.read().await.unwrap();
    let rows = transaction
        .keep(&kept("users", "id = 100"), &names(&["users"]))
        .await
        .unwrap();
    assert_eq!(rows["users"], 2901);
    assert_eq!(transaction.count("users").await.unwrap(), 7);
}

#[tokio::test]
async fn rows_are_kept_that_are_reached_through_a_table_that_stays() {
    let host = host().await;
    host.run("INSERT INTO licences VALUES (1, 5)").await;
    let mut transaction = host.sqlite().await.read().await.unwrap();
    let rows = transaction
        .keep(&kept("licences", "1"), &names(&ALL))
        .await
        .unwrap();
    assert_eq!(
        rows.into_iter().collect::<Vec<_>>(),
        [("stories".into(), 1), ("users".into(), 4)]
    );
}

#[tokio::test]
async fn looking_for_rows_changes_no_file() {
    let host = host().await;
    let sqlite = host.sqlite().await;
    let files = || {
        let mut files: Vec<_> = std::fs::read_dir(host.data())
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .map(|path| (std::fs::read(&path).unwrap(), path))
            .filter(|(_, path)| !path.to_string_lossy().ends_with("-shm"))
            .collect();
        files.sort_by(|one, other| one.1.cmp(&other.1));
        files
    };
    let before = files();
    let mut transaction = sqlite.read().await.unwrap();
    transaction
        .keep(&kept("users", "id > 1"), &names(&ALL))
        .await
        .unwrap();
    transaction.references(&names(&["users"])).await.unwrap();
    transaction.rollback().await.unwrap();
    assert!(files() == before);
}

#[tokio::test]
async fn what_cannot_be_kept_is_an_error_that_names_it() {
    let host = host().await;
    let mut transaction = host.sqlite().await.read().await.unwrap();
    for (table, condition, wanted) in [
        ("nobodies", "1", "there is no such table"),
        ("words", "1", "virtual table"),
        ("users", "no_such_column = 1", "no such column"),
        ("users", "id = ", "syntax error"),
    ] {
        let error = transaction
            .keep(&kept(table, condition), &names(&ALL))
            .await
            .unwrap_err();
        let text = chain(&error);
        assert!(
            text.contains(&format!("`{table}`")) && text.contains("`some`"),
            "{text}"
        );
        assert!(text.contains(wanted), "{text}");
    }
}

async fn references(host: &Host, rows: &[KeptRows], tables: &[&str]) -> Vec<Reference> {
    let sqlite = host.sqlite().await;
    let mut read = sqlite.read().await.unwrap();
    read.keep(rows, &names(tables)).await.unwrap();
    let found = read.references(&names(tables)).await.unwrap();
    read.rollback().await.unwrap();
    let mut write = sqlite.write(&CLEARING).await.unwrap();
    write.keep(rows, &names(tables)).await.unwrap();
    assert_eq!(write.references(&names(tables)).await.unwrap(), found);
    found
}

#[tokio::test]
async fn references_to_rows_that_go_are_counted_for_each_pair() {
    let host = host().await;
    host.run("INSERT INTO licences VALUES (1, 5), (2, 8), (3, NULL), (4, 1), (5, 2)")
        .await;
    let found = references(&host, &[], &["Users", "places"]).await;
    let expected = [
        Reference::new("licences", "users", 2),
        Reference::new("stamps", "places", 1),
        Reference::new("stories", "users", 3),
        Reference::new("visits", "places", 2),
    ];
    assert_eq!(found, expected);
    let found = references(&host, &kept("users", "id = 5"), &["users", "stories"]).await;
    // 8 is kept as the owner of a favourite.
    assert_eq!(found, [Reference::new("places", "users", 1)]);
    assert_eq!(
        references(&host, &[], &ALL).await,
        [Reference::new("licences", "users", 2)]
    );
}

#[tokio::test]
async fn references_that_lead_nowhere_already_are_not_counted() {
    let host = host().await;
    host.run(
        "PRAGMA foreign_keys = OFF; INSERT INTO licences VALUES (1, 99); PRAGMA foreign_keys = ON",
    )
    .await;
    assert_eq!(references(&host, &[], &ALL).await, []);
}

#[tokio::test]
async fn kept_rows_of_a_rich_host_leave_it_sound() {
    let host = used(wal()).await;
    let before = dump(&host.pool).await;
    let factory = dump(&crate::rich::fresh(wal()).await.pool).await;
    let mut transaction = host.sqlite().await.write(&CLEARING).await.unwrap();
    let tables = transaction.tables().await.unwrap();
    let tables: Vec<_> = tables
        .into_iter()
        .filter(|table| table != "_sqlx_migrations")
        .collect();
    let rows = KeptRows::new("some", "for a test")
        .rows("ENTRIES", "list = 7")
        .rows("categories", "id = 60")
        .rows("articles", "id % 50 = 0")
        .rows("odd \"name' table", "oid < 3")
        .rows("prices", "gross > 290")
        .rows("settings", "key LIKE '%19%'");
    let kept = transaction.keep(&[rows], &tables).await.unwrap();
    assert_eq!(kept["lists"], 1);
    assert_eq!(kept["accounts"], 1);
    transaction.clear(&tables).await.unwrap();
    transaction.check().await.unwrap();
    transaction.commit(Uuid::now_v7()).await.unwrap();
    assert_sound(&host.pool).await;
    let after = dump(&host.pool).await;
    assert_only_old(&before, &after, &factory);
    for (table, rows) in kept {
        let old = after[&table]
            .iter()
            .filter(|row| before[&table].contains(row));
        assert!(u64::try_from(old.count()).unwrap() >= rows, "{table}");
    }
    host.run("INSERT INTO articles_fts (articles_fts, rank) VALUES ('integrity-check', 1)")
        .await;
}
