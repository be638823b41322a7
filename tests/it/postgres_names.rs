//! PostgreSQL: a statement of the engine finds the server's own functions, operators, types and
//! tables, whatever others have created under the same names.

use std::collections::BTreeSet;

use factory_reset::{
    BackupRequest, Database, Engine, FactoryRows, KeptRows, Postgres, RestoreRequest, Selection,
};
use sqlx::{AssertSqlSafe, PgPool};
use test_servers::Postgres as Server;
use uuid::Uuid;

use crate::fixture::{CLEARING, everything, migrator, only};
use crate::postgres_fixture::server;
use crate::postgres_sql::{Names, common_tables, names, texts};

/// What the source uses.
fn used() -> Names {
    let texts = texts();
    let common = common_tables(texts.iter().map(|(_, text)| text.as_str()));
    let mut used = Names::default();
    for (file, text) in &texts {
        let found = names(text, &common);
        used.qualified.extend(found.qualified);
        used.operators.extend(found.operators);
        let unqualified = found.unqualified.into_iter();
        used.unqualified
            .extend(unqualified.map(|name| format!("{file}: {}", name.trim())));
    }
    used
}

#[test]
fn every_name_in_the_sql_of_the_engine_has_its_schema() {
    let used = used();
    assert_eq!(used.unqualified, BTreeSet::new());
    // It has read the source.
    for name in [
        "format",
        "count",
        "pg_class",
        "regclass",
        "hash_record_extended",
        "setval",
    ] {
        assert!(
            used.qualified.contains(name),
            "{name}: {:?}",
            used.qualified
        );
    }
    for operator in ["=", "||", "!~", "<>"] {
        assert!(used.operators.contains(operator), "{:?}", used.operators);
    }
}

#[test]
fn a_name_without_its_schema_is_found_in_sql() {
    let common = BTreeSet::from(["touched".to_owned()]);
    for (sql, name) in [
        (
            "SELECT format('%I', n.nspname) FROM pg_catalog.pg_namespace AS n",
            "SELECT format",
        ),
        ("SELECT 1, lower(x) FROM pg_temp.t", "lower"),
        ("SELECT x::text FROM pg_temp.t", "text"),
        ("SELECT '{{}}'::bigint[]", "bigint"),
        ("SELECT x FROM pg_class AS c", "FROM pg_class"),
        ("SELECT x FROM touched JOIN posts ON true", "JOIN posts"),
        (
            "INSERT INTO _factory_reset VALUES (1)",
            "INTO _factory_reset",
        ),
        ("UPDATE ONLY posts SET x = 1", "ONLY posts"),
        (
            "CREATE TABLE IF NOT EXISTS x (y pg_catalog.text)",
            "EXISTS x",
        ),
        ("LOCK TABLE posts IN SHARE MODE", "TABLE posts"),
        (
            "SELECT 'pg_class'::pg_catalog.regclass, current_setting('x')",
            "current_setting",
        ),
        ("SELECT other.f(x)", "f"),
    ] {
        let found = names(sql, &common).unqualified;
        assert!(
            found.iter().any(|found| found.trim() == name),
            "{sql}: {found:?}"
        );
    }
    for sql in [
        "SELECT pg_catalog.format('%I', c.x) FROM pg_catalog.pg_class AS c WHERE c.x IN (1, 2)",
        "SELECT t.x FROM touched AS t JOIN {relation} AS r ON r.x IS DISTINCT FROM t.x",
        "INSERT INTO {relation} (run, outcome) VALUES ('{run}', 'it''s') ON CONFLICT DO NOTHING",
        "DELETE FROM ONLY {relation} WHERE at < pg_catalog.now()",
    ] {
        let found = names(sql, &common).unqualified;
        assert_eq!(found, BTreeSet::new(), "{sql}");
    }
}

/// What counts each shadow that runs, and fails the statement that it runs in.
const CANARY: &str = "
    CREATE SCHEMA app; CREATE SCHEMA extra;
    CREATE SEQUENCE public.canary; GRANT ALL ON SEQUENCE public.canary TO PUBLIC;
    CREATE FUNCTION public.ran() RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN
        PERFORM pg_catalog.nextval('public.canary');
        RAISE EXCEPTION 'a shadow ran as %', CURRENT_USER;
    END $$;
    GRANT ALL ON SCHEMA app, extra, public TO PUBLIC;
    ALTER DEFAULT PRIVILEGES GRANT ALL ON TABLES TO PUBLIC;";

