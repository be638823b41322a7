//! The command is killed at any moment: the old state stands, or the factory's, and the next
//! command says which.

use std::fs;
use std::process::Stdio;
use std::time::{Duration, Instant};

use crate::bench::Bench;
use crate::sample::{POSTGRES, SQLITE, Sample, assert_same};

/// How many moments are tried, spread over the whole of a run.
const MOMENTS: u32 = 12;

const RUN: [&str; 3] = ["run", "--confirm", "RESET SHOP"];

fn fill_files(bench: &Bench) {
    for number in 0..300 {
        bench.write(&format!("data/uploads/{number}"), "canaryzq");
    }
}

fn files(bench: &Bench) -> usize {
    fs::read_dir(bench.data().join("uploads")).map_or(0, Iterator::count)
}

/// Kills a run at many moments; `renew` brings the database back to the old state.
async fn sweep<Renewing: Future<Output = ()>>(
    bench: &Bench,
    sample: &Sample,
    renew: impl Fn() -> Renewing,
) {
    let url = sample.url();
    fill_files(bench);
    bench.done(&[
        "init",
        "--database",
        &url,
        "--data-dir",
        "data",
        "--name",
        "shop",
        "--claim-all",
    ]);
    let old = sample.dump().await;
    let begun = Instant::now();
    bench.done(&RUN);
    let whole = begun.elapsed();
    let factory = sample.dump().await;
    let (mut undone, mut finished) = (0, 0);
    for moment in 0..MOMENTS {
        renew().await;
        fill_files(bench);
        assert_same(&sample.dump().await, &old);
        let mut command = bench.command(&RUN);
        let command = command.stdout(Stdio::null()).stderr(Stdio::null());
        let mut child = command.spawn().unwrap();
        // The moment of the fault.
        std::thread::sleep(whole * moment / MOMENTS + Duration::from_millis(5));
        child.kill().unwrap();
        child.wait().unwrap();
        let recovered = bench.done(&["recover"]);
        let now = sample.dump().await;
        if now == old {
            assert_eq!(files(bench), 300, "{recovered:?}");
            undone += 1;
        } else {
            assert_same(&now, &factory);
            assert_eq!(files(bench), 0, "{recovered:?}");
            finished += 1;
        }
        let told = format!("{}{}", recovered.stdout, recovered.stderr);
        let says = ["nothing to recover", "undone", "finished", "ended"];
        assert!(says.iter().any(|says| told.contains(says)), "{told}");
    }
    assert!(undone > 0, "{undone} undone, {finished} finished");
}

#[tokio::test]
async fn a_killed_sqlite_run_is_undone_or_finished() {
    let bench = Bench::new();
    let more = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100000)
        INSERT INTO log SELECT i, 'canaryzq ' || i FROM n; PRAGMA wal_checkpoint(TRUNCATE)";
    let sample = Sample::sqlite(&bench, &[SQLITE[0], SQLITE[1], more]).await;
    fs::copy(bench.data().join("shop.db"), bench.path().join("old.db")).unwrap();
    sweep(&bench, &sample, async || {
        for file in ["shop.db-wal", "shop.db-shm"] {
            let _ = fs::remove_file(bench.data().join(file));
        }
        fs::copy(bench.path().join("old.db"), bench.data().join("shop.db")).unwrap();
    })
    .await;
}

#[tokio::test]
async fn a_killed_postgres_run_is_undone_or_finished() {
    let bench = Bench::new();
    let more = "INSERT INTO log SELECT now(), i FROM generate_series(1, 20000) AS i";
    let sample = Sample::postgres(&[POSTGRES[0], POSTGRES[1], more]).await;
    bench.done(&[
        "init",
        "--database",
        &sample.url(),
        "--data-dir",
        "data",
        "--name",
        "shop",
        "--claim-all",
    ]);
    bench.done(&["backup", "old"]);
    fs::remove_file(bench.path().join("factory-reset.toml")).unwrap();
    // What killed connections leave of a transaction is rolled back by the server.
    sweep(&bench, &sample, async || {
        bench.done(&["restore", "old", "--confirm", "RESET SHOP"]);
    })
    .await;
}
