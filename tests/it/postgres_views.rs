//! Materialized views hold copies of rows.

use crate::postgres_fixture::PostgresHost;

const VIEWS: &str = "
    CREATE TABLE people (id integer PRIMARY KEY, name text);
    INSERT INTO people VALUES (1, 'seeded');
    CREATE TABLE visits (day date, name text) PARTITION BY RANGE (day);
    CREATE TABLE visits_old PARTITION OF visits FOR VALUES FROM ('2000-01-01') TO ('2030-01-01');
    CREATE VIEW named AS SELECT name FROM people WHERE name IS NOT NULL;
    CREATE MATERIALIZED VIEW names AS SELECT name FROM named;
    CREATE MATERIALIZED VIEW \"a count\" AS SELECT count(*) AS number FROM names;
    CREATE MATERIALIZED VIEW old AS SELECT name FROM visits_old;
    CREATE MATERIALIZED VIEW unfilled AS SELECT name FROM people WITH NO DATA;
";

#[tokio::test]
async fn they_show_what_the_factory_rows_give() {
    let host = PostgresHost::with(&[VIEWS]).await;
    host.run(
        "INSERT INTO people VALUES (2, 'canaryzq'); INSERT INTO visits VALUES ('2020-01-01', 'canaryzq');
         REFRESH MATERIALIZED VIEW names; REFRESH MATERIALIZED VIEW \"a count\";
         REFRESH MATERIALIZED VIEW old",
    )
    .await;
    assert_eq!(host.number("SELECT number FROM \"a count\"").await, 2);
    host.reset_tables().await;
    for (select, expected) in [
        ("SELECT count(*) FROM names WHERE name = 'seeded'", 1),
        ("SELECT count(*) FROM names", 1),
        ("SELECT number FROM \"a count\"", 1),
        ("SELECT count(*) FROM old", 0),
        (
            "SELECT count(*) FROM pg_class WHERE relname = 'unfilled' AND relispopulated",
            0,
        ),
    ] {
        assert_eq!(host.number(select).await, expected, "{select}");
    }
}