/// Creates a shadow of everything in `$names` and `$operators`, in both schemas, each with every
/// signature that the server has, and with more exact ones.
const SHADOWS: &str = r#"
DO $do$
DECLARE
    kinds text[] := '{text,name,varchar,"\"char\"",oid,int4,int8,"text[]",xid,regclass,record}';
    made int := 0;
    one record;
    schema text;
    body text := $$ LANGUAGE plpgsql AS 'BEGIN PERFORM public.ran(); RETURN NULL; END' $$;
BEGIN
    FOREACH schema IN ARRAY '{app,extra}'::text[] LOOP
        -- Functions: the server's own signatures, and others with one or two arguments of types
        -- that are exact where the server's are not.
        FOR one IN
            WITH own AS (
                SELECT proname::text AS name, coalesce((
                    SELECT string_agg(format_type(t, NULL), ', ' ORDER BY n)
                    FROM unnest(proargtypes) WITH ORDINALITY AS k (t, n)), '') AS arguments,
                    format_type(prorettype, NULL) AS returned
                FROM pg_proc WHERE pronamespace = 'pg_catalog'::regnamespace AND prokind <> 'p'
                  AND proname = ANY ('$names')
            ), few AS (
                SELECT unnest('{text,name,oid,int8}'::text[]) AS kind
            ), more AS (
                SELECT unnest('{text,name,oid,int8,int4,"\"char\"","oid[]","int2[]",bool,regclass,record,xid,jsonb}'::text[]) AS kind
            )
            SELECT name, arguments, returned FROM own
            UNION SELECT o.name, a.kind, 'text' FROM own AS o, more AS a WHERE schema = 'app'
            UNION SELECT o.name, a.kind || ', ' || b.kind, 'text' FROM own AS o, few AS a, few AS b WHERE schema = 'app'
            UNION SELECT 'format', 'text, ' || a.kind || ', ' || b.kind, 'text' FROM few AS a, few AS b
            UNION SELECT 'format', 'text, name, name, bool', 'text'
            UNION SELECT 'format', 'text, name, text, bool', 'text'
            UNION SELECT 'set_config', 'text, text, bool', 'text'
        LOOP
            BEGIN
                EXECUTE format('CREATE FUNCTION %I.%I(%s) RETURNS %s %s', schema, one.name,
                               one.arguments, one.returned, body);
                made := made + 1;
            EXCEPTION WHEN OTHERS THEN NULL;
            END;
        END LOOP;
        -- Operators of every two types.
        FOR one IN SELECT a AS "left", b AS "right" FROM unnest(kinds) AS a, unnest(kinds) AS b LOOP
            BEGIN
                EXECUTE format('CREATE FUNCTION %I.compared(%s, %s) RETURNS bool %s', schema,
                               one."left", one."right", body);
            EXCEPTION WHEN OTHERS THEN CONTINUE;
            END;
        END LOOP;
        FOR one IN
            SELECT o AS name, a AS "left", b AS "right"
            FROM unnest('$operators'::text[]) AS o, unnest(kinds) AS a, unnest(kinds) AS b
            WHERE schema = 'app'
        LOOP
            BEGIN
                EXECUTE format('CREATE OPERATOR %I.%s (FUNCTION = %I.compared, LEFTARG = %s, RIGHTARG = %s)',
                               schema, one.name, schema, one."left", one."right");
                made := made + 1;
            EXCEPTION WHEN OTHERS THEN NULL;
            END;
        END LOOP;
        -- Relations.
        FOR one IN SELECT relname::text AS name FROM pg_class
            WHERE relnamespace = 'pg_catalog'::regnamespace AND relname = ANY ('$names')
        LOOP
            EXECUTE format('CREATE VIEW %I.%I AS SELECT %s, public.ran() AS ran FROM pg_catalog.%I',
                           schema, one.name, (
                               SELECT string_agg(quote_ident(attname), ', ' ORDER BY attnum)
                               FROM pg_attribute
                               WHERE attrelid = ('pg_catalog.' || quote_ident(one.name))::regclass
                                 AND attnum > 0 AND atttypid <> 'anyarray'::regtype
                           ), one.name);
            made := made + 1;
        END LOOP;
        -- Types, with checks; last, because from here on they hide the server's.
        FOR one IN SELECT typname::text AS name FROM pg_type
            WHERE typnamespace = 'pg_catalog'::regnamespace AND typrelid = 0
              AND typname = ANY ('$names') AND typtype = 'b'
        LOOP
            EXECUTE format('CREATE DOMAIN %I.%I AS pg_catalog.%I CHECK (public.ran())', schema,
                           one.name, one.name);
            made := made + 1;
        END LOOP;
    END LOOP;
    -- Casts that need not be written, from a type of the planter and to it.
    CREATE TYPE app.kind AS ENUM ('one', 'two');
    FOR one IN SELECT unnest('{text,name,oid,int8,int4,bool,regclass,numeric}'::pg_catalog.text[]) AS name
    LOOP
        BEGIN
            EXECUTE format('CREATE FUNCTION app.cast_from(app.kind) RETURNS pg_catalog.%I %s', one.name, body);
            EXECUTE format('CREATE CAST (app.kind AS pg_catalog.%I) WITH FUNCTION app.cast_from(app.kind) AS IMPLICIT', one.name);
            made := made + 1;
        EXCEPTION WHEN OTHERS THEN NULL;
        END;
        BEGIN
            EXECUTE format('CREATE FUNCTION app.cast_to(pg_catalog.%I) RETURNS app.kind %s', one.name, body);
            EXECUTE format('CREATE CAST (pg_catalog.%I AS app.kind) WITH FUNCTION app.cast_to(pg_catalog.%I) AS IMPLICIT', one.name, one.name);
            made := made + 1;
        EXCEPTION WHEN OTHERS THEN NULL;
        END;
    END LOOP;
    IF made < 2000 THEN
        RAISE EXCEPTION 'only % shadows', made;
    END IF;
