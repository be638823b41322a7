//! PostgreSQL: which tables are truncated and which deleted from, and what of a plan still holds
//! in the reset.

use factory_reset::{Database, Postgres};
use uuid::Uuid;

use crate::fixture::{CLEARING, counts, everything};
use crate::postgres_fixture::{PostgresHost, dump};

/// Of every kind of size; one table has triggers, and one was never used.
const SIZES: &str = "
    CREATE TABLE large (id integer PRIMARY KEY, text text);
    CREATE TABLE small (id integer PRIMARY KEY, text text);
    CREATE TABLE loud (id integer PRIMARY KEY, text text);
    CREATE TABLE unused (id integer PRIMARY KEY, text text);
    CREATE TABLE audit (text text);
    CREATE FUNCTION tell() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN INSERT INTO audit VALUES (TG_OP); RETURN NULL; END $$;
    CREATE TRIGGER gone AFTER DELETE ON loud FOR EACH ROW EXECUTE FUNCTION tell();
    CREATE TRIGGER emptied AFTER TRUNCATE ON loud FOR EACH STATEMENT EXECUTE FUNCTION tell();
";

const FILL: &str = "
    INSERT INTO large SELECT i, 'text' FROM generate_series(1, 20000) AS i;
    INSERT INTO small VALUES (1, 'one'), (2, 'two');
    INSERT INTO loud VALUES (1, 'one');
";

/// Three tables that refer to each other, and one to itself.
const CHAIN: &str = "
    CREATE TABLE top (id integer PRIMARY KEY, above integer REFERENCES top (id));
    CREATE TABLE middle (id integer PRIMARY KEY, top integer REFERENCES top (id) ON DELETE CASCADE);
    CREATE TABLE bottom (id integer PRIMARY KEY, middle integer REFERENCES middle (id));
    INSERT INTO top VALUES (1, NULL);
    INSERT INTO middle VALUES (1, 1);
";

async fn all(postgres: &Postgres) -> Vec<String> {
    postgres.migrated_tables().iter().cloned().collect()
}

/// In which file a table is: a new one after TRUNCATE, the old one after DELETE.
async fn file(host: &PostgresHost, table: &str) -> i64 {
    host.number(&format!(
        "SELECT pg_relation_filenode('{table}'::regclass)::bigint"
    ))
    .await
}

#[tokio::test]
async fn what_is_much_is_truncated_and_what_is_little_deleted_from() {
    let host = PostgresHost::with(&[SIZES]).await;
    host.run(FILL).await;
    let triggers = dump(&host.pool).await["triggers"].clone();
    let postgres = host.postgres().await;
    let tables = ["large", "small", "loud", "unused"];
    let mut before = Vec::new();
    for table in tables {
        before.push(file(&host, table).await);
    }
    let mut transaction = postgres.write(&CLEARING).await.unwrap();
    let cleared = transaction.clear(&all(&postgres).await).await.unwrap();
    assert_eq!(cleared.iter().sum::<u64>(), 20003);
    transaction.commit(Uuid::now_v7()).await.unwrap();
    for (table, before) in tables.into_iter().zip(before) {
        let is_new = file(&host, table).await != before;
        assert_eq!(is_new, table == "large", "{table}");
        let rows = format!("SELECT count(*) FROM {table}");
        assert_eq!(host.number(&rows).await, 0, "{table}");
    }
    // Nobody was told, and would be from now on.
    assert_eq!(host.number("SELECT count(*) FROM audit").await, 0);
    assert_eq!(dump(&host.pool).await["triggers"], triggers);
    // Only where something could be read.
    let rewrite = "SELECT count(*) FROM _factory_reset WHERE rewrite @> '{public.small,public.loud}' \
                   AND cardinality(rewrite) = 2";
    assert_eq!(host.number(rewrite).await, 1);
    postgres.reclaim().await.unwrap();
}

#[tokio::test]
async fn tables_of_any_size_that_refer_to_each_other_are_cleared_all_the_same() {
    let factory = dump(&PostgresHost::with(&[CHAIN]).await.pool).await;
    for (top, middle, bottom) in [
        (5, 5, 5),
        (500, 500, 500),
        (5, 5, 60_000),
        (60_000, 5, 5),
        (60_000, 60_000, 60_000),
    ] {
        let host = PostgresHost::with(&[CHAIN]).await;
        host.run(&format!(
            "INSERT INTO top SELECT i, i - 1 FROM generate_series(2, {top}) AS i;
             INSERT INTO middle SELECT i, i % 5 + 1 FROM generate_series(2, {middle}) AS i;
             INSERT INTO bottom SELECT i, i % 5 + 1 FROM generate_series(1, {bottom}) AS i;
             UPDATE top SET above = {top} WHERE id = 1"
        ))
        .await;
        let report = host.reset_tables().await;
        let cleared = counts(&report, "tables");
        assert_eq!(cleared["top"], top);
        assert_eq!(cleared["middle"], middle);
        assert_eq!(cleared["bottom"], bottom);
        assert!(report.pending.is_empty(), "{:?}", report.pending);
        assert_eq!(dump(&host.pool).await, factory);
    }
}

/// Plans, as a preview or a reset does: what it has seen is remembered.
async fn plan(postgres: &Postgres, tables: &[String]) -> String {
    let mut snapshot = postgres.read().await.unwrap();
    let fingerprint = snapshot.fingerprint(tables).await.unwrap();
    snapshot.rollback().await.unwrap();
    fingerprint
}

