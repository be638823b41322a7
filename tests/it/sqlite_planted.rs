//! Triggers, views and other things in the schema that no migration has created.

use factory_reset::{
    Database, Decision, Engine, FactoryRows, ItemKind, RECORD_TABLE, Selection, Sqlite, chain,
};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, Connection};
use uuid::Uuid;

use crate::dump::schema;
use crate::fixture::{CLEARING, Host, everything, only};
use crate::rich::wal;

const SCHEMA: &str = "
    CREATE TABLE sessions (id INTEGER PRIMARY KEY, token TEXT);
    CREATE TABLE log (text TEXT);
    CREATE VIRTUAL TABLE notes USING fts5 (body);
    INSERT INTO notes VALUES ('seeded');
    INSERT INTO sessions VALUES (1, 'seeded');
    CREATE INDEX sessions_token ON sessions (token);
    CREATE VIEW tokens AS SELECT token FROM sessions;
    CREATE TRIGGER ended AFTER DELETE ON sessions BEGIN INSERT INTO log VALUES ('ended'); END;
";

/// Where planted triggers write to.
const LOOT: &str = "CREATE TABLE loot (text TEXT)";

async fn host() -> Host {
    let host = Host::with(&[SCHEMA], wal()).await;
    host.run("INSERT INTO sessions (token) VALUES ('mine'); INSERT INTO notes VALUES ('mine')")
        .await;
    host
}

/// An engine on either way.
async fn engine(host: &Host, has_image: bool) -> Engine {
    let database = Sqlite::open(&host.pool, &host.migrator).await.unwrap();
    only(&["tables"])
        .data_dir(host.data())
        .database(database.factory_image(has_image))
        .build()
        .await
        .unwrap()
}

/// What a plan lists as unclaimed.
async fn unclaimed(engine: &Engine) -> Vec<(ItemKind, String)> {
    let plan = engine.plan(&Selection::all()).await.unwrap();
    let unclaimed = plan.unclaimed().iter();
    unclaimed.map(|one| (one.kind, one.name.clone())).collect()
}

#[tokio::test]
async fn what_migrations_create_is_not_unclaimed() {
    let host = host().await;
    assert_eq!(unclaimed(&engine(&host, true).await).await, []);
}

#[tokio::test]
async fn planted_objects_are_unclaimed_and_stay_on_both_ways() {
    for has_image in [true, false] {
        let host = host().await;
        let engine = engine(&host, has_image).await;
        engine.plan(&Selection::all()).await.unwrap();
        host.run(LOOT).await;
        host.run(
            "DROP TRIGGER ended;
             CREATE TRIGGER ended AFTER DELETE ON sessions BEGIN INSERT INTO loot VALUES ('x'); END;
             CREATE TRIGGER evil AFTER INSERT ON sessions
                BEGIN INSERT INTO loot VALUES (new.token); END;
             CREATE INDEX planted ON sessions (token) WHERE token > 'a';
             CREATE VIEW everything AS SELECT * FROM sessions;
             ALTER TABLE log ADD COLUMN role TEXT DEFAULT 'administrator'",
        )
        .await;
        let before = schema(&host.pool).await;
        let expected = [
            (ItemKind::Table, "loot"),
            (ItemKind::Index, "planted"),
            (ItemKind::Table, "log"),
            (ItemKind::Trigger, "ended"),
            (ItemKind::Trigger, "evil"),
            (ItemKind::View, "everything"),
        ];
        let expected = expected.map(|(kind, name)| (kind, name.to_owned()));
        assert_eq!(unclaimed(&engine).await, expected);
        let report = engine.reset(everything()).await.unwrap();
        assert_eq!(report.unclaimed.len(), expected.len());
        let reasons = report.unclaimed.iter().map(|one| one.reason.as_deref());
        let reasons: Vec<_> = reasons.flatten().collect();
        assert_eq!(reasons.len(), expected.len() - 1, "{reasons:?}");
        assert!(reasons[2].contains("on `sessions`, differs"), "{reasons:?}");
        assert_eq!(schema(&host.pool).await, before);
        assert_eq!(host.number("SELECT count(*) FROM loot").await, 0);
        assert_eq!(host.number("SELECT count(*) FROM sessions").await, 1);
    }
}

#[tokio::test]
async fn strict_coverage_refuses_a_planted_trigger_and_names_it() {
    let host = host().await;
    host.run("CREATE TRIGGER evil AFTER INSERT ON sessions BEGIN DELETE FROM log; END")
        .await;
    let builder = host.builder(&["tables"]).await.strict_coverage();
    let engine = builder.build().await.unwrap();
    let error = chain(&engine.reset(everything()).await.unwrap_err());
    assert!(error.contains("`evil` (on `sessions`, "), "{error}");
    host.run("DROP TRIGGER evil").await;
    engine.reset(everything()).await.unwrap();
}

