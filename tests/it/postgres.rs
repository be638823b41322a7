//! PostgreSQL: the factory state comes back row for row, whatever the schema.

use std::collections::BTreeMap;
use std::error::Error;

use factory_reset::{Database, FactoryRows, Postgres, ResetRequest, Selection, chain};
use sqlx::PgPool;
use test_servers::Postgres as Server;

use crate::fixture::{counts, everything};
use crate::postgres_fixture::{POSTS, PostgresHost, dump, server};
use crate::postgres_rich::{fresh, used};

/// The same, and says what is not.
fn assert_same(left: &BTreeMap<String, Vec<String>>, right: &BTreeMap<String, Vec<String>>) {
    for (name, rows) in left {
        assert_eq!(Some(rows), right.get(name), "{name}");
    }
    assert_eq!(left.len(), right.len());
}

#[tokio::test]
async fn a_reset_leaves_what_a_fresh_install_has_by_either_way() {
    let factory = dump(&fresh().await.pool).await;
    for rows in [3, 400, 2000] {
        let host = used(rows).await;
        assert_ne!(dump(&host.pool).await, factory);
        let engine = host.tables_engine().await;
        let plan = engine.plan(&Selection::all()).await.unwrap();
        let report = engine.reset(everything()).await.unwrap();
        assert_eq!(plan.preview().digest, report.digest);
        assert!(report.pending.is_empty(), "{:?}", report.pending);
        assert_same(&dump(&host.pool).await, &factory);
        let cleared = counts(&report, "tables");
        assert_eq!(cleared["hidden"], u64::from(rows) + 1);
        assert_eq!(cleared["events"], u64::from(rows) + 1);
        assert_eq!(cleared["extra.log"], u64::from(rows) + 3);
        assert_eq!(cleared["base"], u64::from(rows) + 1);
        assert!(!cleared.contains_key("events_old"));
        // It can be used, and reset again.
        host.run("INSERT INTO accounts (email) VALUES ('new')")
            .await;
        engine.reset(everything()).await.unwrap();
        assert_same(&dump(&host.pool).await, &factory);
    }
}

#[tokio::test]
async fn no_scratch_database_is_left() {
    let host = PostgresHost::new().await;
    host.postgres().await;
    let broken = PostgresHost::with(&["CREATE TABLE there (id int)"]).await;
    let directory = broken.outside("broken");
    let migrator = crate::fixture::migrator(&directory, &["CREATE TABEL wrong"]).await;
    let error = Postgres::open(&broken.pool, &migrator).await.unwrap_err();
    assert!(chain(&error).contains("migration"), "{}", chain(&error));
    let own = format!(
        "SELECT count(*) FROM pg_stat_activity WHERE datname LIKE 'factory_reset_scratch%' \
         AND usename <> '{}'",
        Server::CREATOR
    );
    assert_eq!(host.number(&own).await, 0);
}

#[tokio::test]
async fn what_a_crashed_process_has_left_is_dropped_an_hour_later() {
    let old = "factory_reset_scratch_1000000000_0123456789ab";
    let young = "factory_reset_scratch_99999999999_0123456789ab";
    for name in [old, young] {
        let create = format!("CREATE DATABASE {name} OWNER {}", Server::CREATOR);
        server().execute("postgres", &create);
    }
    let host = PostgresHost::new().await;
    host.postgres().await;
    let there = "SELECT count(*) FROM pg_database WHERE datname = ";
    assert_eq!(host.number(&format!("{there}'{old}'")).await, 0);
    assert_eq!(host.number(&format!("{there}'{young}'")).await, 1);
    server().execute("postgres", &format!("DROP DATABASE {young}"));
}

#[tokio::test]
async fn a_role_that_may_create_no_database_is_told_what_to_do() {
    let database = server().create_database_of(Server::PLAIN);
    let url = database.url.clone();
    let host = PostgresHost::at(&url, database, &[POSTS]).await;
    let error = Postgres::open(&host.pool, &host.migrator)
        .await
        .unwrap_err();
    let text = chain(&error);
    assert!(text.contains("ALTER ROLE plain CREATEDB"), "{text}");
    assert!(text.contains("open_with_scratch"), "{text}");
    let scratch = server().url_as(Server::CREATOR, "postgres");
    let postgres =
        Postgres::open_with_scratch(&host.pool, &host.migrator, scratch.parse().unwrap())
            .await
            .unwrap();
    assert_eq!(postgres.migrated_tables().len(), 2);
    host.run("INSERT INTO posts (text) VALUES ('mine')").await;
    let engine = crate::fixture::only(&["tables"])
        .data_dir(host.data())
        .database(postgres)
        .build()
        .await
        .unwrap();
    engine.reset(everything()).await.unwrap();
    assert_eq!(host.number("SELECT max(id) FROM posts").await, 1);
}

