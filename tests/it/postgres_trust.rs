//! PostgreSQL: code of another role never runs with the privileges of the session, unless the host
//! says that it may.

use factory_reset::{
    BackupRequest, Database, FactoryRows, KeptRows, Postgres, RECORD_TABLE, Selection, chain,
};
use sqlx::{AssertSqlSafe, PgPool};
use test_servers::Postgres as Server;
use uuid::Uuid;

use crate::fixture::{CLEARING, everything, only};
use crate::postgres_fixture::{POSTS, PostgresHost, server};

/// A function of `$owner` that counts how often it runs, whatever becomes of the transaction, and
/// a role that would like to be superuser.
const CODE: &str = "
    CREATE SEQUENCE public.canary; GRANT ALL ON SEQUENCE public.canary TO PUBLIC;
    CREATE FUNCTION public.ran(anyelement) RETURNS boolean IMMUTABLE LANGUAGE plpgsql AS $$
        BEGIN PERFORM pg_catalog.nextval('public.canary'); RETURN true; END $$;
    CREATE FUNCTION public.fires() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN PERFORM pg_catalog.nextval('public.canary'); RETURN NEW; END $$;";

/// A role of the test's own, which is a member of others.
fn role(attributes: &str) -> String {
    let name = format!("role_{}", Uuid::now_v7().simple());
    server().execute(
        "postgres",
        &format!("CREATE ROLE {name} LOGIN {attributes}"),
    );
    name
}

async fn execute(database: &str, role: &str, sql: &str) {
    let pool = PgPool::connect(&server().url_as(role, database))
        .await
        .unwrap();
    let executed = sqlx::raw_sql(AssertSqlSafe(sql)).execute(&pool).await;
    executed.unwrap_or_else(|error| panic!("{role}: {sql}: {error}"));
    pool.close().await;
}

/// Whether code of [`CODE`] has run.
fn has_run(database: &str) -> bool {
    let ran = server().execute(database, "SELECT is_called FROM public.canary");
    ran.trim() == "t"
}

/// The errors of everything that reads or clears tables, as `role` of `database`; each must be one.
async fn refusals(host: &PostgresHost, elsewhere: &PostgresHost, role: &str) -> Vec<String> {
    let pool = PgPool::connect(&server().url_as(role, &host.database.name))
        .await
        .unwrap();
    let database = Postgres::open_from(&pool, &FactoryRows::None).await;
    let database = match database {
        Ok(database) => database,
        Err(error) => return vec![chain(&error)],
    };
    let builder = only(&["tables"]).data_dir(host.data()).backups("backups");
    let builder = builder.preserve_table("_sqlx_migrations", "tracks migrations");
    let engine = builder.database(database).build().await.unwrap();
    let fill = FactoryRows::Script("INSERT INTO drafts VALUES (1, 'x')".to_owned());
    let pristine = FactoryRows::Database(server().url_as(role, &host.database.name));
    vec![
        told(engine.plan(&Selection::all()).await),
        told(engine.reset(everything()).await),
        told(engine.backup(BackupRequest::new("one")).await),
        told(Postgres::open_from(&pool, &fill).await),
        told(Postgres::open_from(&elsewhere.pool, &pristine).await),
    ]
}

fn told<T, E: std::error::Error + 'static>(result: Result<T, E>) -> String {
    result.map_or_else(|error| chain(&error), |_| "it was not refused".to_owned())
}

async fn trusted(host: &PostgresHost, role: &str) -> Postgres {
    let pool = PgPool::connect(&server().url_as(role, &host.database.name))
        .await
        .unwrap();
    let options = Postgres::trust_database(true);
    options.open_from(&pool, &FactoryRows::None).await.unwrap()
}

#[tokio::test]
async fn a_superuser_is_told_to_connect_as_the_owner_of_the_tables() {
    let host = PostgresHost::new().await;
    host.run(CODE).await;
    host.run(
        "ALTER TABLE drafts ADD CHECK (public.ran(text));
         CREATE TRIGGER fires BEFORE INSERT OR DELETE ON posts
             FOR EACH ROW EXECUTE FUNCTION fires();",
    )
    .await;
    let pool = PgPool::connect(&server().url(&host.database.name))
        .await
        .unwrap();
    let mut errors = refusals(&host, &PostgresHost::new().await, Server::SUPERUSER).await;
    errors.push(told(Postgres::open(&pool, &host.migrator).await));
    for error in errors {
        assert!(error.contains("use table `"), "{error}");
        assert!(error.contains("belongs to the role `creator`"), "{error}");
        assert!(error.contains("connect as `creator`"), "{error}");
        assert!(error.contains("`trust_database`"), "{error}");
    }
    assert!(!has_run(&host.database.name));
    // No table of the superuser's is left, which the owner could not write to.
    host.reset_tables().await;
    assert_eq!(host.number("SELECT count(*) FROM posts").await, 1);
}