#[tokio::test]
async fn a_pristine_database_tells_what_is_planted_and_a_script_cannot() {
    let pristine = Host::with(&[SCHEMA], SqliteConnectOptions::new()).await;
    let file = pristine.data().join("host.db").display().to_string();
    let host = host().await;
    host.run("CREATE TRIGGER evil AFTER INSERT ON sessions BEGIN DELETE FROM log; END")
        .await;
    for (rows, expected) in [
        (FactoryRows::Database(file), 1),
        (FactoryRows::Script(SCHEMA.to_owned()), 0),
        (FactoryRows::None, 0),
    ] {
        let database = Sqlite::open_from(&host.pool, &rows).await.unwrap();
        let mut transaction = database.read().await.unwrap();
        let planted = transaction.unclaimed_objects().await.unwrap();
        assert_eq!(planted.len(), expected, "{rows:?}: {planted:?}");
        transaction.rollback().await.unwrap();
    }
}

#[tokio::test]
async fn no_planted_trigger_fires_in_a_reset() {
    for has_image in [true, false] {
        let host = host().await;
        let engine = engine(&host, has_image).await;
        host.run(LOOT).await;
        for (number, table) in [
            "sessions",
            "notes_content",
            "notes_data",
            RECORD_TABLE,
            "loot",
        ]
        .iter()
        .enumerate()
        {
            for event in ["INSERT", "DELETE", "UPDATE"] {
                host.run(&format!(
                    "CREATE TRIGGER planted_{number}_{event} AFTER {event} ON {table}
                     BEGIN INSERT INTO loot VALUES ('{table}'); END"
                ))
                .await;
            }
        }
        let planted = unclaimed(&engine).await;
        let triggers = planted
            .iter()
            .filter(|(kind, _)| *kind == ItemKind::Trigger);
        assert_eq!(triggers.count(), 15, "{planted:?}");
        engine.reset(everything()).await.unwrap();
        let loot: Vec<String> = sqlx::query_scalar("SELECT text FROM loot")
            .fetch_all(&host.pool)
            .await
            .unwrap();
        assert!(loot.is_empty(), "{loot:?}");
        let left = format!(
            "SELECT count(*) FROM sqlite_schema WHERE type = 'trigger' AND tbl_name = '{RECORD_TABLE}'"
        );
        assert_eq!(
            host.number(&left).await,
            0,
            "the engine's own table is as it was"
        );
        assert_eq!(host.number("SELECT count(*) FROM notes").await, 1);
    }
}

#[tokio::test]
async fn a_record_table_that_is_not_ours_is_rebuilt_by_the_next_reset() {
    for planted in [
        format!("CREATE TABLE {RECORD_TABLE} (run TEXT, outcome TEXT DEFAULT 'x')"),
        "CREATE TABLE \"_Factory_RESET\" (run TEXT PRIMARY KEY, outcome, at, more)".to_owned(),
        format!("CREATE VIRTUAL TABLE {RECORD_TABLE} USING fts5 (run, outcome, at)"),
        format!(
            "CREATE TABLE {RECORD_TABLE} (run TEXT PRIMARY KEY, outcome TEXT NOT NULL, \
                at TEXT NOT NULL) STRICT, WITHOUT ROWID;
             CREATE UNIQUE INDEX one ON {RECORD_TABLE} (outcome);"
        ),
    ] {
        for has_image in [true, false] {
            let host = host().await;
            host.run(&planted).await;
            let engine = engine(&host, has_image).await;
            engine.reset(everything()).await.unwrap();
            assert_eq!(host.number("SELECT count(*) FROM sessions").await, 1);
            let ours = format!(
                "SELECT count(*) FROM sqlite_schema WHERE tbl_name = '{RECORD_TABLE}' AND \
                 (sql IS NULL OR sql LIKE '%at TEXT NOT NULL) STRICT, WITHOUT ROWID')"
            );
            let all = "SELECT count(*) FROM sqlite_schema WHERE name LIKE '%_factory_reset%'";
            assert_eq!(
                (host.number(&ours).await, host.number(all).await),
                (1, 1),
                "{planted}"
            );
        }
    }
}

#[tokio::test]
async fn a_view_or_an_index_with_the_name_of_the_record_table_is_refused_by_name() {
    for planted in [
        format!("CREATE VIEW {RECORD_TABLE} AS SELECT 1 AS run"),
        format!("CREATE INDEX {RECORD_TABLE} ON sessions (token)"),
    ] {
        let host = host().await;
        host.run(&planted).await;
        let error = Sqlite::open(&host.pool, &host.migrator).await.unwrap_err();
        let error = chain(&error);
        assert!(
            error.contains(&format!("`{RECORD_TABLE}` is a")) && error.contains("drop it"),
            "{error}"
        );
    }
}

#[tokio::test]
async fn a_commit_is_still_known_after_somebody_has_tampered_with_the_record_table() {
    let host = host().await;
    let database = Sqlite::open(&host.pool, &host.migrator).await.unwrap();
    let (committed, other) = (Uuid::now_v7(), Uuid::now_v7());
    let transaction = database.write(&CLEARING).await.unwrap();
    transaction.commit(committed).await.unwrap();
    host.run(&format!(
        "CREATE UNIQUE INDEX one ON {RECORD_TABLE} (length(at) > 0);
         CREATE TRIGGER lies AFTER INSERT ON {RECORD_TABLE}
            BEGIN UPDATE {RECORD_TABLE} SET outcome = 'commit'; END"
    ))
    .await;
    assert_eq!(
        database.decide(committed).await.unwrap(),
        Decision::Committed
    );
    assert_eq!(database.decide(other).await.unwrap(), Decision::Aborted);
    assert_eq!(
        database.decide(committed).await.unwrap(),
        Decision::Committed
    );
}

