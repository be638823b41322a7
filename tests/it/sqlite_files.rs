//! The files of a database that somebody else can write to.

use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::path::{Path, PathBuf};

use factory_reset::{DatabaseError, FactoryRows, Sqlite, chain};
use rustix::fs::{CWD, Mode, mkfifoat};
use sqlx::SqlitePool;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode};

use crate::fixture::Host;

/// A host without a log, which nobody has open.
async fn closed() -> (Host, PathBuf) {
    let host = Host::with(
        &["CREATE TABLE posts (id INTEGER)"],
        SqliteConnectOptions::new(),
    )
    .await;
    host.pool.close().await;
    let file = host.data().join("host.db");
    (host, file)
}

/// Opens a database as the engine does, in both ways.
async fn open(host: &Host, options: &SqliteConnectOptions) -> [Result<(), DatabaseError>; 2] {
    let pool = || SqlitePool::connect_lazy_with(options.clone());
    let rows = FactoryRows::None;
    [
        Sqlite::open_from(&pool(), &rows).await.map(drop),
        Sqlite::open(&pool(), &host.migrator).await.map(drop),
    ]
}

/// A hot journal of `database` that restores nothing but its first page, and names `named` as its
/// super-journal.
fn hot_journal(database: &Path, named: &Path) {
    let content = fs::read(database).unwrap();
    let page = usize::from(u16::from_be_bytes([content[16], content[17]]));
    let pages = u32::try_from(content.len() / page).unwrap();
    let magic = [0xd9, 0xd5, 0x05, 0xf9, 0x20, 0xa1, 0x63, 0xd7];
    let mut journal = magic.to_vec();
    for number in [1, 0, pages, 512, u32::try_from(page).unwrap()] {
        journal.extend(number.to_be_bytes());
    }
    journal.resize(512, 0);
    journal.extend(1_u32.to_be_bytes());
    journal.extend(&content[..page]);
    let places = (1..page).rev().skip(199).step_by(200);
    let sum = places.map(|place| u32::from(content[place])).sum::<u32>();
    journal.extend(sum.to_be_bytes());
    let name = named.as_os_str().as_bytes();
    journal.extend((0x4000_0000 / u32::try_from(page).unwrap() + 1).to_be_bytes());
    journal.extend(name);
    journal.extend(u32::try_from(name.len()).unwrap().to_be_bytes());
    journal.extend(
        name.iter()
            .map(|byte| u32::from(*byte))
            .sum::<u32>()
            .to_be_bytes(),
    );
    journal.extend(magic);
    let mut path = database.as_os_str().to_owned();
    path.push("-journal");
    fs::write(path, journal).unwrap();
}

#[tokio::test]
async fn a_hot_journal_that_names_another_file_is_refused_and_the_file_stays() {
    let (host, file) = closed().await;
    let victim = host.outside("victim");
    fs::write(&victim, "of somebody else").unwrap();
    let link = host.outside("link.db");
    symlink(&file, &link).unwrap();
    for name in [&file, &link] {
        hot_journal(&file, &victim);
        for opened in open(&host, &host.options.clone().filename(name)).await {
            let error = chain(&opened.unwrap_err());
            for part in ["host.db-journal`", "victim`", "remove the journal"] {
                assert!(error.contains(part), "{error}");
            }
        }
        assert!(victim.exists());
    }
}

#[tokio::test]
async fn a_hot_journal_of_a_transaction_over_several_files_is_played_back() {
    let (host, file) = closed().await;
    let own = host.data().join("host.db-mj0123AB9F0");
    let mut journal = file.clone().into_os_string().into_encoded_bytes();
    journal.extend(b"-journal\0");
    fs::write(&own, journal).unwrap();
    hot_journal(&file, &own);
    for opened in open(&host, &host.options).await {
        opened.unwrap();
    }
    assert!(!own.exists(), "SQLite has ended the transaction");
}

#[tokio::test]
async fn what_is_no_regular_file_beside_a_database_is_refused_before_it_is_opened() {
    for suffix in ["-journal", "-wal", "-shm"] {
        let (host, file) = closed().await;
        let beside = PathBuf::from(format!("{}{suffix}", file.display()));
        let victim = host.outside("victim");
        fs::write(&victim, "of somebody else").unwrap();
        symlink(&victim, &beside).unwrap();
        for fifo in [false, true] {
            if fifo {
                fs::remove_file(&beside).unwrap();
                mkfifoat(CWD, &beside, Mode::RUSR | Mode::WUSR).unwrap();
            }
            for opened in open(&host, &host.options).await {
                let error = chain(&opened.unwrap_err());
                assert!(error.contains(&format!("host.db{suffix}`")), "{error}");
            }
        }
        assert_eq!(fs::read_to_string(victim).unwrap(), "of somebody else");
    }
}

#[tokio::test]
async fn a_journal_of_a_user_who_may_not_write_to_the_database_is_refused() {
    const NOBODY: u32 = 65534;
    let (host, file) = closed().await;
    let journal = PathBuf::from(format!("{}-journal", file.display()));
    fs::write(&journal, "").unwrap();
    chown(&journal, Some(NOBODY), None).expect("the tests need root");
    for opened in open(&host, &host.options).await {
        let error = chain(&opened.unwrap_err());
        assert!(error.contains("belongs to user 65534"), "{error}");
    }
    fs::remove_file(journal).unwrap();
    Sqlite::check_owner(&file).unwrap();
    chown(&file, Some(NOBODY), None).unwrap();
    Sqlite::check_file(&file).unwrap();
    let error = chain(&Sqlite::check_owner(&file).unwrap_err());
    assert!(error.contains("run it as the owner"), "{error}");
}

#[tokio::test]
async fn a_database_that_the_engine_creates_is_for_its_owner_only() {
    let (host, _) = closed().await;
    let file = host.outside("new.db");
    let options = host.options.clone().filename(&file);
    let options = options.journal_mode(SqliteJournalMode::Wal);
    let pool = SqlitePool::connect_lazy_with(options);
    let database = Sqlite::open(&pool, &host.migrator).await.unwrap();
    let names = ["new.db", "new.db-wal", "new.db-shm"];
    for name in names {
        let status = host.outside(name).metadata().unwrap();
        assert_eq!(status.permissions().mode() & 0o777, 0o600, "{name}");
    }
    database.close().await;
}

#[tokio::test]
async fn a_link_to_nothing_is_refused_and_makes_nothing() {
    let (host, _) = closed().await;
    let (link, target) = (host.outside("link.db"), host.outside("target"));
    symlink(&target, &link).unwrap();
    for opened in open(&host, &host.options.clone().filename(&link)).await {
        opened.unwrap_err();
    }
    assert!(!target.exists());
}