#[tokio::test]
async fn a_database_that_is_trusted_is_reset_by_a_superuser() {
    let host = PostgresHost::new().await;
    let database = trusted(&host, Server::SUPERUSER).await;
    let engine = only(&["tables"])
        .data_dir(host.data())
        .preserve_table("_sqlx_migrations", "tracks migrations")
        .database(database)
        .build()
        .await
        .unwrap();
    engine.plan(&Selection::all()).await.unwrap();
    engine.reset(everything()).await.unwrap();
    assert_eq!(host.number("SELECT count(*) FROM posts").await, 0);
}

#[tokio::test]
async fn a_role_is_trusted_by_its_members_unless_they_have_more_rights() {
    let host = PostgresHost::new().await;
    let database = &host.database.name;
    let owner = role("");
    for table in ["posts", "drafts", "_sqlx_migrations"] {
        server().execute(database, &format!("ALTER TABLE {table} OWNER TO {owner}"));
    }
    server().execute(database, &format!("GRANT ALL ON SCHEMA public TO {owner}"));
    for (attributes, is_refused) in [
        (format!("IN ROLE {owner}"), false),
        (format!("IN ROLE {owner} CREATEDB"), false),
        (format!("IN ROLE {owner} SUPERUSER"), true),
        (format!("IN ROLE {owner} BYPASSRLS"), true),
        (format!("IN ROLE {owner} CREATEROLE"), true),
        (format!("IN ROLE {owner} REPLICATION"), true),
        (format!("IN ROLE {owner}, pg_read_server_files"), true),
        (format!("IN ROLE {owner}, postgres"), true),
        (String::new(), true),
    ] {
        let member = role(&attributes);
        server().execute(
            database,
            &format!("GRANT SELECT ON ALL TABLES IN SCHEMA public TO {member}"),
        );
        let pool = PgPool::connect(&server().url_as(&member, database))
            .await
            .unwrap();
        let opened = Postgres::open_from(&pool, &FactoryRows::None)
            .await
            .unwrap();
        let mut snapshot = opened.read().await.unwrap();
        let counted = snapshot.count("posts").await;
        match counted {
            Ok(rows) => assert_eq!((rows, is_refused), (3, false), "{attributes}"),
            Err(error) => {
                let error = chain(&error);
                assert!(is_refused, "{attributes}: {error}");
                assert!(error.contains(&format!("connect as `{owner}`")), "{error}");
            }
        }
        snapshot.rollback().await.unwrap();
        pool.close().await;
    }
    // Whose own tables they are has nothing to fear, whatever rights it has.
    server().execute(
        "postgres",
        &format!("ALTER ROLE {owner} BYPASSRLS CREATEROLE"),
    );
    let pool = PgPool::connect(&server().url_as(&owner, database))
        .await
        .unwrap();
    let opened = Postgres::open_from(&pool, &FactoryRows::None)
        .await
        .unwrap();
    let mut snapshot = opened.read().await.unwrap();
    assert_eq!(snapshot.count("posts").await.unwrap(), 3);
}

#[tokio::test]
async fn a_session_that_can_become_a_superuser_again_counts_as_one() {
    let host = PostgresHost::new().await;
    let admin = role("SUPERUSER");
    server().execute(
        "postgres",
        &format!("ALTER ROLE {admin} SET role = 'creator'"),
    );
    let pool = PgPool::connect(&server().url_as(&admin, &host.database.name))
        .await
        .unwrap();
    let opened = Postgres::open_from(&pool, &FactoryRows::None)
        .await
        .unwrap();
    let mut snapshot = opened.read().await.unwrap();
    let error = chain(&snapshot.count("posts").await.unwrap_err());
    assert!(error.contains("belongs to the role `creator`"), "{error}");
}