#[tokio::test]
async fn a_table_called_like_a_function_of_the_catalogue_hides_nothing() {
    for has_image in [true, false] {
        let host = host().await;
        host.run(
            "CREATE TABLE pragma_table_list (schema, name, type, ncol, wr, strict);
             CREATE TABLE pragma_table_xinfo (cid, name, type, hidden, pk);
             CREATE TABLE pragma_index_list (name, origin);
             CREATE VIEW pragma_foreign_key_list AS SELECT 1 AS id;
             CREATE VIEW pragma_foreign_key_check AS SELECT 1 AS parent;
             CREATE TABLE pragma_database_list (name, file);
             INSERT INTO pragma_database_list VALUES ('main', '/nowhere')",
        )
        .await;
        let engine = engine(&host, has_image).await;
        assert_eq!(unclaimed(&engine).await.len(), 6);
        engine.reset(everything()).await.unwrap();
        assert_eq!(host.number("SELECT count(*) FROM sessions").await, 1);
    }
}

#[tokio::test]
async fn a_schema_that_calls_an_unknown_function_is_refused_by_name_unless_it_is_trusted() {
    // A function of the R-Tree that SQLite does not mark as harmless.
    let schema = "CREATE TABLE odd (a CHECK (a IS NULL OR rtreedepth(a) >= 0));
                  INSERT INTO odd VALUES (NULL)";
    let host = Host::with(&[schema], wal()).await;
    host.run("INSERT INTO odd VALUES (x'00010000')").await;
    for error in [
        Sqlite::open(&host.pool, &host.migrator).await.unwrap_err(),
        Sqlite::open_from(&host.pool, &FactoryRows::None)
            .await
            .unwrap_err(),
    ] {
        let error = chain(&error);
        for part in ["(odd)", "unsafe use of rtreedepth()", "open_trusted"] {
            assert!(error.contains(part), "{error}");
        }
    }
    for has_image in [true, false] {
        let database = Sqlite::open_trusted(&host.pool, &host.migrator)
            .await
            .unwrap();
        let builder = only(&["tables"]).data_dir(host.data());
        let engine = builder.database(database.factory_image(has_image));
        let engine = engine.build().await.unwrap();
        engine.reset(everything()).await.unwrap();
        assert_eq!(host.number("SELECT count(*) FROM odd").await, 1);
        host.run("INSERT INTO odd VALUES (x'00010000')").await;
    }
}

#[tokio::test]
async fn text_behind_a_statement_in_the_schema_is_never_run() {
    // SQLite itself ignores it.
    for (kind, name) in [
        ("table", "log"),
        ("index", "sessions_token"),
        ("view", "tokens"),
        ("trigger", "ended"),
    ] {
        let host = host().await;
        let victim = host.outside("victim.db");
        let plant = async || {
            let more = format!(
                "; ATTACH ''{}'' AS v; CREATE TABLE v.t (a)",
                victim.display()
            );
            let plant = format!(
                "PRAGMA writable_schema = ON;
                 UPDATE sqlite_schema SET sql = sql || '{more}'
                    WHERE type = '{kind}' AND name = '{name}' AND sql NOT LIKE '%ATTACH%';
                 PRAGMA writable_schema = RESET"
            );
            let mut connection = host.connect().await;
            let planted = sqlx::raw_sql(AssertSqlSafe(plant)).execute(&mut connection);
            planted.await.unwrap();
            connection.close().await.unwrap();
        };
        // The factory image, the scratch database, and the restoration of indexes each run what is
        // in the schema.
        for has_image in [true, false] {
            plant().await;
            let engine = engine(&host, has_image).await;
            engine.reset(everything()).await.unwrap();
        }
        let fill = FactoryRows::Script("INSERT INTO sessions VALUES (2, 'fresh')".to_owned());
        for rows in [FactoryRows::None, fill] {
            plant().await;
            // Only some of it needs the object.
            let opened = Sqlite::open_from(&host.pool, &rows).await;
            if let Err(error) = opened.map(drop) {
                let error = chain(&error);
                let says = [format!("{kind} `{name}`"), "drop it".to_owned()];
                assert!(says.iter().all(|part| error.contains(part)), "{error}");
            }
        }
        plant().await;
        let database = Sqlite::open(&host.pool, &host.migrator).await.unwrap();
        let mut transaction = database.write(&CLEARING).await.unwrap();
        let tables = ["sessions".to_owned()];
        transaction.empty(&tables).await.unwrap();
        let checked = transaction.check().await;
        assert_eq!(checked.is_err(), kind == "index", "{kind}");
        transaction.rollback().await.unwrap();
        assert!(!victim.exists(), "{kind}");
    }
}