#[tokio::test]
async fn the_identity_names_the_database_and_no_password() {
    let (one, two) = (PostgresHost::new().await, PostgresHost::new().await);
    let identity = one.postgres().await.identity().to_owned();
    assert_eq!(one.postgres().await.identity(), identity);
    assert_ne!(two.postgres().await.identity(), identity);
    let named = one.database.url.replace("creator@", "creator:secret@");
    let pool = PgPool::connect(&named).await.unwrap();
    let postgres = Postgres::open(&pool, &one.migrator).await.unwrap();
    assert_eq!(postgres.identity(), identity);
    assert!(!format!("{postgres:?}").contains("secret"));
}

#[tokio::test]
async fn tables_that_nobody_claims_are_shown_and_left_alone() {
    let host = PostgresHost::new().await;
    host.run(
        "CREATE SCHEMA theirs; CREATE TABLE theirs.notes (id int); \
         INSERT INTO theirs.notes VALUES (1); CREATE TABLE by_hand (id int); \
         INSERT INTO by_hand VALUES (1); CREATE TEMPORARY TABLE passing (id int);",
    )
    .await;
    // Nor are they locked.
    let mut other = host.connect().await;
    sqlx::raw_sql("BEGIN; LOCK TABLE theirs.notes, by_hand")
        .execute(&mut other)
        .await
        .unwrap();
    let report = host.reset_tables().await;
    let unclaimed: Vec<_> = report.unclaimed.iter().map(|one| &*one.name).collect();
    assert!(unclaimed.contains(&"by_hand"), "{unclaimed:?}");
    assert!(unclaimed.contains(&"theirs.notes"), "{unclaimed:?}");
    assert!(!unclaimed.contains(&"_factory_reset"), "{unclaimed:?}");
    sqlx::raw_sql("ROLLBACK").execute(&mut other).await.unwrap();
    assert_eq!(host.number("SELECT count(*) FROM theirs.notes").await, 1);
    assert_eq!(host.number("SELECT count(*) FROM by_hand").await, 1);
}

#[tokio::test]
async fn a_schema_of_the_hosts_own_is_as_good_as_public() {
    let database = server().create_database_of(Server::CREATOR);
    server().execute(
        &database.name,
        &format!(
            "CREATE SCHEMA app AUTHORIZATION {}; \
             ALTER DATABASE {} SET search_path = 'app'",
            Server::CREATOR,
            database.name
        ),
    );
    let url = database.url.clone();
    let host = PostgresHost::at(&url, database, &[POSTS]).await;
    host.run("INSERT INTO posts (text) VALUES ('mine')").await;
    let report = host.reset_tables().await;
    assert_eq!(counts(&report, "tables")["posts"], 2);
    assert_eq!(host.number("SELECT count(*) FROM app.posts").await, 1);
    assert_eq!(
        host.number("SELECT count(*) FROM app._factory_reset").await,
        1
    );
    assert!(report.unclaimed.is_empty(), "{:?}", report.unclaimed);
    let postgres = host.postgres().await;
    assert!(postgres.is_same_table("app.posts", "posts"));
    assert!(!postgres.is_same_table("app.posts", "drafts"));
}

#[tokio::test]
async fn rows_that_a_policy_hides_are_an_error_and_not_left_out() {
    let host = PostgresHost::new().await;
    host.run(
        "ALTER TABLE posts ENABLE ROW LEVEL SECURITY; ALTER TABLE posts FORCE ROW LEVEL SECURITY; \
         CREATE POLICY few ON posts USING (id = 1)",
    )
    .await;
    let engine = host.tables_engine().await;
    let text = chain(&engine.reset(everything()).await.unwrap_err());
    assert!(text.contains("BYPASSRLS"), "{text}");
    host.run("ALTER TABLE posts DISABLE ROW LEVEL SECURITY")
        .await;
    assert_eq!(host.number("SELECT count(*) FROM posts").await, 3);
}

#[tokio::test]
async fn a_table_that_the_role_may_not_clear_is_an_error_that_says_what_to_do() {
    let host = PostgresHost::new().await;
    let theirs = "ALTER TABLE drafts OWNER TO postgres; GRANT SELECT ON drafts TO creator";
    server().execute(&host.database.name, theirs);
    let engine = host.tables_engine().await;
    let text = chain(&engine.reset(everything()).await.unwrap_err());
    assert!(
        text.contains("owner of the table, or leave the table out"),
        "{text}"
    );
    assert!(
        text.ends_with("permission denied for table drafts"),
        "{text}"
    );
    assert_eq!(host.number("SELECT count(*) FROM posts").await, 3);
}