#[tokio::test]
async fn code_of_another_role_in_ones_own_table_is_refused_by_name() {
    let host = PostgresHost::new().await;
    let database = &host.database.name;
    server().execute(database, "GRANT ALL ON SCHEMA public TO plain");
    let wrapper = "CREATE FOREIGN DATA WRAPPER w; GRANT USAGE ON FOREIGN DATA WRAPPER w TO plain";
    server().execute(database, wrapper);
    execute(database, Server::PLAIN, CODE).await;
    execute(
        database,
        Server::PLAIN,
        "CREATE DOMAIN public.checked AS text CHECK (public.ran(VALUE));
         CREATE COLLATION public.theirs FROM \"C\";
         CREATE FUNCTION public.same(int, int) RETURNS boolean IMMUTABLE LANGUAGE sql
             AS 'SELECT public.ran($1)';
         CREATE OPERATOR public.=== (FUNCTION = public.same, LEFTARG = int, RIGHTARG = int);
         CREATE SERVER theirs FOREIGN DATA WRAPPER w;
         GRANT USAGE ON FOREIGN SERVER theirs TO creator;",
    )
    .await;
    let elsewhere = PostgresHost::new().await;
    for (planted, object) in [
        (
            "ALTER TABLE drafts ADD CHECK (public.ran(text))",
            "function public.ran(anyelement)",
        ),
        (
            "ALTER TABLE drafts ADD flag boolean DEFAULT public.ran(1)",
            "function public.ran",
        ),
        (
            "ALTER TABLE drafts ADD flag boolean GENERATED ALWAYS AS (public.ran(text)) STORED",
            "function public.ran",
        ),
        (
            "CREATE INDEX ON drafts (public.ran(text))",
            "function public.ran",
        ),
        (
            "CREATE INDEX ON drafts (id) WHERE public.ran(text)",
            "function public.ran",
        ),
        (
            "CREATE STATISTICS many ON public.ran(text), id FROM drafts",
            "function public.ran",
        ),
        (
            "CREATE TRIGGER fires BEFORE INSERT ON drafts FOR EACH ROW EXECUTE FUNCTION fires()",
            "function public.fires()",
        ),
        (
            "CREATE TRIGGER fires AFTER TRUNCATE ON drafts
                 FOR EACH STATEMENT EXECUTE FUNCTION fires()",
            "function public.fires()",
        ),
        (
            "CREATE RULE also AS ON INSERT TO drafts DO ALSO SELECT public.ran(1)",
            "function public.ran",
        ),
        (
            "CREATE POLICY few ON drafts USING (public.ran(text))",
            "function public.ran",
        ),
        (
            "CREATE MATERIALIZED VIEW shown AS SELECT public.ran(text) FROM drafts",
            "function public.ran",
        ),
        (
            "CREATE VIEW between AS SELECT public.ran(text) AS x FROM drafts;
             CREATE MATERIALIZED VIEW shown AS SELECT x FROM between",
            "function public.ran",
        ),
        (
            "CREATE DOMAIN own AS text CHECK (public.ran(VALUE)); ALTER TABLE drafts ADD x own",
            "function public.ran",
        ),
        (
            "ALTER TABLE drafts ADD x public.checked",
            "type public.checked",
        ),
        (
            "ALTER TABLE drafts ADD x public.checked[]",
            "type public.checked",
        ),
        (
            "CREATE TYPE pair AS (one public.checked, two int); ALTER TABLE drafts ADD x pair",
            "type public.checked",
        ),
        (
            "ALTER TABLE drafts ADD CHECK (id OPERATOR(public.===) 1)",
            "function public.same",
        ),
        (
            "ALTER TABLE drafts ADD x text COLLATE public.theirs",
            "collation public.theirs",
        ),
        (
            "CREATE TABLE refers (id int REFERENCES drafts (id) CHECK (public.ran(id)))",
            "function public.ran",
        ),
        (
            "DROP TABLE drafts; CREATE TABLE drafts (id int, text text) PARTITION BY RANGE (id);
             CREATE TABLE part PARTITION OF drafts DEFAULT; ALTER TABLE part ADD CHECK (ran(id))",
            "function public.ran",
        ),
        (
            "DROP TABLE drafts; CREATE TABLE drafts (id int, text text) PARTITION BY RANGE (id);
             CREATE FOREIGN TABLE part PARTITION OF drafts FOR VALUES FROM (10) TO (20)
                 SERVER theirs;
             CREATE TABLE rest PARTITION OF drafts DEFAULT",
            "server theirs",
        ),
    ] {
        host.run(planted).await;
        host.run("INSERT INTO drafts (id, text) VALUES (5, 'mine')")
            .await;
        // What the owner does itself is not looked at here.
        server().execute(database, "ALTER SEQUENCE canary RESTART");
        for error in refusals(&host, &elsewhere, Server::CREATOR).await {
            assert!(error.contains("use table `"), "{planted}: {error}");
            assert!(error.contains(object), "{planted}: {error}");
            assert!(error.contains("of the role `plain`"), "{planted}: {error}");
            assert!(
                error.contains("make `creator` the owner"),
                "{planted}: {error}"
            );
        }
        assert!(!has_run(database), "{planted}");
        host.run(
            "DROP TABLE IF EXISTS refers, drafts CASCADE; DROP TYPE IF EXISTS pair CASCADE;
             DROP DOMAIN IF EXISTS own; CREATE TABLE drafts (id int PRIMARY KEY, text text)",
        )
        .await;
    }
}

