//! Root works on the data of another user with the rights of that user.

use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::bench::{Bench, Ran};
use crate::owned::{NOBODY, UNKNOWN, children, field, give, not_of, set_mode};
use crate::sample::{SQLITE, Sample, assert_same};

const RUN: [&str; 3] = ["run", "--confirm", "RESET SHOP"];

const UPLOADS: &str = "[paths]\nclear = [\"uploads\"]\n";

/// Commands that note who runs them; `stop` is what stopping does beside.
fn service(stop: &str) -> String {
    format!(
        "[service]\nstop = [\"sh\", \"-c\", \"echo stop $(id -u) >> told; {stop}\"]\n\
         start = [\"sh\", \"-c\", \"echo start $(id -u) >> told\"]\n"
    )
}

/// Data of `uid` with a file in `uploads`.
fn uploads(uid: u32, more: &str) -> Bench {
    let bench = Bench::of(uid);
    bench.write("data/uploads/one.jpg", "one");
    bench.write("told", "");
    give(&bench.data(), uid);
    bench.manifest(&format!("{UPLOADS}{more}"));
    bench
}

/// A shop of `uid` with a database.
async fn shop(uid: u32) -> (Bench, Sample) {
    let bench = Bench::of(uid);
    let sample = Sample::sqlite(&bench, &SQLITE).await;
    give(&bench.data(), uid);
    let url = sample.url();
    bench.manifest(&format!(
        "[database]\nurl = \"{url}\"\n[factory]\nnone = true\n[tables]\nclear = \"all\"\n"
    ));
    (bench, sample)
}

fn told(bench: &Bench) -> String {
    bench.read("told").replace('\n', " ")
}

/// Waits until `holds`.
fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < Duration::from_secs(60), "{what}");
        std::thread::yield_now();
    }
}

fn send(process: u32, signal: Signal) {
    let process = Pid::from_raw(i32::try_from(process).unwrap()).unwrap();
    let _ = kill_process(process, signal);
}

fn spawn(bench: &Bench, arguments: &[&str]) -> Child {
    let mut command = bench.command(arguments);
    let command = command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command.spawn().unwrap()
}

#[tokio::test]
async fn the_child_has_the_rights_of_the_owner_and_serves() {
    for (uid, gid) in [(NOBODY, "65534"), (UNKNOWN, "54321")] {
        let bench = uploads(uid, &service("true"));
        let mut server = spawn(&bench, &["serve"]);
        let mut line = String::new();
        let mut stdout = BufReader::new(server.stdout.take().unwrap());
        stdout.read_line(&mut line).unwrap();
        let (address, token) = line.trim().split_once("#token=").unwrap();
        let processes = children(server.id());
        let [child] = processes[..] else {
            panic!("{processes:?}")
        };
        let four = |number: &str| [number; 4].join(" ");
        assert_eq!(field(child, "Uid").unwrap(), four(&uid.to_string()));
        assert_eq!(field(child, "Gid").unwrap(), four(gid));
        assert_eq!(field(child, "Groups").unwrap(), gid);
        assert_eq!(field(child, "NoNewPrivs").unwrap(), "1");
        assert_eq!(field(child, "Umask").unwrap(), "0077");
        for set in ["CapInh", "CapPrm", "CapEff", "CapAmb"] {
            assert_eq!(field(child, set).unwrap(), "0000000000000000", "{set}");
        }
        // Otherwise the owner could trace it, and read the token in its memory.
        let environment = bench.as_user(uid, &format!("cat /proc/{child}/environ"));
        assert!(!environment.status.success());
        let client = reqwest::Client::new();
        let request = client.post(format!("{address}api/reset/run"));
        let request = request
            .bearer_auth(token)
            .json(&serde_json::json!({ "confirm": true, "confirmation": "RESET SHOP" }));
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status(), 200, "{}", answer.text().await.unwrap());
        assert!(!bench.has("data/uploads"));
        until("it starts", || told(&bench) == "stop 0 start 0 ");
        send(server.id(), Signal::TERM);
        assert_eq!(server.wait().unwrap().code(), Some(0));
        assert!(not_of(&bench.data(), uid).is_empty());
    }
}

#[test]
fn commands_run_as_root_and_files_belong_to_the_owner() {
    for uid in [NOBODY, UNKNOWN] {
        let bench = uploads(uid, &service("true"));
        set_mode(&bench.data().join("uploads"), 0o2770);
        set_mode(&bench.data().join("uploads/one.jpg"), 0o640);
        bench.done(&["backup", "one"]);
        bench.done(&RUN);
        assert_eq!(told(&bench), "stop 0 start 0 ");
        assert!(!bench.has("data/uploads"));
        bench.done(&["restore", "one", "--confirm", "RESET SHOP"]);
        assert_eq!(told(&bench), "stop 0 start 0 stop 0 start 0 ");
        assert_eq!(not_of(&bench.data(), uid), [] as [&Path; 0]);
        let restored = fs::metadata(bench.data().join("uploads/one.jpg")).unwrap();
        assert_eq!(restored.permissions().mode() & 0o7777, 0o640);
        let directory = fs::metadata(bench.data().join("uploads")).unwrap();
        assert_eq!(directory.permissions().mode() & 0o777, 0o770);
    }
}

