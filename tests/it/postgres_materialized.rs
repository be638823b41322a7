//! PostgreSQL: materialized views hold no row that has gone.

use factory_reset::{Database, ResetRequest, Selection, chain};
use uuid::Uuid;

use crate::fixture::{CLEARING, everything};
use crate::postgres_fixture::{PostgresHost, dump, server};

/// Views over views, over partitions and over what inherits; the names are in no useful order.
const VIEWS: &str = "
    CREATE TABLE posts (id integer PRIMARY KEY, text text);
    INSERT INTO posts VALUES (1, 'welcome');
    CREATE TABLE drafts (id integer PRIMARY KEY, text text);
    CREATE TABLE events (day date NOT NULL, text text) PARTITION BY RANGE (day);
    CREATE TABLE events_old PARTITION OF events FOR VALUES FROM ('2000-01-01') TO ('2020-01-01');
    CREATE TABLE base (text text);
    CREATE TABLE heir () INHERITS (base);
    CREATE SCHEMA extra;
    CREATE MATERIALIZED VIEW \"z first\" AS SELECT text FROM posts;
    CREATE UNIQUE INDEX z_first ON \"z first\" (text);
    CREATE VIEW middle AS SELECT text FROM \"z first\" UNION ALL SELECT text FROM drafts;
    CREATE MATERIALIZED VIEW extra.a_last AS SELECT text FROM middle;
    CREATE MATERIALIZED VIEW of_part AS SELECT text FROM events_old;
    CREATE MATERIALIZED VIEW of_base AS SELECT text FROM base;
    CREATE MATERIALIZED VIEW later AS SELECT text FROM posts WITH NO DATA;
";

const FILL: &str = "
    INSERT INTO posts VALUES (2, 'mine');
    INSERT INTO drafts VALUES (1, 'mine too');
    INSERT INTO events VALUES ('2001-01-01', 'mine of old');
    INSERT INTO heir VALUES ('mine, inherited');
    REFRESH MATERIALIZED VIEW \"z first\";
    REFRESH MATERIALIZED VIEW extra.a_last;
    REFRESH MATERIALIZED VIEW of_part;
    REFRESH MATERIALIZED VIEW of_base;
";

/// What every view holds but the one that holds nothing.
const HELD: &str = "
    SELECT coalesce(string_agg(text, '; ' ORDER BY text), '') FROM (
        SELECT 'z_first ' || text FROM \"z first\"
        UNION ALL SELECT 'a_last ' || text FROM extra.a_last
        UNION ALL SELECT 'of_part ' || text FROM of_part
        UNION ALL SELECT 'of_base ' || text FROM of_base
    ) AS held (text)";

async fn held(host: &PostgresHost) -> String {
    sqlx::query_scalar(HELD)
        .fetch_one(&host.pool)
        .await
        .unwrap()
}

async fn used() -> PostgresHost {
    let host = PostgresHost::with(&[VIEWS]).await;
    host.run(FILL).await;
    host
}

#[tokio::test]
async fn views_of_cleared_tables_are_made_anew_each_after_those_below_it() {
    let host = used().await;
    assert!(held(&host).await.contains("mine, inherited"));
    host.reset_tables().await;
    assert_eq!(held(&host).await, "a_last welcome; z_first welcome");
    let populated = "SELECT count(*) FROM pg_matviews WHERE ispopulated";
    assert_eq!(host.number(populated).await, 4, "`later` is as it was");
}

#[tokio::test]
async fn views_of_other_tables_are_left_alone() {
    let host = used().await;
    // To be seen if the view were made anew.
    host.run("DELETE FROM heir").await;
    let engine = host.tables_engine().await;
    let selection = Selection::steps(["tables"]).only("tables", ["drafts", "events"]);
    let request = ResetRequest::new(selection).confirmed();
    engine.reset(request).await.unwrap();
    let expected = "a_last mine; a_last welcome; of_base mine, inherited; z_first mine; \
                    z_first welcome";
    assert_eq!(held(&host).await, expected);
}

#[tokio::test]
async fn views_of_loaded_tables_are_made_anew() {
    let host = used().await;
    let before = held(&host).await;
    let postgres = host.postgres().await;
    let tables: Vec<String> = postgres.migrated_tables().iter().cloned().collect();
    let mut saved = Vec::new();
    let mut transaction = postgres.read().await.unwrap();
    for table in &tables {
        let mut bytes = Vec::new();
        transaction.save(table, &mut bytes).await.unwrap();
        saved.push((table, bytes));
    }
    transaction.rollback().await.unwrap();
    host.reset_tables().await;
    assert_ne!(held(&host).await, before);
    let mut transaction = postgres.write(&CLEARING).await.unwrap();
    transaction.empty(&tables).await.unwrap();
    for (table, bytes) in saved {
        transaction.load(table, &mut &bytes[..]).await.unwrap();
    }
    transaction.check().await.unwrap();
    transaction.commit(Uuid::now_v7()).await.unwrap();
    assert_eq!(held(&host).await, before);
}

#[tokio::test]
async fn a_view_of_somebody_elses_is_an_error_that_says_how_and_everything_is_as_before() {
    let host = used().await;
    let view = "CREATE MATERIALIZED VIEW theirs AS SELECT text FROM posts";
    server().execute(&host.database.name, view);
    let before = dump(&host.pool).await;
    let engine = host.tables_engine().await;
    let text = chain(&engine.reset(everything()).await.unwrap_err());
    assert!(
        text.contains("`REFRESH MATERIALIZED VIEW public.theirs WITH NO DATA`"),
        "{text}"
    );
    assert!(text.contains("must be owner"), "{text}");
    assert_eq!(dump(&host.pool).await, before);
    assert!(held(&host).await.contains("mine, inherited"));
    // And the remedy helps.
    let empty = "REFRESH MATERIALIZED VIEW theirs WITH NO DATA";
    server().execute(&host.database.name, empty);
    engine.reset(everything()).await.unwrap();
    assert_eq!(held(&host).await, "a_last welcome; z_first welcome");
}

#[tokio::test]
async fn views_in_a_circle_are_not_followed_for_ever() {
    let host = used().await;
    host.run(
        "CREATE VIEW one AS SELECT text FROM posts;
         CREATE VIEW two AS SELECT text FROM one;
         CREATE OR REPLACE VIEW one AS SELECT text FROM two UNION SELECT text FROM posts",
    )
    .await;
    host.reset_tables().await;
    assert_eq!(held(&host).await, "a_last welcome; z_first welcome");
}
