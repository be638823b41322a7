//! The commands that stop and start the service.

use std::os::unix::process::ExitStatusExt;
use std::process::Stdio;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::bench::{Bench, Ran};
use crate::sample::{SQLITE, Sample, assert_same};

/// A service that notes what is done to it; `$STOP` is what stopping does beside.
fn manifest(bench: &Bench, sample: &Sample, stop: &str, more: &str) {
    let url = sample.url();
    bench.write(
        "factory-reset.toml",
        format!(
            "name = \"shop\"\ndata_dir = \"data\"\nbackups = \"backups\"\n[database]\nurl = \"{url}\"\n\
             [tables]\nclear = \"all\"\n[factory]\nnone = true\n[service]\n\
             stop = [\"sh\", \"-c\", \"echo stop >> told; {stop}\"]\n\
             start = [\"sh\", \"-c\", \"echo start >> told\"]\n{more}\n"
        ),
    );
    bench.write("told", "");
}

fn told(bench: &Bench) -> String {
    bench.read("told").replace('\n', " ")
}

const RUN: [&str; 3] = ["run", "--confirm", "RESET SHOP"];

#[tokio::test]
async fn it_is_stopped_for_a_reset_and_started_after_it() {
    let bench = Bench::new();
    let sample = Sample::sqlite(&bench, &SQLITE).await;
    manifest(&bench, &sample, "true", "");
    let preview = bench.json(&["preview"]);
    assert_eq!(preview["steps"][0]["id"], "service", "{preview}");
    bench.done(&["backup", "before"]);
    assert_eq!(told(&bench), "");
    let ran = bench.done(&RUN);
    assert!(ran.stderr.contains("shop runs again"), "{ran:?}");
    assert_eq!(told(&bench), "stop start ");
    bench.done(&["restore", "before", "--confirm", "RESET SHOP"]);
    assert_eq!(told(&bench), "stop start stop start ");
    bench.done(&["run", "--confirm", "RESET SHOP", "--step", "paths"]);
    assert_eq!(told(&bench), "stop start stop start stop start ");
}

#[tokio::test]
async fn it_stays_stopped_where_the_manifest_says_so() {
    let bench = Bench::new();
    let sample = Sample::sqlite(&bench, &SQLITE).await;
    manifest(&bench, &sample, "true", "start_after_reset = false");
    bench.done(&RUN);
    bench.done(&["recover"]);
    assert_eq!(told(&bench), "stop ");
}

#[tokio::test]
async fn a_service_that_does_not_stop_undoes_the_reset() {
    let bench = Bench::new();
    let sample = Sample::sqlite(&bench, &SQLITE).await;
    let before = sample.dump().await;
    for (stop, says) in [
        ("echo it is stuck; exit 3", "exit status: 3): it is stuck"),
        ("sleep 60", "did not end within 1 s"),
    ] {
        manifest(&bench, &sample, stop, "timeout = 1");
        let ran = bench.run(&RUN);
        assert_eq!(ran.exit, 1, "{ran:?}");
        assert!(ran.error().contains(says), "{says}: {ran:?}");
        assert_same(&sample.dump().await, &before);
        assert_eq!(told(&bench), "stop start ");
    }
}

#[tokio::test]
async fn it_is_started_when_the_reset_fails() {
    let bench = Bench::new();
    let sample = Sample::sqlite(&bench, &SQLITE).await;
    manifest(&bench, &sample, "true", "");
    bench.done(&RUN);
    let Sample::Sqlite(options) = &sample else {
        return;
    };
    let mut writer = Sample::sqlite_connection(options).await;
    sqlx::raw_sql("BEGIN IMMEDIATE")
        .execute(&mut writer)
        .await
        .unwrap();
    let ran = bench.run(&RUN);
    assert_eq!(ran.exit, 4, "{ran:?}");
    assert!(
        ran.error().contains("another connection holds the lock"),
        "{ran:?}"
    );
    assert!(ran.error().contains("stop the service"), "{ran:?}");
    assert!(!ran.error().contains("lock_timeout"), "{ran:?}");
    assert_eq!(told(&bench), "stop start stop start ");
}