#[tokio::test]
async fn an_event_trigger_with_code_of_another_role_is_refused() {
    let host = PostgresHost::new().await;
    let database = &host.database.name;
    execute(
        database,
        Server::CREATOR,
        "CREATE FUNCTION public.watches() RETURNS event_trigger LANGUAGE plpgsql
             AS 'BEGIN RAISE EXCEPTION ''watched''; END'",
    )
    .await;
    let pool = PgPool::connect(&server().url(database)).await.unwrap();
    server().execute(
        database,
        "ALTER TABLE posts OWNER TO postgres; ALTER TABLE drafts OWNER TO postgres;
         ALTER TABLE _sqlx_migrations OWNER TO postgres; ALTER SCHEMA public OWNER TO postgres;
         CREATE EVENT TRIGGER watches ON ddl_command_start EXECUTE FUNCTION public.watches()",
    );
    let opened = Postgres::open_from(&pool, &FactoryRows::None)
        .await
        .unwrap();
    let mut snapshot = opened.read().await.unwrap();
    let error = chain(&snapshot.count("posts").await.unwrap_err());
    assert!(error.contains("event trigger watches"), "{error}");
    let error = chain(&opened.prepare().await.unwrap_err());
    assert!(error.contains("event trigger `watches`"), "{error}");
}

#[tokio::test]
async fn what_a_predefined_role_owns_counts_as_its_members() {
    let host = PostgresHost::new().await;
    let database = &host.database.name;
    host.run(CODE).await;
    server().execute(
        database,
        "ALTER TABLE posts OWNER TO postgres; ALTER TABLE drafts OWNER TO postgres;
         ALTER TABLE _sqlx_migrations OWNER TO postgres; ALTER SCHEMA public OWNER TO postgres;
         GRANT CREATE ON SCHEMA public TO pg_database_owner",
    );
    let pool = PgPool::connect(&server().url(database)).await.unwrap();
    let count = async || {
        let opened = Postgres::open_from(&pool, &FactoryRows::None)
            .await
            .unwrap();
        let mut snapshot = opened.read().await.unwrap();
        snapshot.count("drafts").await
    };
    count().await.unwrap();
    server().execute(
        database,
        "ALTER FUNCTION public.ran(anyelement) OWNER TO pg_database_owner;
         ALTER TABLE drafts ADD CHECK (public.ran(text))",
    );
    let error = chain(&count().await.unwrap_err());
    assert!(error.contains("function public.ran(anyelement)"), "{error}");
    assert!(error.contains("of the role `creator`"), "{error}");
}

#[tokio::test]
async fn a_view_that_takes_the_place_of_a_table_is_not_read() {
    let drafts = ["drafts".to_owned()];
    let kept = [KeptRows::new("kept", "a test's").rows("drafts", "true")];
    for action in ["count", "fingerprint", "keep", "save", "clear"] {
        let host = PostgresHost::new().await;
        host.run(CODE).await;
        let postgres = host.postgres().await;
        let mut transaction = match action {
            "clear" => postgres.write(&CLEARING).await.unwrap(),
            _ => postgres.read().await.unwrap(),
        };
        host.run(
            "INSERT INTO drafts VALUES (1, 'x'); ALTER TABLE drafts RENAME TO hidden;
             CREATE VIEW drafts AS SELECT id, text FROM hidden WHERE public.ran(id)",
        )
        .await;
        let error = match action {
            "count" => transaction.count("drafts").await.unwrap_err(),
            "fingerprint" => transaction.fingerprint(&drafts).await.unwrap_err(),
            "keep" => transaction.keep(&kept, &drafts).await.unwrap_err(),
            "save" => transaction
                .save("drafts", &mut Vec::new())
                .await
                .unwrap_err(),
            _ => transaction.clear(&drafts).await.unwrap_err(),
        };
        let error = chain(&error);
        assert!(
            error.contains("not the table any more"),
            "{action}: {error}"
        );
        assert!(!has_run(&host.database.name), "{action}");
    }
}

