//! Counters: identity columns, `serial`, and whatever else a default draws from.

use std::collections::{BTreeMap, BTreeSet};

use sqlx::{AssertSqlSafe, PgConnection};

use super::ask::ask;
use super::catalogue::{Catalogue, Sequence, Table, literal, quote};
use super::error::failed;
use super::refusal::refuse;
use super::{DatabaseError, run};

/// Where a sequence stands: its last value, and whether that is given out already.
pub(super) type State = (i64, bool);

/// Where each of `sequences` stands, by its identifier.
pub(super) async fn read<'a>(
    connection: &mut PgConnection,
    sequences: impl IntoIterator<Item = &'a Sequence>,
) -> Result<BTreeMap<String, State>, DatabaseError> {
    let relations: BTreeSet<&str> = sequences
        .into_iter()
        .map(|sequence| sequence.relation.as_str())
        .collect();
    states(connection, relations).await
}

/// Where each of these stands, as identifiers.
pub(super) async fn states(
    connection: &mut PgConnection,
    relations: BTreeSet<&str>,
) -> Result<BTreeMap<String, State>, DatabaseError> {
    if relations.is_empty() {
        return Ok(BTreeMap::new());
    }
    let each = relations.iter().map(|relation| {
        let name = literal(relation);
        format!("SELECT {name}::pg_catalog.text, last_value, is_called FROM {relation}")
    });
    let each = each.collect::<Vec<_>>().join(" UNION ALL ");
    // A view could have taken the place of one since the catalogue was read.
    let names = relations.iter();
    let names = names.map(|relation| format!("({})", literal(relation)));
    let check = refuse(
        "known.name || ' is not the sequence any more that the catalogue had: try again'",
        &format!(
            "FROM (VALUES {}) AS known (name) WHERE NOT EXISTS ( \
                 SELECT FROM pg_catalog.pg_sequence AS s \
                 WHERE s.seqrelid = pg_catalog.to_regclass(known.name)::pg_catalog.oid)",
            names.collect::<Vec<_>>().join(", ")
        ),
    );
    let states: Vec<(String, i64, bool)> = ask(connection, &format!("{check}; {each}"))
        .await
        .map_err(failed("read the sequences"))?;
    let states = states.into_iter();
    Ok(states
        .map(|(relation, last, called)| (relation, (last, called)))
        .collect())
}

/// Sets sequences, undone with the transaction: restarting gives each a file of its own, in
/// which `setval` then changes what nobody else sees yet.
pub(super) async fn set(
    connection: &mut PgConnection,
    states: &[(&str, State)],
) -> Result<(), DatabaseError> {
    let mut sql = String::new();
    for (relation, (last, called)) in states {
        sql.push_str(&format!("ALTER SEQUENCE {relation} RESTART WITH {last};"));
        if *called {
            let name = literal(relation);
            sql.push_str(&format!("SELECT pg_catalog.setval({name}::pg_catalog.regclass, '{last}'::pg_catalog.int8, true);"));
        }
    }
    if sql.is_empty() {
        return Ok(());
    }
    run(connection, &sql)
        .await
        .map_err(failed("set the sequences back"))
}

/// Brings the counters of `tables` to where they stand in a fresh install, or behind the
/// rows that are kept. One that also counts for a table which is not in `cleared` goes on.
pub(super) async fn reset(
    connection: &mut PgConnection,
    catalogue: &Catalogue,
    tables: &[&Table],
    cleared: &BTreeSet<String>,
    kept: &BTreeMap<String, u64>,
    factory: &BTreeMap<String, State>,
) -> Result<(), DatabaseError> {
    let ours = |sequence: &&Sequence| tables.iter().any(|table| table.name == sequence.table);
    let concerned = catalogue.all_sequences().iter().filter(ours);
    let concerned: BTreeSet<&str> = concerned
        .map(|sequence| sequence.relation.as_str())
        .collect();
    let current = read(connection, catalogue.all_sequences().iter().filter(ours)).await?;
    let mut states = Vec::new();
    for relation in concerned {
        let users = catalogue.all_sequences().iter();
        let users: Vec<&Sequence> = users
            .filter(|sequence| sequence.relation == relation)
            .collect();
        if users.iter().any(|user| !cleared.contains(&user.table)) {
            continue;
        }
        let start = users.first().map_or(1, |user| user.start);
        let mut state = factory.get(relation).copied().unwrap_or((start, false));
        for user in users {
            if let (true, Some(table)) =
                (kept.contains_key(&user.table), catalogue.table(&user.table))
            {
                state = behind(connection, table, user, state).await?;
            }
        }
        if current.get(relation) != Some(&state) {
            states.push((relation, state));
        }
    }
    set(connection, &states).await
}

/// `state`, or behind the values that are in use.
async fn behind(
    connection: &mut PgConnection,
    table: &Table,
    user: &Sequence,
    state: State,
) -> Result<State, DatabaseError> {
    let end = if user.increment < 0 { "min" } else { "max" };
    let column = quote(&user.column);
    let last: Option<i64> = sqlx::query_scalar(AssertSqlSafe(format!(
        "SELECT pg_catalog.{end}({column})::pg_catalog.int8 FROM {}",
        table.rows()
    )))
    .fetch_one(connection)
    .await
    .map_err(failed(format!("read table `{}`", table.name)))?;
    let is_behind = |last: &i64| {
        if user.increment < 0 {
            *last <= state.0
        } else {
            *last >= state.0
        }
    };
    Ok(last.filter(is_behind).map_or(state, |last| (last, true)))
}
