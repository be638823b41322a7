//! A million rows.

use crate::bench::Bench;
use crate::sample::{POSTGRES, SQLITE, Sample};

const MILLION: u64 = 1_000_000;

async fn reset_a_million(bench: &Bench, sample: &Sample) {
    bench.done(&[
        "init",
        "--database",
        &sample.url(),
        "--data-dir",
        "data",
        "--claim-all",
    ]);
    let preview = bench.done(&["preview"]).stdout;
    assert!(preview.contains("1,000,000 rows"), "{preview}");
    let report = bench.json(&["run", "--confirm", "RESET DATA"]);
    assert_eq!(report["report"]["cleared"]["rows_deleted"], MILLION + 2);
    assert_eq!(sample.number("SELECT count(*) FROM log").await, 0);
}

#[tokio::test]
async fn a_million_sqlite_rows_go() {
    let bench = Bench::new();
    let fill = format!(
        "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {MILLION})
         INSERT INTO log SELECT i, 'canaryzq ' || i FROM n"
    );
    let sample = Sample::sqlite(&bench, &[SQLITE[0], &fill]).await;
    reset_a_million(&bench, &sample).await;
}

#[tokio::test]
async fn a_million_postgres_rows_go() {
    let bench = Bench::new();
    let fill = format!("INSERT INTO log SELECT now(), i FROM generate_series(1, {MILLION}) AS i");
    let sample = Sample::postgres(&[POSTGRES[0], &fill]).await;
    reset_a_million(&bench, &sample).await;
}