/// Each takes the table of the commit records, or its place, and names what is wrong.
const RECORDS: [(&str, &str); 19] = [
    (
        "CREATE TRIGGER t BEFORE INSERT ON $ FOR EACH ROW EXECUTE FUNCTION fires()",
        "triggers",
    ),
    (
        "CREATE TRIGGER t AFTER DELETE ON $ FOR EACH STATEMENT EXECUTE FUNCTION fires()",
        "triggers",
    ),
    (
        "CREATE RULE r AS ON INSERT TO $ DO ALSO SELECT ran(1)",
        "rules",
    ),
    ("ALTER TABLE $ ENABLE ROW LEVEL SECURITY", "policies"),
    ("CREATE POLICY p ON $ USING (ran(run))", "policies"),
    ("ALTER TABLE $ ADD CHECK (ran(run))", "constraints"),
    ("CREATE INDEX ON $ (ran(run))", "indexes"),
    ("CREATE STATISTICS s ON ran(run), run FROM $", "statistics"),
    (
        "ALTER TABLE $ ALTER outcome SET DEFAULT ran(1)::text",
        "defaults",
    ),
    (
        "ALTER TABLE $ ALTER at SET DEFAULT CASE WHEN ran(1) THEN now() END",
        "defaults",
    ),
    ("ALTER TABLE $ ADD x boolean", "columns"),
    (
        "ALTER TABLE $ ADD x boolean GENERATED ALWAYS AS (ran(run)) STORED",
        "columns",
    ),
    (
        "CREATE DOMAIN d AS text CHECK (ran(VALUE)); ALTER TABLE $ ALTER outcome TYPE d",
        "columns",
    ),
    ("CREATE TABLE child () INHERITS ($)", "part"),
    ("ALTER TABLE $ SET UNLOGGED", "unlogged"),
    ("CREATE TABLE refers (run text REFERENCES $)", "foreign key"),
    (
        "DROP TABLE $; CREATE VIEW $ AS SELECT ran(1)",
        "not an ordinary table",
    ),
    (
        "DROP TABLE $; CREATE TABLE $ (run text PRIMARY KEY, outcome text NOT NULL,
             at timestamptz NOT NULL DEFAULT now(), rewrite text[], xid xid8)
             PARTITION BY LIST (run)",
        "not an ordinary table",
    ),
    ("DROP TABLE $; CREATE SEQUENCE $", "not an ordinary table"),
];

#[tokio::test]
async fn a_record_table_that_is_not_the_engines_own_is_refused_by_name() {
    let host = PostgresHost::new().await;
    host.run(CODE).await;
    let engine = host.tables_engine().await;
    let database = host.postgres().await;
    for (planted, fault) in RECORDS {
        let mut open = database.write(&CLEARING).await.unwrap();
        open.clear(&["posts".to_owned()]).await.unwrap();
        host.run(&planted.replace('$', RECORD_TABLE)).await;
        for error in [
            told(open.commit(Uuid::now_v7()).await),
            told(engine.plan(&Selection::all()).await),
            told(engine.reset(everything()).await),
            told(database.decide(Uuid::now_v7()).await),
            told(database.reclaim().await),
            told(database.prepare().await),
            told(Postgres::open(&host.pool, &host.migrator).await),
            told(Postgres::open_from(&host.pool, &FactoryRows::None).await),
        ] {
            assert!(
                error.contains("\"_factory_reset\"` cannot be used"),
                "{planted}: {error}"
            );
            assert!(error.contains(fault), "{planted}: {error}");
            assert!(error.contains("drop"), "{planted}: {error}");
        }
        assert!(!has_run(&host.database.name), "{planted}");
        assert_eq!(host.number("SELECT count(*) FROM posts").await, 3);
        for kind in ["TABLE", "VIEW", "SEQUENCE"] {
            let drop = format!("DROP {kind} IF EXISTS {RECORD_TABLE} CASCADE");
            // It says so where it is of another kind.
            let _ = sqlx::raw_sql(AssertSqlSafe(drop)).execute(&host.pool).await;
        }
        host.run("DROP TABLE IF EXISTS child, refers CASCADE; DROP DOMAIN IF EXISTS d CASCADE")
            .await;
        database.prepare().await.unwrap();
    }
}