#[tokio::test]
async fn a_part_that_rows_elsewhere_refer_to_is_refused_and_everything_is_as_before() {
    for rows in [3, 400, 2000] {
        let host = used(rows).await;
        let before = dump(&host.pool).await;
        let engine = host.tables_engine().await;
        let request = |tables: &[&str]| {
            let selection = Selection::steps(["tables"]).only("tables", tables.iter().copied());
            ResetRequest::new(selection).confirmed()
        };
        let text = chain(&engine.reset(request(&["accounts"])).await.unwrap_err());
        assert!(text.contains("`lists` refers to `accounts`"), "{text}");
        assert_same(&dump(&host.pool).await, &before);
        // Nobody refers to these.
        engine
            .reset(request(&["notes", "counters", "prices"]))
            .await
            .unwrap();
        let (now, factory) = (dump(&host.pool).await, dump(&fresh().await.pool).await);
        for name in ["public.notes", "public.counters", "constraints", "triggers"] {
            assert_eq!(now[name], factory[name], "{name}");
        }
        assert_eq!(now["public.accounts"], before["public.accounts"]);
    }
}

#[tokio::test]
async fn rows_that_refer_to_factory_rows_stay_whatever_the_foreign_key_does_on_deletion() {
    for action in ["NO ACTION", "RESTRICT", "CASCADE", "SET NULL"] {
        let host = PostgresHost::new().await;
        host.run(&format!(
            "CREATE TABLE likes (id int, post bigint REFERENCES posts (id) ON DELETE {action}); \
             INSERT INTO likes VALUES (1, 1), (2, 1), (3, NULL)"
        ))
        .await;
        let before = dump(&host.pool).await;
        host.reset_tables().await;
        let now = dump(&host.pool).await;
        assert_eq!(now["public.likes"], before["public.likes"], "{action}");
        assert_eq!(now["constraints"], before["constraints"]);
        host.run("INSERT INTO posts (text) VALUES ('mine'); INSERT INTO likes VALUES (4, 2)")
            .await;
        let text = chain(
            &host
                .tables_engine()
                .await
                .reset(everything())
                .await
                .unwrap_err(),
        );
        assert!(text.contains("`likes` refers to `posts`"), "{text}");
        assert_eq!(host.number("SELECT count(*) FROM likes").await, 4);
        assert_eq!(host.number("SELECT count(*) FROM posts").await, 2);
    }
}

#[tokio::test]
async fn deleted_rows_are_found_nowhere_in_the_tables_files() {
    for rows in [3, 400, 2000] {
        let host = used(rows).await;
        let report = host.reset_tables().await;
        assert!(report.pending.is_empty(), "{:?}", report.pending);
        // What is in the files is what a checkpoint has written.
        server().execute(&host.database.name, "CHECKPOINT");
        let found = server().execute(
            &host.database.name,
            "SELECT string_agg(relname, ',') FROM pg_class, pg_relation_filepath(oid) AS path \
             WHERE relkind IN ('r', 'i', 't') AND relnamespace <> 'pg_catalog'::regnamespace \
               AND position(convert_to('canaryzq', 'UTF8') IN pg_read_binary_file(path)) > 0",
        );
        assert_eq!(found.trim(), "");
    }
}

#[tokio::test]
async fn what_the_server_answers_is_told_without_places_in_its_own_source() {
    let host = PostgresHost::new().await;
    let script = |sql: &str| FactoryRows::Script(sql.to_owned());
    for (rows, expected) in [
        (
            script("INSERT INTO unknown VALUES (1)"),
            "could not run the script of the factory rows: relation \"unknown\" does not exist",
        ),
        (
            script("SELECT lenght('x')"),
            "function lenght(unknown) does not exist (No function matches the given name and \
             argument types. You might need to add explicit type casts)",
        ),
        // What stands in the rows stays there.
        (
            script("INSERT INTO drafts VALUES (77, 'x'), (77, 'x')"),
            "duplicate key value violates unique constraint",
        ),
    ] {
        let error = Postgres::open_from(&host.pool, &rows).await.unwrap_err();
        let text = chain(&error);
        assert!(text.contains(expected), "{text}");
        assert!(!text.contains("at line") && !text.contains('\n'), "{text}");
        assert!(!text.contains("77"), "{text}");
        let mut sources = std::iter::successors(error.source(), |error| (*error).source());
        assert!(sources.any(<dyn Error>::is::<sqlx::Error>));
    }
    let broken = host.outside("broken");
    let migrator = crate::fixture::migrator(&broken, &["CREATE TABEL wrong"]).await;
    let error = Postgres::open(&host.pool, &migrator).await.unwrap_err();
    let text = chain(&error);
    assert!(text.contains("syntax error at or near \"TABEL\""), "{text}");
    assert_eq!(text.matches("TABEL").count(), 1, "{text}");
    assert!(!text.contains("at line"), "{text}");
}