#[test]
fn output_and_exit_codes_come_through_the_child() {
    let bench = uploads(NOBODY, "");
    let preview = bench.json(&["preview"]);
    assert_eq!(preview["steps"][0]["id"], "paths", "{preview}");
    let ran = bench.run(&["--json", "run", "--confirm", "RESET SHIP"]);
    assert_eq!(ran.exit, 3, "{ran:?}");
    let answer: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(answer["success"], false, "{answer}");
    assert_eq!(bench.run(&["restore", "absent"]).exit, 2);
    let shown = bench.done(&["preview"]).stdout;
    assert!(shown.contains(bench.data().to_str().unwrap()), "{shown}");
}

#[test]
fn a_link_in_place_of_the_record_makes_no_file_and_empties_none() {
    let bench = uploads(NOBODY, &service("true"));
    let victim = bench.victim();
    let new = bench.path().join("root/new");
    let own = bench.data().join(".factory-reset");
    for target in [&new, &victim] {
        bench.done(&["preview"]);
        let link = own.join("service-stopped");
        symlink(target, &link).unwrap();
        bench.done(&RUN);
        fs::remove_file(link).unwrap();
    }
    assert!(!new.exists());
    assert_eq!(fs::read_to_string(victim).unwrap(), "of root");
}

#[test]
fn a_record_that_the_owner_has_forged_starts_nothing() {
    let bench = uploads(NOBODY, &service("true"));
    bench.done(&["preview"]);
    let run = "0190163d-8694-739b-aea5-966c26f8ad91";
    bench.as_user(
        NOBODY,
        &format!("echo {run} > .factory-reset/service-stopped"),
    );
    bench.done(&["recover"]);
    assert_eq!(told(&bench), "");
}

/// A journal that SQLite rolls back, with `victim` as the super-journal that it deletes then.
fn hot_journal(database: &Path, victim: &Path) {
    let page = fs::read(database).unwrap();
    let size = usize::from(u16::from_be_bytes([page[16], page[17]]));
    let pages = u32::try_from(page.len() / size).unwrap();
    let magic = [0xd9, 0xd5, 0x05, 0xf9, 0x20, 0xa1, 0x63, 0xd7];
    let size_of_page = u32::try_from(size).unwrap();
    let mut journal = magic.to_vec();
    for number in [1, 0, pages, 512, size_of_page] {
        journal.extend(u32::to_be_bytes(number));
    }
    journal.resize(512, 0);
    let first = &page[..size];
    let bytes = (1..).map(|step| size.checked_sub(200 * step));
    let bytes = bytes.map_while(|place| place.filter(|place| *place > 0));
    let sum: u32 = bytes.map(|place| u32::from(first[place])).sum();
    journal.extend(1_u32.to_be_bytes());
    journal.extend(first);
    journal.extend(sum.to_be_bytes());
    let name = victim.to_str().unwrap().as_bytes();
    let sum: u32 = name.iter().map(|byte| u32::from(*byte)).sum();
    journal.extend((0x4000_0000 / size_of_page + 1).to_be_bytes());
    journal.extend(name);
    journal.extend(u32::try_from(name.len()).unwrap().to_be_bytes());
    journal.extend(sum.to_be_bytes());
    journal.extend(magic);
    let mut path = database.as_os_str().to_owned();
    path.push("-journal");
    fs::write(path, journal).unwrap();
}

#[tokio::test]
async fn a_hot_journal_deletes_nothing_that_its_owner_could_not() {
    for command in ["preview", "check", "init", "run"] {
        let bench = Bench::of(NOBODY);
        let sample = Sample::sqlite(&bench, &["CREATE TABLE t (a); INSERT INTO t VALUES (1)"]);
        let url = sample.await.url();
        bench.manifest(&format!(
            "[database]\nurl = \"{url}\"\n[factory]\nnone = true\n[tables]\nclear = \"all\"\n"
        ));
        let victim = bench.victim();
        hot_journal(&bench.data().join("shop.db"), &victim);
        give(&bench.data(), NOBODY);
        let init = [
            "init",
            "--database",
            &url,
            "--data-dir",
            "data",
            "--output",
            "new.toml",
        ];
        match command {
            "init" => bench.run(&init),
            "run" => bench.run(&RUN),
            _ => bench.run(&[command]),
        };
        assert!(victim.exists(), "{command}");
        // The journal is refused even where root opens the database itself.
        if command == "preview" {
            let told = bench.run(&["--as-root", "preview"]);
            assert!(told.stderr.contains("-journal"), "{told:?}");
            assert!(victim.exists(), "deleted as root");
        }
    }
}