#[tokio::test]
async fn what_a_plan_has_counted_holds_until_somebody_writes() {
    let host = PostgresHost::new().await;
    let postgres = host.postgres().await;
    let tables = all(&postgres).await;
    let _lock = postgres.lock().await.unwrap().unwrap();
    let posts = tables.iter().position(|table| table == "posts").unwrap();

    let planned = plan(&postgres, &tables).await;
    let mut transaction = postgres.write(&CLEARING).await.unwrap();
    assert_eq!(transaction.fingerprint(&tables).await.unwrap(), planned);
    assert_eq!(transaction.count("posts").await.unwrap(), 3);
    transaction.rollback().await.unwrap();

    // Once the plan is made, another writes; or has begun before, and ends in between.
    let mut other = host.connect().await;
    for (before, after, rows) in [
        ("", "INSERT INTO posts (text) VALUES ('late')", 4),
        (
            "BEGIN; INSERT INTO posts (text) VALUES ('slow')",
            "COMMIT",
            5,
        ),
        ("", "UPDATE posts SET text = 'other' WHERE id = 2", 5),
        ("", "TRUNCATE posts", 0),
    ] {
        sqlx::raw_sql(before).execute(&mut other).await.unwrap();
        let planned = plan(&postgres, &tables).await;
        sqlx::raw_sql(after).execute(&mut other).await.unwrap();
        let mut transaction = postgres.write(&CLEARING).await.unwrap();
        let fingerprint = transaction.fingerprint(&tables).await.unwrap();
        assert_ne!(fingerprint, planned, "{after}");
        let cleared = transaction.clear(&tables).await.unwrap();
        assert_eq!(cleared[posts], rows, "{after}");
        // The transaction's own rows are counted as well.
        assert_eq!(transaction.count("posts").await.unwrap(), 1);
        transaction.rollback().await.unwrap();
    }
}

#[tokio::test]
async fn what_a_preview_has_counted_is_counted_again_once_somebody_has_written() {
    let host = PostgresHost::new().await;
    let postgres = host.postgres().await;
    let tables = all(&postgres).await;
    let previewed = plan(&postgres, &tables).await;
    host.run("INSERT INTO posts (text) VALUES ('late')").await;
    let _lock = postgres.lock().await.unwrap().unwrap();
    let mut transaction = postgres.write(&CLEARING).await.unwrap();
    assert_eq!(transaction.count("posts").await.unwrap(), 4);
    assert_ne!(transaction.fingerprint(&tables).await.unwrap(), previewed);
    transaction.rollback().await.unwrap();
}

/// A server that crashes may forget rows without any transaction: those of unlogged tables, and
/// what a host has not waited for.
#[tokio::test]
async fn what_a_preview_has_counted_is_counted_again_after_a_crash() {
    let server = test_servers::Postgres::start();
    let database = server.create_database_of(test_servers::Postgres::CREATOR);
    let url = database.url.clone();
    let notes = "CREATE UNLOGGED TABLE notes (id integer PRIMARY KEY)";
    let host = PostgresHost::at(&url, database, &[notes]).await;
    host.run("INSERT INTO notes VALUES (1), (2)").await;
    let postgres = host.postgres().await;
    let tables = all(&postgres).await;
    let previewed = plan(&postgres, &tables).await;
    assert_eq!(plan(&postgres, &tables).await, previewed);

    server.stop_immediate();
    server.start_again();
    let _lock = postgres.lock().await.unwrap().unwrap();
    let mut transaction = postgres.write(&CLEARING).await.unwrap();
    assert_eq!(transaction.count("notes").await.unwrap(), 0);
    transaction.rollback().await.unwrap();
}

#[tokio::test]
async fn what_a_plan_has_read_of_the_schema_holds_until_somebody_changes_it() {
    let host = PostgresHost::new().await;
    let postgres = host.postgres().await;
    let tables = all(&postgres).await;
    let _lock = postgres.lock().await.unwrap().unwrap();
    plan(&postgres, &tables).await;
    host.run(
        "CREATE TABLE likes (post bigint REFERENCES posts (id)); INSERT INTO likes VALUES (2)",
    )
    .await;
    let mut transaction = postgres.write(&CLEARING).await.unwrap();
    assert!(transaction.tables().await.unwrap().contains("likes"));
    let references = transaction.references(&tables).await.unwrap();
    assert_eq!(references.len(), 1);
    transaction.rollback().await.unwrap();
}

#[tokio::test]
async fn only_a_reset_keeps_connections() {
    let host = PostgresHost::new().await;
    let engine = host.tables_engine().await;
    let own = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() \
               AND backend_type = 'client backend' AND pid <> pg_backend_pid()";
    host.pool.close().await;
    let mut other = host.connect().await;
    let mut connections = async || -> i64 {
        // A server ends a connection a moment after its client has.
        let mut left = i64::MAX;
        for _ in 0..1000 {
            left = sqlx::query_scalar(own).fetch_one(&mut other).await.unwrap();
            if left == 0 {
                break;
            }
        }
        left
    };
    assert_eq!(connections().await, 0);
    engine.options().await.unwrap();
    engine.reset(everything()).await.unwrap();
    assert_eq!(connections().await, 0);
}