#[tokio::test]
async fn a_record_table_of_another_role_is_refused_with_its_name() {
    let host = PostgresHost::new().await;
    let engine = host.tables_engine().await;
    let give = format!("ALTER TABLE {RECORD_TABLE} OWNER TO plain");
    server().execute(&host.database.name, &give);
    let error = chain(&engine.plan(&Selection::all()).await.unwrap_err());
    assert!(
        error.contains("belongs to the role `plain`: connect as that role"),
        "{error}"
    );
    let error = chain(&engine.reset(everything()).await.unwrap_err());
    assert!(
        error.contains("belongs to the role `plain`: connect as that role"),
        "{error}"
    );
}

#[tokio::test]
async fn a_trigger_that_is_created_during_a_reset_waits_for_its_commit() {
    let host = PostgresHost::new().await;
    host.run(CODE).await;
    let database = host.postgres().await;
    host.run(&format!(
        "GRANT TRIGGER ON {RECORD_TABLE} TO plain; GRANT ALL ON SCHEMA public TO plain"
    ))
    .await;
    // The planter has the table, and has not committed.
    let mut planter = host.connect().await;
    let plant = format!(
        "BEGIN; CREATE TRIGGER t BEFORE INSERT ON {RECORD_TABLE} FOR EACH ROW \
         EXECUTE FUNCTION fires()"
    );
    sqlx::raw_sql(AssertSqlSafe(plant))
        .execute(&mut planter)
        .await
        .unwrap();
    let decide = tokio::spawn(async move { database.decide(Uuid::now_v7()).await });
    let waits = "SELECT count(*) FROM pg_locks WHERE NOT granted AND database =
                 (SELECT oid FROM pg_database WHERE datname = current_database())";
    while host.number(waits).await == 0 {
        tokio::task::yield_now().await;
    }
    sqlx::raw_sql("COMMIT").execute(&mut planter).await.unwrap();
    let error = chain(&decide.await.unwrap().unwrap_err());
    assert!(error.contains("triggers"), "{error}");
    assert!(!has_run(&host.database.name));
}

#[tokio::test]
async fn what_the_record_says_is_to_be_rewritten_is_never_run_as_sql() {
    let host = PostgresHost::new().await;
    host.run(
        "CREATE TABLE \"odd \"\"it's; %I.\\table\" (id int);
         INSERT INTO \"odd \"\"it's; %I.\\table\" VALUES (1)",
    )
    .await;
    let database = host.postgres().await;
    host.run(&format!(
        "INSERT INTO {RECORD_TABLE} (run, outcome, rewrite, xid) VALUES
         ('x'' OR true; --', 'commit', ARRAY[
             'posts; DROP TABLE drafts', 'public.posts; DROP TABLE drafts', '', NULL, '\"',
             'public.posts', 'public.missing', 'pg_catalog.pg_class', 'U&\"\\0070osts\"',
             'public.\"odd \"\"it''s; %I.\\table\"'
         ], pg_current_xact_id())"
    ))
    .await;
    let files = "SELECT sum(pg_relation_filenode(c.oid)::bigint)::bigint FROM pg_class AS c
                 WHERE relname IN ('posts', 'odd \"it''s; %I.\\table')";
    let system = "SELECT pg_relation_filenode('pg_class'::regclass)::bigint";
    let (before, catalogue) = (host.number(files).await, host.number(system).await);
    database.reclaim().await.unwrap();
    assert_ne!(host.number(files).await, before);
    assert_eq!(host.number(system).await, catalogue);
    assert_eq!(host.number("SELECT count(*) FROM drafts").await, 0);
    let left = format!("SELECT count(*) FROM {RECORD_TABLE} WHERE rewrite IS NOT NULL");
    assert_eq!(host.number(&left).await, 0);
}