#[tokio::test]
async fn a_link_to_the_database_of_another_service_is_refused_by_name() {
    let (bench, sample) = shop(NOBODY).await;
    for owner in [0, UNKNOWN] {
        let other = bench.path().join(format!("other-{owner}/other.db"));
        fs::create_dir(other.parent().unwrap()).unwrap();
        fs::rename(bench.data().join("shop.db"), &other).unwrap();
        give(&other, owner);
        set_mode(&other, 0o666);
        bench.as_user(NOBODY, &format!("ln -s {} shop.db", other.display()));
        let other_sample =
            Sample::Sqlite(sqlx::sqlite::SqliteConnectOptions::new().filename(&other));
        let before = other_sample.dump().await;
        for command in [
            &["preview"][..],
            &["check"],
            &["options"],
            &RUN,
            &["recover"],
        ] {
            let ran = bench.run(command);
            assert_eq!(ran.exit, 3, "{command:?}: {ran:?}");
            let error = ran.error();
            assert!(error.contains(other.to_str().unwrap()), "{ran:?}");
            assert!(error.contains("let one user own both"), "{ran:?}");
        }
        assert_same(&other_sample.dump().await, &before);
        fs::remove_file(bench.data().join("shop.db")).unwrap();
        fs::rename(&other, bench.data().join("shop.db")).unwrap();
        give(&bench.data(), NOBODY);
    }
    // The link of an ordinary service leads to a file of the same user.
    bench.as_user(NOBODY, "mkdir db; mv shop.db db/; ln -s db/shop.db shop.db");
    let shown = bench.done(&["preview"]).stdout;
    let file = bench.data().join("db/shop.db");
    let line = format!(
        "{} (link from {})",
        file.display(),
        bench.data().join("shop.db").display()
    );
    assert!(shown.contains(&line), "{shown}");
    assert!(bench.done(&["check"]).stdout.contains(&line));
    drop(sample);
}

#[tokio::test]
async fn data_of_root_that_others_can_change_is_refused_with_the_remedy() {
    let bench = Bench::new();
    let sample = Sample::sqlite(&bench, &SQLITE).await;
    let url = sample.url();
    bench.manifest(&format!("[database]\nurl = \"{url}\"\n"));
    bench.done(&["preview"]);
    let data = bench.data();
    for (path, mode, good) in [
        (data.clone(), 0o1777, 0o755),
        (data.clone(), 0o775, 0o755),
        (data.join("shop.db"), 0o666, 0o644),
        (bench.path().to_owned(), 0o777, 0o700),
    ] {
        set_mode(&path, mode);
        let ran = bench.run(&["preview"]);
        assert_eq!(ran.exit, 3, "{path:?}: {ran:?}");
        let fix = format!("chmod go-w {}", path.display());
        assert!(ran.error().contains(&fix), "{ran:?}");
        set_mode(&path, good);
        bench.done(&["preview"]);
    }
    give(&data.join("shop.db"), NOBODY);
    assert_eq!(bench.run(&["preview"]).exit, 3);
    give(&data.join("shop.db"), 0);
    bench.write("data/shop.db-journal", "");
    give(&data.join("shop.db-journal"), NOBODY);
    let ran = bench.run(&["preview"]);
    assert!(
        ran.error().contains("shop.db-journal` beside it"),
        "{ran:?}"
    );
}

#[test]
fn as_root_works_as_root_and_prints_the_risk() {
    let bench = uploads(NOBODY, "");
    let ran = bench.done(&["preview", "--as-root"]);
    assert!(ran.stderr.contains("warning: --as-root"), "{ran:?}");
    let own = fs::metadata(bench.data().join(".factory-reset")).unwrap();
    assert_eq!(own.uid(), 0);
    assert!(!bench.run(&["options"]).stderr.contains("--as-root:"));
}

#[test]
fn another_user_than_root_works_on_no_data_of_a_third() {
    let bench = uploads(UNKNOWN, "");
    set_mode(&bench.path().join("factory-reset.toml"), 0o644);
    set_mode(&bench.data(), 0o777);
    let program = bench.path().join("factory-reset");
    fs::copy(env!("CARGO_BIN_EXE_factory-reset"), &program).unwrap();
    let script = format!(
        "{} --manifest {} preview",
        program.display(),
        bench.path().join("factory-reset.toml").display()
    );
    let ran = Ran::of(&bench.as_user(NOBODY, &script));
    assert_eq!(ran.exit, 3, "{ran:?}");
    assert!(ran.error().contains("run it as user `54321`"), "{ran:?}");
    assert!(!bench.has("data/.factory-reset"));
    let ran = Ran::of(&bench.as_user(UNKNOWN, &script));
    assert_eq!(ran.exit, 0, "{ran:?}");
}