END $do$;
"#;

/// The tables of the service, with everything that the engine has a statement for.
const TABLES: &str = "
    CREATE TABLE app.posts (
        id pg_catalog.int8 GENERATED ALWAYS AS IDENTITY PRIMARY KEY, text pg_catalog.text
    );
    CREATE SEQUENCE app.numbers START 7;
    CREATE TABLE app.comments (
        number pg_catalog.int4 PRIMARY KEY DEFAULT pg_catalog.nextval('app.numbers'),
        post pg_catalog.int8 REFERENCES app.posts (id) ON DELETE CASCADE,
        word pg_catalog.varchar, deferred pg_catalog.int8
            REFERENCES app.posts (id) DEFERRABLE INITIALLY DEFERRED
    );
    CREATE TABLE app.pages (day pg_catalog.date, text pg_catalog.text) PARTITION BY RANGE (day);
    CREATE TABLE app.pages_all PARTITION OF app.pages DEFAULT;
    CREATE TABLE extra.likes (post pg_catalog.int8 REFERENCES app.posts (id));
    CREATE MATERIALIZED VIEW app.counted AS SELECT pg_catalog.count(*) AS rows FROM app.posts;
    GRANT ALL ON ALL TABLES IN SCHEMA app TO PUBLIC;";

const ROWS: &str = "
    INSERT INTO app.posts (text) VALUES ('first'), ('second'), ('third');
    INSERT INTO app.comments (post, word) VALUES (1, 'one'), (2, 'two');
    INSERT INTO app.pages VALUES ('2020-01-01', 'page');
    INSERT INTO extra.likes VALUES (NULL);
    REFRESH MATERIALIZED VIEW app.counted;";

/// A database of `owner` in which `planter` has planted the shadows, first in the search path of
/// every session. Returns its name.
async fn planted(owner: &str, planter: &str) -> String {
    let database = server().create_database_of(owner);
    let used = used();
    let list = |names: &BTreeSet<String>| {
        let quoted = names.iter().map(|name| format!("\"{name}\""));
        format!("{{{}}}", quoted.collect::<Vec<_>>().join(","))
    };
    let shadows = SHADOWS
        .replace("$names", &list(&used.qualified))
        .replace("$operators", &list(&used.operators));
    let name = database.name;
    for (role, sql) in [
        (Server::SUPERUSER, CANARY),
        (owner, TABLES),
        (planter, &shadows),
        (owner, ROWS),
    ] {
        execute(&name, role, sql).await;
    }
    server().execute(
        "postgres",
        &format!(
            "ALTER DATABASE {name} SET search_path = app, extra, public, pg_catalog;
             ALTER DATABASE {name} SET quote_all_identifiers = on;
             ALTER DATABASE {name} SET standard_conforming_strings = off;
             ALTER DATABASE {name} SET default_transaction_read_only = on;
             ALTER DATABASE {name} SET transform_null_equals = on;"
        ),
    );
    name
}

