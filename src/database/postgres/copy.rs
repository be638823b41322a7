//! Saving and loading a table by COPY.

use std::collections::BTreeMap;

use futures::TryStreamExt;
use serde::{Deserialize, Serialize};
use sqlx::PgConnection;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use super::catalogue::{Catalogue, Table};
use super::error::failed;
use super::factory::Factory;
use super::sequences::{self, State};
use super::{DatabaseError, Tally};

/// A line of JSON, then the rows in the text format of COPY.
pub(super) const FORMAT: &str = "postgres-1";

/// More than any header has: two numbers for each counter of a table.
const LONGEST_HEADER: usize = 64 * 1024;

/// How much is in memory at a time.
const CHUNK: usize = 64 * 1024;

/// The first line.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    format: String,
    /// Where the counters of each column stand.
    counters: BTreeMap<String, State>,
}

/// What is not as `save` writes it.
#[derive(Debug, thiserror::Error)]
enum Malformed {
    #[error("its first line is longer than {LONGEST_HEADER} bytes")]
    Long,
    #[error("it ends within its first line")]
    Short,
    #[error("its first line is not a header")]
    Header(#[source] serde_json::Error),
    #[error("it has the format `{0}`, not `{FORMAT}`")]
    Format(String),
    #[error("it sets column `{0}`, which has no counter")]
    Counter(String),
    #[error("it ends within a row, or before its end")]
    End,
}

/// Writes the header and the rows.
pub(super) async fn save(
    connection: &mut PgConnection,
    catalogue: &Catalogue,
    table: &Table,
    output: &mut (dyn AsyncWrite + Send + Unpin),
    tally: Option<&Tally>,
) -> Result<u64, DatabaseError> {
    let states = sequences::read(connection, catalogue.sequences(&table.name)).await?;
    let counters = catalogue.sequences(&table.name);
    let counters = counters.filter_map(|sequence| {
        let state = states.get(&sequence.relation)?;
        Some((sequence.column.clone(), *state))
    });
    let header = Header {
        format: FORMAT.to_owned(),
        counters: counters.collect(),
    };
    let action = || format!("save table `{}`", table.name);
    let mut line =
        serde_json::to_vec(&header).map_err(|error| DatabaseError::new(action(), error))?;
    line.push(b'\n');
    output
        .write_all(&line)
        .await
        .map_err(|error| DatabaseError::new(action(), error))?;
    rows_to(connection, table, &table.rows(), output, tally).await
}

/// Writes the rows of `table`, which SQL calls `rows`, in the order in which they stand; returns
/// how many.
pub(super) async fn rows_to(
    connection: &mut PgConnection,
    table: &Table,
    rows: &str,
    output: &mut (dyn AsyncWrite + Send + Unpin),
    tally: Option<&Tally>,
) -> Result<u64, DatabaseError> {
    let action = || format!("save table `{}`", table.name);
    let select = format!(
        "COPY (SELECT {} FROM {rows}) TO STDOUT",
        table.column_list()
    );
    let mut stream = connection
        .copy_out_raw(&select)
        .await
        .map_err(failed(action()))?;
    let mut rows = 0;
    while let Some(chunk) = stream.try_next().await.map_err(failed(action()))? {
        // Within a value it would be written as `\n`.
        let more = lines(&chunk);
        rows += more;
        if let Some(tally) = tally {
            tally(more);
        }
        output
            .write_all(&chunk)
            .await
            .map_err(|error| DatabaseError::new(action(), error))?;
    }
    Ok(rows)
}

/// Reads the header and the rows. What is not as [`save`] writes it is an error.
pub(super) async fn load(
    connection: &mut PgConnection,
    catalogue: &Catalogue,
    table: &Table,
    input: &mut (dyn AsyncRead + Send + Unpin),
    tally: Option<&Tally>,
) -> Result<u64, DatabaseError> {
    let action = || format!("load table `{}`", table.name);
    let malformed = |error| DatabaseError::new(action(), error);
    let mut chunk = vec![0; CHUNK];
    let mut start = Vec::new();
    let end = loop {
        let length = read(input, &mut chunk, table).await?;
        let seen = start.len();
        start.extend_from_slice(&chunk[..length]);
        match start[seen..].iter().position(|byte| *byte == b'\n') {
            Some(end) => break seen + end,
            None if length == 0 => return Err(malformed(Malformed::Short)),
            None if start.len() > LONGEST_HEADER => return Err(malformed(Malformed::Long)),
            None => {}
        }
    };
    let header: Header = serde_json::from_slice(&start[..end])
        .map_err(|error| malformed(Malformed::Header(error)))?;
    if header.format != FORMAT {
        return Err(malformed(Malformed::Format(header.format)));
    }
    let copy = copy_into(&table.relation, &table.column_list());
    let mut target = connection
        .copy_in_raw(&copy)
        .await
        .map_err(failed(action()))?;
    let mut body = &start[end + 1..];
    let (mut lines_sent, mut last) = (0, b'\n');
    loop {
        if !body.is_empty() {
            let more = lines(body);
            lines_sent += more;
            if let Some(tally) = tally {
                tally(more);
            }
            last = body.last().copied().unwrap_or(last);
            target.send(body).await.map_err(failed(action()))?;
        }
        let length = read(input, &mut chunk, table).await?;
        if length == 0 {
            break;
        }
        body = &chunk[..length];
    }
    let rows = target.finish().await.map_err(failed(action()))?;
    // The server stops at a line `\.`, and takes a last line without its end.
    if rows != lines_sent || last != b'\n' {
        return Err(malformed(Malformed::End));
    }
    set_counters(connection, catalogue, table, header).await?;
    Ok(rows)
}

/// The statement that takes rows into `target`. There is no empty list of columns in SQL: a table
/// without any that could be written is named alone.
fn copy_into(target: &str, columns: &str) -> String {
    if columns.is_empty() {
        format!("COPY {target} FROM STDIN")
    } else {
        format!("COPY {target} ({columns}) FROM STDIN")
    }
}

async fn set_counters(
    connection: &mut PgConnection,
    catalogue: &Catalogue,
    table: &Table,
    header: Header,
) -> Result<(), DatabaseError> {
    let mut states = Vec::with_capacity(header.counters.len());
    for (column, state) in header.counters {
        let mut sequences = catalogue.sequences(&table.name);
        let Some(sequence) = sequences.find(|sequence| sequence.column == column) else {
            let action = format!("load table `{}`", table.name);
            return Err(DatabaseError::new(action, Malformed::Counter(column)));
        };
        states.push((&*sequence.relation, state));
    }
    sequences::set(connection, &states).await
}

async fn read(
    input: &mut (dyn AsyncRead + Send + Unpin),
    chunk: &mut [u8],
    table: &Table,
) -> Result<usize, DatabaseError> {
    input
        .read(chunk)
        .await
        .map_err(|error| DatabaseError::new(format!("load table `{}`", table.name), error))
}

fn lines(text: &[u8]) -> u64 {
    text.iter().map(|byte| u64::from(*byte == b'\n')).sum()
}

/// Puts the factory rows of `table` into `target`, as the SQL identifier of that.
pub(super) async fn seed(
    connection: &mut PgConnection,
    factory: &Factory,
    table: &Table,
    target: &str,
) -> Result<(), DatabaseError> {
    let Some(seed) = factory.seed(&table.name) else {
        return Ok(());
    };
    let action = || format!("put the factory rows back into table `{}`", table.name);
    let copy = copy_into(target, &seed.columns);
    let mut sink = connection
        .copy_in_raw(&copy)
        .await
        .map_err(failed(action()))?;
    for chunk in seed.rows.chunks(CHUNK) {
        sink.send(chunk).await.map_err(failed(action()))?;
    }
    sink.finish().await.map_err(failed(action()))?;
    Ok(())
}
