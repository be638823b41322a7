//! PostgreSQL: what is saved can be loaded again, and what is not is an error.

use std::io::Cursor;

use factory_reset::{Database, chain};
use tokio::fs::File;
use uuid::Uuid;

use crate::fixture::CLEARING;
use crate::postgres_fixture::{PostgresHost, dump};
use crate::postgres_rich::used;

#[tokio::test]
async fn saved_tables_are_loaded_row_for_row_with_their_counters() {
    for rows in [3, 400, 2000] {
        let host = used(rows).await;
        let before = dump(&host.pool).await;
        let postgres = host.postgres().await;
        let mut transaction = postgres.read().await.unwrap();
        let tables: Vec<String> = postgres.migrated_tables().iter().cloned().collect();
        let mut saved = Vec::new();
        for table in &tables {
            let mut bytes = Vec::new();
            let rows = transaction.save(table, &mut bytes).await.unwrap();
            assert_eq!(rows, transaction.count(table).await.unwrap(), "{table}");
            saved.push((table, transaction.definition(table).await.unwrap(), bytes));
        }
        transaction.rollback().await.unwrap();
        host.reset_tables().await;
        let mut transaction = postgres.write(&CLEARING).await.unwrap();
        transaction.empty(&tables).await.unwrap();
        // The order of their names has children before their parents.
        for (table, definition, bytes) in &saved {
            assert_eq!(transaction.count(table).await.unwrap(), 0);
            assert_eq!(transaction.definition(table).await.unwrap(), *definition);
            let mut input = Cursor::new(bytes);
            transaction.load(table, &mut input).await.unwrap();
        }
        transaction.check().await.unwrap();
        transaction.commit(Uuid::now_v7()).await.unwrap();
        let now = dump(&host.pool).await;
        for (name, rows) in &before {
            assert_eq!(Some(rows), now.get(name), "{name}");
        }
    }
}

#[tokio::test]
async fn a_table_without_columns_that_can_be_written_is_saved_and_loaded() {
    let host = PostgresHost::with(&["
        CREATE TABLE bare (); INSERT INTO bare DEFAULT VALUES;
        CREATE TABLE derived (one integer GENERATED ALWAYS AS (1) STORED);
        INSERT INTO derived DEFAULT VALUES;
    "])
    .await;
    let fill = "INSERT INTO bare DEFAULT VALUES; INSERT INTO derived DEFAULT VALUES";
    host.run(fill).await;
    let postgres = host.postgres().await;
    for table in ["bare", "derived"] {
        let count = format!("SELECT count(*) FROM {table}");
        let mut bytes = Vec::new();
        let mut transaction = postgres.read().await.unwrap();
        assert_eq!(transaction.save(table, &mut bytes).await.unwrap(), 2);
        transaction.rollback().await.unwrap();
        host.reset_tables().await;
        assert_eq!(host.number(&count).await, 1);
        let mut transaction = postgres.write(&CLEARING).await.unwrap();
        transaction.empty(&[table.to_owned()]).await.unwrap();
        let loaded = transaction.load(table, &mut Cursor::new(&bytes)).await;
        assert_eq!(loaded.unwrap(), 2);
        transaction.check().await.unwrap();
        transaction.commit(Uuid::now_v7()).await.unwrap();
        assert_eq!(host.number(&count).await, 2);
        host.run(fill).await;
        host.reset_tables().await;
        host.run(fill).await;
    }
}

#[tokio::test]
async fn what_save_does_not_write_is_refused() {
    let host = PostgresHost::new().await;
    let postgres = host.postgres().await;
    let mut good = Vec::new();
    let mut transaction = postgres.read().await.unwrap();
    transaction.save("posts", &mut good).await.unwrap();
    transaction.rollback().await.unwrap();
    let good = String::from_utf8(good).unwrap();
    let (header, rows) = good.split_once('\n').unwrap();
    assert_eq!(rows.lines().count(), 3);
    for bad in [
        String::new(),
        header.to_owned(),
        "x".repeat(1 << 20),
        format!("{}\n{rows}", "x".repeat(100)),
        format!("{}\n{rows}", header.replace("postgres-1", "sqlite-1")),
        format!("{}\n{rows}", header.replace("\"id\"", "\"text\"")),
        good.trim_end().to_owned(),
        good[..good.len() - 3].to_owned(),
        format!("{good}\\.\n"),
        format!("{good}\\.\nmore\n"),
        format!("{good}9\n"),
        format!("{good}9\tnine\tten\n"),
        format!("{good}nine\tnine\n"),
        format!("{good}1\tagain\n"),
        format!("{good}\\N\tnone\n"),
    ] {
        let mut transaction = postgres.write(&CLEARING).await.unwrap();
        transaction.empty(&["posts".to_owned()]).await.unwrap();
        let mut input = Cursor::new(bad.as_bytes());
        let error = transaction.load("posts", &mut input).await.unwrap_err();
        let text = chain(&error);
        assert!(text.starts_with("could not load table `posts`"), "{text}");
        // Nor can what came so far be committed.
        transaction.commit(Uuid::now_v7()).await.unwrap_err();
        assert_eq!(host.number("SELECT count(*) FROM posts").await, 3, "{bad}");
    }
}

#[tokio::test]
async fn a_large_table_is_saved_and_loaded() {
    let host = PostgresHost::new().await;
    host.run("INSERT INTO posts (text) SELECT 'post ' || i FROM generate_series(1, 200000) AS i")
        .await;
    let sum = "SELECT (sum(hashtextextended(whole::text, 0)) % 1000000007)::bigint \
               FROM posts AS whole";
    let before = host.number(sum).await;
    let postgres = host.postgres().await;
    let path = host.outside("saved");
    let mut file = File::create(&path).await.unwrap();
    let mut transaction = postgres.write(&CLEARING).await.unwrap();
    let saved = transaction.save("posts", &mut file).await.unwrap();
    assert_eq!(saved, 200_003);
    tokio::io::AsyncWriteExt::flush(&mut file).await.unwrap();
    transaction.empty(&["posts".to_owned()]).await.unwrap();
    let mut file = File::open(&path).await.unwrap();
    assert_eq!(transaction.load("posts", &mut file).await.unwrap(), saved);
    transaction.check().await.unwrap();
    transaction.commit(Uuid::now_v7()).await.unwrap();
    assert_eq!(host.number(sum).await, before);
}
