//! PostgreSQL: rows that stay, and references that would break.

use factory_reset::{Database, KeptRows, Reference};
use uuid::Uuid;

use crate::fixture::CLEARING;
use crate::postgres_fixture::{PostgresHost, dump};
use crate::postgres_rich::used;

fn names(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

#[tokio::test]
async fn kept_rows_stay_with_all_that_they_refer_to() {
    for rows in [3, 400, 2000] {
        let host = used(rows).await;
        let before = dump(&host.pool).await;
        let postgres = host.postgres().await;
        let tables: Vec<String> = postgres.migrated_tables().iter().cloned().collect();
        // The condition may end in a comment, and say the table's name.
        let wanted = [KeptRows::new("two", "a test's")
            .rows("notes", "notes.list = 3 -- of the second account")
            .rows("categories", "name = 'canaryzq 2'")
            .rows("elsewhere", "true")];
        let mut snapshot = postgres.read().await.unwrap();
        let planned = snapshot.keep(&wanted, &tables).await.unwrap();
        snapshot.rollback().await.unwrap();
        let mut transaction = postgres.write(&CLEARING).await.unwrap();
        let kept = transaction.keep(&wanted, &tables).await.unwrap();
        assert_eq!(planned, kept);
        // A note, its entry, the list, its owner, his favourite; and a category with all above.
        let expected = [
            ("accounts", 1),
            ("categories", 0),
            ("entries", 1),
            ("lists", 1),
            ("notes", 1),
        ];
        let kept: Vec<_> = kept.iter().map(|(table, rows)| (&**table, *rows)).collect();
        // How many categories are above depends on the cycle among them.
        assert_eq!(kept[0], expected[0]);
        assert_eq!(kept[2..], expected[2..]);
        let going = transaction.count("accounts").await.unwrap();
        assert_eq!(going, u64::from(rows));
        let cleared = transaction.clear(&tables).await.unwrap();
        let place = tables.iter().position(|table| table == "accounts").unwrap();
        assert_eq!(cleared[place], going);
        transaction.check().await.unwrap();
        transaction.commit(Uuid::now_v7()).await.unwrap();
        let now = dump(&host.pool).await;
        assert_eq!(now["constraints"], before["constraints"]);
        assert_eq!(now["triggers"], before["triggers"]);
        assert_eq!(now["rules"], before["rules"]);
        for table in ["public.accounts", "public.notes"] {
            let stayed = now[table].iter().filter(|row| before[table].contains(row));
            assert!(stayed.count() >= 1, "{table}");
        }
        assert_eq!(host.number("SELECT count(*) FROM notes").await, 1);
        // The factory's account and the kept one; the next has a number of its own.
        assert_eq!(host.number("SELECT count(*) FROM accounts").await, 2);
        host.run("INSERT INTO accounts (email) VALUES ('next')")
            .await;
        host.run("INSERT INTO lists (owner, title) VALUES (1, 'next')")
            .await;
    }
}

#[tokio::test]
async fn references_that_would_break_are_counted_for_each_pair_of_tables() {
    let host = PostgresHost::new().await;
    host.run(
        "CREATE TABLE pairs (one bigint REFERENCES posts (id), two bigint REFERENCES posts (id)); \
         INSERT INTO pairs VALUES (1, 1), (2, 3), (2, NULL), (NULL, 3), (1, 3), (NULL, NULL); \
         CREATE SCHEMA other; CREATE TABLE other.few (post bigint REFERENCES posts (id)); \
         INSERT INTO other.few VALUES (1), (2);",
    )
    .await;
    let postgres = host.postgres().await;
    for is_kept in [false, true] {
        let mut transaction = postgres.read().await.unwrap();
        let tables = names(&["posts", "drafts"]);
        if is_kept {
            let kept = [KeptRows::new("third", "a test's").rows("posts", "id = 3")];
            transaction.keep(&kept, &tables).await.unwrap();
        }
        let found = transaction.references(&tables).await.unwrap();
        // The first post comes back.
        let expected = [
            Reference::new("other.few", "posts", 1),
            Reference::new("pairs", "posts", if is_kept { 2 } else { 4 }),
        ];
        assert_eq!(found, expected);
        let all = names(&["posts", "pairs", "other.few"]);
        assert!(transaction.references(&all).await.unwrap().is_empty());
        transaction.rollback().await.unwrap();
    }
}

#[tokio::test]
async fn a_fingerprint_changes_with_every_write_and_with_nothing_else() {
    let host = PostgresHost::new().await;
    let postgres = host.postgres().await;
    let tables = names(&["posts"]);
    let mut seen = Vec::new();
    for write in [
        "UPDATE posts SET text = text",
        "DELETE FROM posts WHERE id = 3; INSERT INTO posts OVERRIDING SYSTEM VALUE VALUES (3, 'x')",
        "INSERT INTO posts (text) VALUES ('more')",
        "VACUUM posts",
    ] {
        let mut one = postgres.read().await.unwrap();
        let mut two = postgres.write(&CLEARING).await.unwrap();
        let fingerprint = one.fingerprint(&tables).await.unwrap();
        one.rollback().await.unwrap();
        assert_eq!(two.fingerprint(&tables).await.unwrap(), fingerprint);
        two.rollback().await.unwrap();
        assert!(!seen.contains(&fingerprint), "{seen:?}");
        seen.push(fingerprint);
        for write in write.split("; ") {
            host.run(write).await;
        }
    }
}
