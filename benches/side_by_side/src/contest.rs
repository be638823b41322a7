//! Lets contestants run on equal data, in turn, round by round.

use std::time::{Duration, Instant};

use sqlx::{Connection, PgConnection};

use crate::amount::Amount;
use crate::arena::{Arena, Field, Left};
use crate::contestants::Contestant;
use crate::failure::Failure;
use crate::process::{Process, Run};
use crate::ranking::{Ranking, Round, Standing};
use crate::runtime::block_on;
use crate::writer::Writer;

/// Who does what with which data.
pub(crate) struct Contest {
    /// Which kind it is.
    pub(crate) id: &'static str,
    /// What it is about, for people.
    pub(crate) title: &'static str,
    /// How much data there is.
    pub(crate) size: Amount,
    /// What is counted, in the plural.
    pub(crate) unit: &'static str,
    /// The data.
    pub(crate) arena: Box<dyn Arena>,
    /// Who takes part.
    pub(crate) contestants: Vec<Contestant>,
    /// What becomes of the data.
    pub(crate) work: Work,
}

/// What becomes of the data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Work {
    /// They are cleared, and in some more rounds while the service writes.
    ClearWhileWritten,
    /// They are cleared.
    Clear,
    /// Nothing: they are looked at.
    Look,
}

/// How often contestants run.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rounds {
    /// At most.
    pub(crate) most: usize,
    /// No contestant begins another round in a contest that has cost it as long as this.
    pub(crate) patience: Duration,
    /// At most, while the service writes.
    pub(crate) written: usize,
}

impl Contest {
    /// Lets them run.
    pub(crate) fn run(self, rounds: Rounds) -> Result<Ranking, Failure> {
        eprintln!("{}: {} {}", self.title, self.size, self.unit);
        let mut standings: Vec<_> = self.contestants.iter().map(standing).collect();
        let shared = (self.work == Work::Look)
            .then(|| self.arena.prepare())
            .transpose()?;
        if let Some(field) = &shared {
            // Once for nothing: the first one finds cold caches.
            for contestant in &self.contestants {
                look(contestant, field)?;
            }
        }
        for number in 0..rounds.most {
            for turn in 0..standings.len() {
                // Nobody always comes first.
                let index = (turn + number) % standings.len();
                let contestant = &self.contestants[index];
                let spent: f64 = standings[index]
                    .rounds
                    .iter()
                    .map(|round| round.whole_ms)
                    .sum();
                if spent > rounds.patience.as_secs_f64() * 1000.0 {
                    continue;
                }
                let round = match &shared {
                    Some(field) => look(contestant, field)?,
                    None => self.clear(contestant, false)?,
                };
                standings[index].rounds.push(round);
            }
        }
        if self.work == Work::ClearWhileWritten {
            for _ in 0..rounds.written {
                for (contestant, standing) in self.contestants.iter().zip(&mut standings) {
                    let slowest = standing.whole().map_or(0.0, |whole| whole.most);
                    let is_slow = slowest > rounds.patience.as_secs_f64() * 1000.0 / 5.0;
                    if is_slow && standing.wait().is_some() {
                        continue;
                    }
                    standing.rounds.push(self.clear(contestant, true)?);
                }
            }
        }
        if let Some(field) = &shared {
            self.arena.clean(field)?;
        }
        Ok(Ranking {
            id: self.id,
            title: self.title,
            size: self.size,
            unit: self.unit,
            standings,
        })
    }

    fn clear(&self, contestant: &Contestant, is_written: bool) -> Result<Round, Failure> {
        let field = self.arena.prepare()?;
        let process = Process::start((contestant.start)(&field))?;
        touch(&field)?;
        let file = field.file().filter(|_| is_written);
        let writer = file.map(Writer::start).transpose()?;
        let run = process.run()?;
        if let Some(pending) = run.pending.as_ref().filter(|_| !is_written) {
            return Err(format!("{}: not finished: {pending}", contestant.name).into());
        }
        let wait = writer.map(|writer| writer.longest_wait(&run)).transpose()?;
        let wait = wait.or(run.wait);
        let left = self.arena.inspect(&field);
        let left = left.map_err(|error| format!("{}: {error}", contestant.name))?;
        self.arena.clean(&field)?;
        let committed = run.committed.unwrap_or(run.ended);
        Ok(round(&run, Some(committed), wait, left))
    }
}

fn standing(contestant: &Contestant) -> Standing {
    Standing {
        name: contestant.name,
        does: contestant.does,
        rounds: Vec::new(),
    }
}

fn look(contestant: &Contestant, field: &Field) -> Result<Round, Failure> {
    let process = Process::start((contestant.start)(field))?;
    touch(field)?;
    Ok(round(&process.run()?, None, None, Left::default()))
}

/// Whoever has looked before is to look again: something has changed.
fn touch(field: &Field) -> Result<(), Failure> {
    match (field.file(), field.address()) {
        (Some(file), _) => Writer::write_once(file),
        (None, Some(address)) => block_on(async {
            // A transaction with a number is one that has written, for all that the server tells.
            let mut connection = PgConnection::connect(address).await?;
            let write = sqlx::query("SELECT pg_current_xact_id()");
            write.execute(&mut connection).await?;
            connection.close().await
        }),
        (None, None) => Ok(()),
    }
}

fn round(run: &Run, committed: Option<Instant>, wait: Option<Duration>, left: Left) -> Round {
    let milliseconds = |duration: Duration| duration.as_secs_f64() * 1000.0;
    Round {
        committed_ms: committed.map(|instant| milliseconds(instant - run.began)),
        whole_ms: milliseconds(run.ended - run.began),
        wait_ms: wait.map(milliseconds),
        peak: run.peak,
        left: left.bytes,
        is_readable: left.is_readable,
        has_factory_rows: left.has_factory_rows,
        way: run.way.clone(),
        pending: run.pending.clone(),
    }
}