#[tokio::test]
async fn a_start_that_fails_is_pending_and_tried_by_the_next_command() {
    let bench = Bench::new();
    let sample = Sample::sqlite(&bench, &SQLITE).await;
    manifest(&bench, &sample, "true", "");
    bench.edit(|manifest| {
        manifest.replace("echo start >> told", "test -e ready && echo start >> told")
    });
    let ran = bench.run(&RUN);
    assert_eq!(ran.exit, 6, "{ran:?}");
    assert!(
        ran.stderr
            .contains("the reset is done, but shop does not run"),
        "{ran:?}"
    );
    bench.write("ready", "");
    // What only reads runs no command, and says which one does.
    for command in [
        &["preview"][..],
        &["options"],
        &["history"],
        &["backups"],
        &["backup", "one"],
        &["run", "--dry-run"],
        &["restore", "one", "--dry-run"],
    ] {
        let ran = bench.done(command);
        assert!(ran.stderr.contains("`factory-reset recover`"), "{ran:?}");
    }
    for command in [&["check"][..], &["recover", "--dry-run"]] {
        bench.done(command);
    }
    assert_eq!(told(&bench), "stop ");
    let ran = bench.done(&["recover"]);
    assert!(ran.stderr.contains("shop runs again"), "{ran:?}");
    assert_eq!(told(&bench), "stop start ");
    let ran = bench.done(&["preview"]);
    assert!(!ran.stderr.contains("`factory-reset recover`"), "{ran:?}");
}

#[tokio::test]
async fn commands_see_nothing_of_the_environment_that_the_manifest_does_not_name() {
    let bench = Bench::new();
    let sample = Sample::sqlite(&bench, &SQLITE).await;
    manifest(
        &bench,
        &sample,
        "env > environment",
        "environment = [\"NAMED\", \"ABSENT\"]",
    );
    let mut command = bench.command(&RUN);
    command
        .env("FACTORY_RESET_TOKEN", "secret-token-of-the-admin")
        .env("DATABASE_URL", "secret")
        .env("LD_LIBRARY_PATH", "/secret")
        .env("NAMED", "value")
        .env("LANG", "C.UTF-8")
        .env("PATH", "/secret:/usr/bin:/bin");
    let ran = Ran::of(&command.output().unwrap());
    assert_eq!(ran.exit, 0, "{ran:?}");
    let environment = bench.read("environment");
    assert!(!environment.contains("secret"), "{environment}");
    for line in [
        "NAMED=value",
        "LANG=C.UTF-8",
        "HOME=/",
        "PATH=/usr/local/sbin:",
    ] {
        assert!(environment.contains(line), "{line}: {environment}");
    }
    assert!(!environment.contains("ABSENT"), "{environment}");
    bench.edit(|text| text.replace("\"NAMED\"", "\"FACTORY_RESET_TOKEN\""));
    let ran = bench.run(&RUN);
    assert_eq!(ran.exit, 2, "{ran:?}");
    assert!(ran.error().contains("`service.environment`"), "{ran:?}");
}

#[tokio::test]
async fn a_command_that_writes_without_end_is_killed() {
    let bench = Bench::new();
    let sample = Sample::sqlite(&bench, &SQLITE).await;
    manifest(&bench, &sample, "yes", "");
    let ran = bench.run(&RUN);
    assert_eq!(ran.exit, 1, "{ran:?}");
    assert!(ran.error().contains("has written more than"), "{ran:?}");
    assert_eq!(told(&bench), "stop start ");
}

#[tokio::test]
async fn an_interrupted_run_leaves_the_service_running() {
    for (signal, exit) in [(Signal::INT, 130), (Signal::KILL, -1)] {
        let bench = Bench::new();
        let sample = Sample::sqlite(&bench, &SQLITE).await;
        let before = sample.dump().await;
        manifest(&bench, &sample, "sleep 4", "");
        let mut command = bench.command(&RUN);
        let child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let begun = Instant::now();
        while told(&bench).is_empty() {
            assert!(begun.elapsed() < Duration::from_secs(60));
            std::thread::yield_now();
        }
        let pid = Pid::from_raw(i32::try_from(child.id()).unwrap()).unwrap();
        kill_process(pid, signal).unwrap();
        let output = child.wait_with_output().unwrap();
        let ran = Ran::of(&output);
        assert_eq!(ran.exit, exit, "{ran:?}");
        assert_eq!(output.status.signal().is_some(), exit < 0);
        if exit < 0 {
            let ran = bench.done(&["recover"]);
            assert!(ran.stderr.contains("shop runs again"), "{ran:?}");
        }
        assert_eq!(told(&bench), "stop start ");
        assert_same(&sample.dump().await, &before);
    }
}
