//! A host whose schema has everything that SQLite offers, and rows in all of it.

use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode};

use crate::fixture::Host;

/// Text that a user has written, in every column that takes text.
pub(crate) const CANARY: &str = "canaryzq";

const ORDINARY: &str = r#"
    CREATE TABLE settings (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
    INSERT INTO settings VALUES ('theme', 'light'), ('language', 'en');
    CREATE TABLE categories (
        id INTEGER PRIMARY KEY, parent INTEGER REFERENCES categories (id), name TEXT UNIQUE
    );
    INSERT INTO categories VALUES (1, NULL, 'root'), (5, 1, 'five'), (9, 5, 'nine');
    CREATE TABLE accounts (
        id INTEGER PRIMARY KEY AUTOINCREMENT, email TEXT NOT NULL UNIQUE, avatar BLOB,
        favourite INTEGER REFERENCES lists (id)
    ) STRICT;
    CREATE TABLE lists (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        owner INTEGER NOT NULL REFERENCES accounts (id) ON DELETE CASCADE, title TEXT
    );
    CREATE INDEX accounts_email ON accounts (lower(email));
    CREATE TABLE entries (
        list INTEGER REFERENCES lists (id) ON DELETE CASCADE, place INTEGER, text TEXT,
        PRIMARY KEY (list, place)
    );
    INSERT INTO entries (rowid, list, place, text) VALUES (4, NULL, 1, 'four'), (8, NULL, 2, 'eight');
    CREATE TABLE counters (id INTEGER PRIMARY KEY AUTOINCREMENT, label TEXT);
    INSERT INTO counters (label) VALUES ('one'), ('two'), ('three');
    DELETE FROM counters WHERE id > 1;
    CREATE TABLE prices (
        id INTEGER PRIMARY KEY, net REAL, tax REAL, note TEXT,
        gross REAL GENERATED ALWAYS AS (net + tax) STORED,
        label TEXT GENERATED ALWAYS AS (net || ' net') VIRTUAL
    );
    INSERT INTO prices (net, tax) VALUES (1.5, 0.5);
    CREATE INDEX prices_gross ON prices (gross) WHERE gross > 10;
    CREATE TABLE "odd ""name' table" ("rowid" TEXT, "sel""ect" TEXT, "größe" BLOB, "oid" INTEGER);
    INSERT INTO "odd ""name' table" VALUES ('seed', NULL, x'00ff', 1);
    CREATE TABLE words (word TEXT UNIQUE);
    INSERT INTO words (rowid, word) VALUES (3, 'three'), (7, 'seven');
    CREATE TABLE empty (id INTEGER PRIMARY KEY, text TEXT);
    CREATE TABLE audit (id INTEGER PRIMARY KEY, text TEXT);
    CREATE VIEW emails AS SELECT email FROM accounts;
    CREATE TRIGGER account_gone AFTER DELETE ON accounts
        BEGIN INSERT INTO audit (text) VALUES ('gone: ' || old.email); END;
    CREATE TRIGGER account_new AFTER INSERT ON accounts
        BEGIN INSERT INTO audit (text) VALUES ('new: ' || new.email); END;
"#;

const VIRTUAL: &str = r#"
    CREATE VIRTUAL TABLE notes USING fts5 (title, body);
    INSERT INTO notes (rowid, title, body) VALUES (3, 'hello', 'a seeded note'), (7, 'bye', 'another');
    CREATE TABLE articles (id INTEGER PRIMARY KEY, title TEXT, body TEXT);
    CREATE VIRTUAL TABLE articles_fts USING fts5 (title, body, content = 'articles', content_rowid = 'id');
    CREATE TRIGGER articles_insert AFTER INSERT ON articles BEGIN
        INSERT INTO articles_fts (rowid, title, body) VALUES (new.id, new.title, new.body);
    END;
    CREATE TRIGGER articles_delete AFTER DELETE ON articles BEGIN
        INSERT INTO articles_fts (articles_fts, rowid, title, body)
        VALUES ('delete', old.id, old.title, old.body);
    END;
    CREATE TRIGGER articles_update AFTER UPDATE ON articles BEGIN
        INSERT INTO articles_fts (articles_fts, rowid, title, body)
        VALUES ('delete', old.id, old.title, old.body);
        INSERT INTO articles_fts (rowid, title, body) VALUES (new.id, new.title, new.body);
    END;
    INSERT INTO articles VALUES (2, 'manual', 'how to begin'), (6, 'licence', 'what is allowed');
    CREATE VIRTUAL TABLE tags USING fts5 (tag, content = '');
    INSERT INTO tags (rowid, tag) VALUES (5, 'seeded');
    CREATE VIRTUAL TABLE letters USING fts4 (subject, body);
    INSERT INTO letters (docid, subject, body) VALUES (4, 'dear', 'a seeded letter');
    CREATE VIRTUAL TABLE places USING rtree (id, west, east, south, north);
    INSERT INTO places VALUES (11, 0, 1, 0, 1);
"#;

/// A later migration: its index and trigger stand behind the virtual tables in the schema.
const LATER: &str = "
    CREATE TABLE jobs (id INTEGER PRIMARY KEY, text TEXT);
    CREATE INDEX jobs_text ON jobs (text);
    CREATE TRIGGER setting_gone AFTER DELETE ON settings
        BEGIN INSERT INTO settings (key, value) VALUES (old.key || '!', 'refilled'); END;
";

/// The migrations of the rich host.
pub(crate) const MIGRATIONS: [&str; 3] = [ORDINARY, VIRTUAL, LATER];

/// Fills every table many times over, `canaryzq` in every text.
const FILL: &str = r#"
    CREATE TEMP TABLE numbers AS
        WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 200) SELECT i FROM n;
    INSERT INTO settings SELECT 'canaryzq key ' || i, 'canaryzq value' FROM temp.numbers;
    INSERT INTO categories SELECT i + 9, i + 8, 'canaryzq ' || i FROM temp.numbers WHERE i > 0;
    UPDATE categories SET parent = 11 WHERE id = 1;
    INSERT INTO accounts (email, avatar) SELECT 'canaryzq' || i || '@example.org', zeroblob(i) FROM temp.numbers;
    INSERT INTO lists (owner, title) SELECT id, 'canaryzq ' || id FROM accounts;
    UPDATE accounts SET favourite = (SELECT lists.id FROM lists WHERE owner = accounts.id);
    INSERT INTO entries SELECT id, 1, 'canaryzq' FROM lists;
    INSERT INTO counters (label) SELECT 'canaryzq ' || i FROM temp.numbers;
    INSERT INTO prices (net, tax, note) SELECT i, i / 2.0, 'canaryzq' FROM temp.numbers;
    INSERT INTO "odd ""name' table" SELECT 'canaryzq', 'canaryzq ünïcödé', CAST('canaryzq' AS BLOB), i FROM temp.numbers;
    INSERT INTO words SELECT 'canaryzq ' || i FROM temp.numbers;
    DELETE FROM words WHERE word = 'three';
    DELETE FROM accounts WHERE id > 190;
    INSERT INTO notes (title, body) SELECT 'canaryzq', 'canaryzq note ' || i FROM temp.numbers;
    DELETE FROM notes WHERE rowid = 3;
    INSERT INTO articles (title, body) SELECT 'canaryzq', 'canaryzq article ' || i FROM temp.numbers;
    UPDATE articles SET body = 'canaryzq changed' WHERE id = 2;
    INSERT INTO tags (tag) SELECT 'canaryzq' || i FROM temp.numbers;
    INSERT INTO letters (subject, body) SELECT 'canaryzq', 'canaryzq letter ' || i FROM temp.numbers;
    INSERT INTO places (id, west, east, south, north) SELECT i + 20, i, i + 1, i, i + 1 FROM temp.numbers;
    INSERT INTO jobs (text) SELECT 'canaryzq ' || i FROM temp.numbers;
    DROP TABLE temp.numbers;
    ANALYZE;
"#;

/// The options of a host in WAL mode.
pub(crate) fn wal() -> SqliteConnectOptions {
    SqliteConnectOptions::new().journal_mode(SqliteJournalMode::Wal)
}

/// A rich host, fresh.
pub(crate) async fn fresh(options: SqliteConnectOptions) -> Host {
    Host::with(&MIGRATIONS, options).await
}

/// A rich host that has been in use.
pub(crate) async fn used(options: SqliteConnectOptions) -> Host {
    let host = fresh(options).await;
    let mut connection = host.pool.acquire().await.unwrap();
    sqlx::raw_sql(FILL).execute(&mut *connection).await.unwrap();
    drop(connection);
    host
}