#[tokio::test]
async fn names_of_any_kind_are_quoted_wherever_they_are_used() {
    let long = "l".repeat(63);
    let names = [
        "a.b",
        "it's",
        "say \"hi\"",
        "%I %s %%",
        "back\\slash",
        "U&\"x\"",
        "größe",
        &long,
    ];
    let quote = |name: &str| format!("\"{}\"", name.replace('"', "\"\""));
    let mut sql = String::new();
    for name in names {
        let name = quote(name);
        sql += &format!(
            "CREATE SCHEMA {name};
             CREATE TABLE {name}.{name} ({name} serial PRIMARY KEY, CONSTRAINT {name} CHECK (true));
             CREATE TABLE {name}.child (x int REFERENCES {name}.{name} ({name}));
             CREATE TABLE {name} ({name} int REFERENCES {name}.{name});
             INSERT INTO {name}.{name} DEFAULT VALUES; INSERT INTO {name}.child VALUES (1);
             CREATE RULE {name} AS ON DELETE TO {name} DO ALSO SELECT 1;
             CREATE MATERIALIZED VIEW {name}.shown AS SELECT * FROM {name}.{name};"
        );
    }
    let host = PostgresHost::with(&[&sql]).await;
    let factory = crate::postgres_fixture::dump(&host.pool).await;
    let fill = names.map(|name| {
        let name = quote(name);
        format!("INSERT INTO {name}.{name} DEFAULT VALUES; INSERT INTO {name} VALUES (2);")
    });
    host.run(&fill.concat()).await;
    let report = host.reset_tables().await;
    assert!(report.pending.is_empty(), "{:?}", report.pending);
    assert_eq!(crate::postgres_fixture::dump(&host.pool).await, factory);
}

#[tokio::test]
async fn the_settings_of_a_database_do_not_reach_the_engine() {
    let host = PostgresHost::with(&[crate::postgres_rich::RICH]).await;
    let factory = crate::postgres_fixture::dump(&host.pool).await;
    host.run("INSERT INTO settings VALUES ('more', 'x')").await;
    let name = &host.database.name;
    for setting in [
        "standard_conforming_strings = off",
        "quote_all_identifiers = on",
        "transform_null_equals = on",
        "array_nulls = off",
        "exit_on_error = on",
        "default_transaction_isolation = 'serializable'",
        "default_transaction_read_only = on",
        "default_tablespace = 'pg_global'",
        "DateStyle = 'German'",
        "bytea_output = 'escape'",
        "search_path = public",
    ] {
        server().execute("postgres", &format!("ALTER DATABASE {name} SET {setting}"));
    }
    // The host's own connection was opened before.
    let rows = FactoryRows::Script(crate::postgres_rich::RICH.to_owned());
    let database = Postgres::open_from(&host.pool, &rows).await.unwrap();
    let builder = only(&["tables"]).data_dir(host.data()).database(database);
    let builder = builder.preserve_table("_sqlx_migrations", "tracks migrations");
    let engine = builder.build().await.unwrap();
    engine.reset(everything()).await.unwrap();
    assert_eq!(crate::postgres_fixture::dump(&host.pool).await, factory);
}

#[tokio::test]
async fn the_sql_of_a_step_finds_the_tables_of_the_host() {
    let host = PostgresHost::new().await;
    let database = host.postgres().await;
    let mut transaction = database.write(&CLEARING).await.unwrap();
    let connection = transaction.postgres().await.unwrap().unwrap();
    let path: String = sqlx::query_scalar("SHOW search_path")
        .fetch_one(&mut *connection)
        .await
        .unwrap();
    assert_eq!(path, "\"$user\", public");
    sqlx::query("UPDATE posts SET text = 'x'")
        .execute(&mut *connection)
        .await
        .unwrap();
    sqlx::query("SET search_path = public")
        .execute(connection)
        .await
        .unwrap();
    transaction.clear(&["posts".to_owned()]).await.unwrap();
    transaction.check().await.unwrap();
    transaction.commit(Uuid::now_v7()).await.unwrap();
    assert_eq!(host.number("SELECT count(*) FROM posts").await, 1);
}

#[tokio::test]
async fn no_other_role_can_connect_to_a_scratch_database() {
    let open = "CREATE TABLE open AS SELECT
                    pg_catalog.has_database_privilege('plain', current_database(), 'CONNECT, TEMP')
                    AS is_open";
    let host = PostgresHost::with(&[POSTS, open]).await;
    assert_eq!(
        host.number("SELECT is_open::int::bigint FROM open").await,
        1
    );
    host.reset_tables().await;
    assert_eq!(
        host.number("SELECT is_open::int::bigint FROM open").await,
        0
    );
}
