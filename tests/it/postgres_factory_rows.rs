//! Factory rows from elsewhere, on PostgreSQL.

use std::process::Command;

use factory_reset::{Database, Engine, FactoryRows, Postgres, RECORD_TABLE, Report, chain};
use sqlx::PgPool;

use crate::fixture::{everything, only};
use crate::postgres_fixture::{PostgresHost, dump, server};
use crate::postgres_rich::{RICH, fresh, used};

async fn engine(host: &PostgresHost, rows: &FactoryRows) -> Engine {
    let database = Postgres::open_from(&host.pool, rows).await.unwrap();
    let builder = only(&["tables"]).data_dir(host.data()).database(database);
    let builder = builder.preserve_table("_sqlx_migrations", "tracks migrations");
    builder.build().await.unwrap()
}

async fn reset(host: &PostgresHost, rows: &FactoryRows) -> Report {
    let engine = engine(host, rows).await;
    engine.reset(everything()).await.unwrap()
}

async fn error(host: &PostgresHost, rows: &FactoryRows) -> String {
    chain(&Postgres::open_from(&host.pool, rows).await.unwrap_err())
}

/// What `pg_dump` writes of a fresh install.
fn dumped(host: &PostgresHost, arguments: &[&str]) -> FactoryRows {
    let mut dump = Command::new("pg_dump");
    dump.args(arguments).arg("--exclude-table=_sqlx_migrations");
    let written = dump.arg(&host.database.url).output().unwrap();
    assert!(written.status.success(), "{written:?}");
    FactoryRows::Script(String::from_utf8(written.stdout).unwrap())
}

#[tokio::test]
async fn a_pristine_database_gives_its_rows_and_sequences() {
    let pristine = fresh().await;
    let expected = dump(&pristine.pool).await;
    let host = used(30).await;
    let rows = FactoryRows::Database(pristine.database.url.clone());
    let report = reset(&host, &rows).await;
    assert!(report.pending.is_empty(), "{:?}", report.pending);
    assert!(report.unclaimed.is_empty(), "{:?}", report.unclaimed);
    assert_eq!(dump(&host.pool).await, expected);
}

#[tokio::test]
async fn a_script_that_creates_tables_gives_what_it_makes_of_an_empty_database() {
    let expected = dump(&fresh().await.pool).await;
    let host = used(30).await;
    reset(&host, &FactoryRows::Script(RICH.to_owned())).await;
    assert_eq!(dump(&host.pool).await, expected);
}

#[tokio::test]
async fn what_pg_dump_writes_of_a_fresh_install_is_such_a_script() {
    let pristine = fresh().await;
    let expected = dump(&pristine.pool).await;
    for arguments in [&[][..], &["--inserts"][..]] {
        let host = used(30).await;
        reset(&host, &dumped(&pristine, arguments)).await;
        assert_eq!(dump(&host.pool).await, expected, "{arguments:?}");
    }
}

#[tokio::test]
async fn a_script_that_fills_tables_leaves_no_trace_but_its_rows() {
    let host = used(30).await;
    let script = "
        INSERT INTO settings VALUES ('theme', 'light') ON CONFLICT DO NOTHING;
        INSERT INTO accounts (email) VALUES ('first@example.org'), ('second@example.org');
        INSERT INTO lists (owner, title) VALUES (2, 'of the second');
        INSERT INTO tickets (text) VALUES ('first'), ('second');
        INSERT INTO events VALUES ('2021-01-01', 1, 'partitioned');
        COPY counters (id, label) FROM stdin;\n4\tfour\n\\.
        SELECT setval('counters_id_seq', 4);
    ";
    let lines: Vec<&str> = script.lines().map(str::trim_start).collect();
    let rows = FactoryRows::Script(lines.join("\n"));
    let before = dump(&host.pool).await;
    let engine = engine(&host, &rows).await;
    assert_eq!(dump(&host.pool).await, before);
    engine.reset(everything()).await.unwrap();
    for (sql, expected) in [
        ("SELECT count(*) FROM settings", 1),
        ("SELECT max(id) FROM accounts", 2),
        ("SELECT owner FROM lists", 2),
        ("SELECT min(number) FROM tickets", 4),
        ("SELECT count(*) FROM ONLY events_new", 1),
        ("SELECT id::bigint FROM counters", 4),
        ("SELECT count(*) FROM audit", 0),
        ("SELECT count(*) FROM categories", 0),
        ("SELECT nextval('counters_id_seq')", 5),
        ("SELECT nextval('numbers')", 1),
        ("SELECT nextval('lists_id_seq')", 2),
        ("SELECT nextval('audit_id_seq')", 1),
    ] {
        let cast = format!("SELECT ({sql})::bigint");
        assert_eq!(host.number(&cast).await, expected, "{sql}");
    }
}