#[test]
fn a_fifo_in_place_of_the_journal_does_not_keep_a_signal_from_ending_it() {
    let recover = ["recover", "--dry-run"];
    for (uid, command) in [
        (NOBODY, &["preview"][..]),
        (NOBODY, &recover),
        (NOBODY, &["serve"]),
        (0, &["preview"]),
        (0, &recover),
    ] {
        let bench = uploads(uid, "");
        bench.as_user(
            uid,
            "mkdir .factory-reset; mkfifo .factory-reset/journal.prepared.json",
        );
        let mut child = spawn(&bench, command);
        until("it ends", || {
            send(child.id(), Signal::TERM);
            child.try_wait().unwrap().is_some()
        });
    }
}

#[test]
fn ctrl_c_through_the_child_undoes_the_run_and_starts_the_service() {
    let bench = uploads(NOBODY, &service("sleep 30"));
    let child = spawn(&bench, &RUN);
    until("it stops", || !told(&bench).is_empty());
    send(child.id(), Signal::INT);
    let ran = Ran::of(&child.wait_with_output().unwrap());
    assert_eq!(ran.exit, 130, "{ran:?}");
    assert_eq!(told(&bench), "stop 0 start 0 ");
    assert!(bench.has("data/uploads/one.jpg"));
}

#[test]
fn a_killed_child_is_recovered_by_its_parent() {
    let bench = uploads(NOBODY, &service("sleep 30"));
    let child = spawn(&bench, &[&["--json"], &RUN[..]].concat());
    until("it stops", || !told(&bench).is_empty());
    let is_worker = |process: &u32| {
        field(*process, "Uid")
            .unwrap_or_default()
            .starts_with("65534")
    };
    let worker = children(child.id()).into_iter().find(is_worker).unwrap();
    send(worker, Signal::KILL);
    let ran = Ran::of(&child.wait_with_output().unwrap());
    assert_eq!(ran.exit, 137, "{ran:?}");
    assert_eq!(ran.stdout, "", "{ran:?}");
    assert!(ran.stderr.contains("shop runs again"), "{ran:?}");
    assert_eq!(told(&bench), "stop 0 start 0 ");
    assert!(bench.has("data/uploads/one.jpg"));
}

#[test]
fn a_killed_parent_ends_its_child_and_the_next_command_starts_the_service() {
    let bench = uploads(NOBODY, &service("sleep 30"));
    let mut parent = spawn(&bench, &RUN);
    until("it stops", || !told(&bench).is_empty());
    let is_worker = |process: &u32| {
        field(*process, "Uid")
            .unwrap_or_default()
            .starts_with("65534")
    };
    let worker = children(parent.id()).into_iter().find(is_worker).unwrap();
    parent.kill().unwrap();
    assert_eq!(parent.wait().unwrap().signal(), Some(9));
    until("the child ends", || {
        field(worker, "State").is_none_or(|state| state.starts_with('Z'))
    });
    let ran = bench.done(&["recover"]);
    assert!(ran.stderr.contains("shop runs again"), "{ran:?}");
    assert_eq!(told(&bench), "stop 0 start 0 ");
    assert!(bench.has("data/uploads/one.jpg"));
}

#[tokio::test]
async fn init_by_root_looks_as_the_owner_and_writes_as_root() {
    let (bench, sample) = shop(UNKNOWN).await;
    let url = sample.url();
    fs::create_dir(bench.path().join("conf")).unwrap();
    set_mode(&bench.path().join("conf"), 0o700);
    let init = [
        "init",
        "--database",
        &url,
        "--data-dir",
        "data",
        "--output",
        "conf/new.toml",
    ];
    bench.done(&init);
    let written = bench.path().join("conf/new.toml");
    let metadata = fs::metadata(&written).unwrap();
    assert_eq!((metadata.uid(), metadata.mode() & 0o777), (0, 0o600));
    assert_eq!(bench.run(&init).exit, 3);
    assert_eq!(not_of(&bench.data(), UNKNOWN), [] as [&Path; 0]);
    bench.done(&["--manifest", "conf/new.toml", "check"]);
    // Where another user can replace it, root could not use it.
    let mut there = init;
    there[6] = "data/new.toml";
    let ran = bench.run(&there);
    assert_eq!(ran.exit, 3, "{ran:?}");
    assert!(ran.error().contains("chown root"), "{ran:?}");
    assert!(!bench.has("data/new.toml"));
}