async fn execute(database: &str, role: &str, sql: &str) {
    let pool = PgPool::connect(&server().url_as(role, database))
        .await
        .unwrap();
    let executed = sqlx::raw_sql(AssertSqlSafe(sql)).execute(&pool).await;
    executed.unwrap_or_else(|error| panic!("{role}: {error}"));
    pool.close().await;
}

/// Runs everything that the engine can do, as `role`.
async fn run_everything(database: &str, role: &str, is_trusted: bool) {
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().join("data");
    std::fs::create_dir(&data).unwrap();
    let pool = PgPool::connect(&server().url_as(role, database))
        .await
        .unwrap();
    let options = Postgres::trust_database(is_trusted);
    let fill = "INSERT INTO posts (text) VALUES ('welcome'); \
                INSERT INTO comments (post) VALUES (1)";
    for rows in [FactoryRows::Script(fill.to_owned()), FactoryRows::None] {
        let open = || options.open_from(&pool, &rows);
        let builder = only(&["tables"])
            .data_dir(&data)
            .backups("backups")
            .preserve_table("extra.likes", "refers to posts")
            .database(open().await.unwrap());
        let engine: Engine = builder.build().await.unwrap();
        engine.options().await.unwrap();
        engine.plan(&Selection::all()).await.unwrap();
        let backup = format!("one-{}", Uuid::now_v7());
        engine.backup(BackupRequest::new(&backup)).await.unwrap();
        let report = engine.reset(everything()).await.unwrap();
        assert!(report.pending.is_empty(), "{:?}", report.pending);
        let restore = RestoreRequest::new(&backup).confirmed();
        engine.restore_behind_gate(restore).await.unwrap();

        let database = open().await.unwrap();
        let tables: Vec<String> = database.migrated_tables().iter().cloned().collect();
        let kept = [KeptRows::new("kept", "a test's")
            .rows("comments", "word = 'one' AND comments.word IN ('one', 'x')")];
        let mut snapshot = database.read().await.unwrap();
        snapshot.keep(&kept, &tables).await.unwrap();
        let posts = ["posts".to_owned()];
        snapshot.references(&posts).await.unwrap();
        snapshot.fingerprint(&tables).await.unwrap();
        snapshot.rollback().await.unwrap();
        let mut transaction = database.write(&CLEARING).await.unwrap();
        let kept = transaction.keep(&kept, &tables).await.unwrap();
        assert_eq!(kept["comments"], 1, "{kept:?}");
        transaction.clear(&tables).await.unwrap();
        transaction.check().await.unwrap();
        let run = Uuid::now_v7();
        transaction.commit(run).await.unwrap();
        database.decide(run).await.unwrap();
        database.decide(Uuid::now_v7()).await.unwrap();
        database.reclaim().await.unwrap();
    }
    // Migrations run with the host's own search path, in a database where nothing is planted.
    let migrations = ["CREATE TABLE posts (id bigint PRIMARY KEY, text text)"];
    let migrator = migrator(&directory.path().join("migrations"), &migrations).await;
    options.open(&pool, &migrator).await.unwrap();
    pool.close().await;
}

#[tokio::test]
async fn nothing_planted_by_the_owner_of_a_database_runs_as_superuser() {
    let database = planted(Server::CREATOR, Server::CREATOR).await;
    run_everything(&database, Server::SUPERUSER, true).await;
    let ran = server().execute(&database, "SELECT is_called FROM public.canary");
    assert_eq!(ran.trim(), "f");
}

#[tokio::test]
async fn nothing_planted_by_another_role_runs_as_the_owner() {
    let database = planted(Server::CREATOR, Server::PLAIN).await;
    run_everything(&database, Server::CREATOR, false).await;
    let ran = server().execute(&database, "SELECT is_called FROM public.canary");
    assert_eq!(ran.trim(), "f");
}