#[tokio::test]
async fn a_script_that_fills_tables_needs_no_right_but_to_create_temporary_ones() {
    let database = server().create_database_of(test_servers::Postgres::PLAIN);
    let pool = PgPool::connect(&database.url).await.unwrap();
    let tables = "CREATE TABLE posts (id serial PRIMARY KEY, text text)";
    sqlx::raw_sql(tables).execute(&pool).await.unwrap();
    let insert = "INSERT INTO posts (text) VALUES ('welcome')";
    let rows = FactoryRows::Script(insert.to_owned());
    let database = Postgres::open_from(&pool, &rows).await.unwrap();
    assert_eq!(database.migrated_tables().len(), 1);
    let rows = FactoryRows::Script(tables.to_owned());
    let error = chain(&Postgres::open_from(&pool, &rows).await.unwrap_err());
    assert!(error.contains("CREATEDB"), "{error}");
}

#[tokio::test]
async fn without_rows_every_table_is_empty_and_its_sequences_start_again() {
    let host = used(30).await;
    reset(&host, &FactoryRows::None).await;
    let database = Postgres::open_from(&host.pool, &FactoryRows::None).await;
    let mut transaction = database.unwrap().read().await.unwrap();
    for table in transaction.tables().await.unwrap() {
        let rows = transaction.count(&table).await.unwrap();
        assert_eq!(rows, u64::from(table == "_sqlx_migrations"), "{table}");
    }
    transaction.rollback().await.unwrap();
    assert_eq!(host.number("SELECT nextval('numbers')").await, 7);
    assert_eq!(host.number("SELECT nextval('notes_id_seq')").await, 100);
}

#[tokio::test]
async fn a_source_that_does_not_fit_is_an_error_that_says_how() {
    let host = PostgresHost::new().await;
    let other = PostgresHost::with(&["CREATE TABLE posts (id integer, title text)"]).await;
    let script = |sql: &str| FactoryRows::Script(sql.to_owned());
    let missing = host.database.url.replace(&host.database.name, "missing");
    for (rows, expected) in [
        (
            FactoryRows::Database(missing),
            "database \"missing\" does not exist",
        ),
        (
            FactoryRows::Database("no address".into()),
            "open the pristine database",
        ),
        (
            FactoryRows::Database(host.database.url.clone()),
            "the service's database itself",
        ),
        (
            FactoryRows::Database(other.database.url.clone()),
            "`posts` has the columns",
        ),
        (
            script("CREATE TABLE unknown (x integer)"),
            "the table `unknown`, which this database lacks",
        ),
        (
            script("INSERT INTO unknown VALUES (1)"),
            "relation \"unknown\" does not exist",
        ),
        (
            script("INSERT INTO public.drafts VALUES (1, 'x')"),
            "without their schema",
        ),
        (script("\\connect other\nSELECT 1;"), "`pg_dump --inserts`"),
        (
            script("COPY drafts FROM stdin;\n1\tx\n"),
            "`pg_dump --inserts`",
        ),
        (
            script("BEGIN; INSERT INTO drafts VALUES (1, 'x');"),
            "end it with `COMMIT;`",
        ),
    ] {
        let error = error(&host, &rows).await;
        assert!(error.contains(expected), "{expected}: {error}");
    }
    let made = format!("SELECT count(*) FROM pg_class WHERE relname = '{RECORD_TABLE}'");
    assert_eq!(host.number(&made).await, 0);
    assert_eq!(host.number("SELECT count(*) FROM drafts").await, 0);
}
