//! Whether a factory image can take the place of the database.

use sqlx::{AssertSqlSafe, SqliteConnection};

use super::catalogue::Storage;
use super::online_backup::reserved_bytes;
use super::{DatabaseError, Table, quote};

/// How many rows that stay are copied into an image, one by one, while others wait.
const MOST_ROWS: u64 = 10_000;

/// How many bytes of rows that stay are copied: an image goes through the log, and on a full disk
/// there is no more room for that than the reserve.
const MOST_BYTES: u64 = 1024 * 1024;

/// How many bytes of pages they may come to, with what their indexes hold of them.
pub(super) const MOST_BYTES_OF_PAGES: u64 = 3 * MOST_BYTES;

/// What keeps an image from taking the place of the database when the tables `staying` keep
/// their rows; nothing where it can.
pub(super) async fn obstacle(
    connection: &mut SqliteConnection,
    staying: &[&Table],
) -> Result<Option<String>, DatabaseError> {
    let failed = || DatabaseError::on("see whether a factory image fits");
    let mode: String = sqlx::query_scalar("PRAGMA main.journal_mode")
        .fetch_one(&mut *connection)
        .await
        .map_err(failed())?;
    if !mode.eq_ignore_ascii_case("wal") {
        let because = format!(
            "the journal mode is `{mode}`: in `wal`, a factory image can take the place of the \
             database while others read it"
        );
        return Ok(Some(because));
    }
    let reserved = reserved_bytes(&mut connection.lock_handle().await.map_err(failed())?);
    if reserved != 0 {
        let because = format!("an extension keeps {reserved} bytes of each page for itself");
        return Ok(Some(because));
    }
    let (mut rows, mut bytes) = (0, 0);
    for table in staying {
        for storage in table.storages() {
            let (more_rows, more_bytes) = size(connection, storage).await?;
            rows += more_rows;
            bytes += more_bytes;
            if rows > MOST_ROWS || bytes > MOST_BYTES {
                let because = format!(
                    "table `{}` stays, and with what else stays it is more than the {MOST_ROWS} \
                     rows, or {} MiB, that are copied into a factory image",
                    table.name,
                    MOST_BYTES >> 20
                );
                return Ok(Some(because));
            }
        }
    }
    Ok(None)
}

/// How many rows there are, and about how many bytes in them; no more of both than matters.
async fn size(
    connection: &mut SqliteConnection,
    storage: &Storage,
) -> Result<(u64, u64), DatabaseError> {
    let lengths = storage.columns.iter();
    let lengths = lengths.map(|column| format!("ifnull(length({}), 0)", quote(column)));
    let length = lengths.collect::<Vec<_>>().join(" + ");
    let (rows, bytes): (i64, i64) = sqlx::query_as(AssertSqlSafe(format!(
        "SELECT count(*), ifnull(sum({}), 0) FROM (SELECT * FROM main.{} LIMIT {})",
        if length.is_empty() { "0" } else { &length },
        quote(&storage.name),
        MOST_ROWS + 1
    )))
    .fetch_one(connection)
    .await
    .map_err(DatabaseError::on(format!(
        "see how much stays in table `{}`",
        storage.name
    )))?;
    Ok((rows.unsigned_abs(), bytes.unsigned_abs()))
}
