//! What came out of a contest.

use serde::Serialize;

use crate::amount::Amount;
use crate::spread::Spread;

/// All that was measured in one contest.
#[derive(Debug, Serialize)]
pub(crate) struct Ranking {
    /// Which kind of contest it was.
    pub(crate) id: &'static str,
    /// What it was about, for people.
    pub(crate) title: &'static str,
    /// How much data there was.
    pub(crate) size: Amount,
    /// What is counted, in the plural.
    pub(crate) unit: &'static str,
    /// Each contestant.
    pub(crate) standings: Vec<Standing>,
}

/// What one contestant took.
#[derive(Debug, Serialize)]
pub(crate) struct Standing {
    /// Its name.
    pub(crate) name: &'static str,
    /// What it does, and what it does not do.
    #[serde(skip)]
    pub(crate) does: &'static str,
    /// Each time that it ran.
    pub(crate) rounds: Vec<Round>,
}

/// What one contestant took in one round.
#[derive(Debug, Serialize)]
pub(crate) struct Round {
    /// Until what it cleared was gone for everybody else; none where it only looked.
    pub(crate) committed_ms: Option<f64>,
    /// Until all was done.
    pub(crate) whole_ms: f64,
    /// The longest time that a write of the service took. The times of a round with a writer are
    /// not those of one without.
    pub(crate) wait_ms: Option<f64>,
    /// The most memory beyond that of its idle process, in bytes.
    pub(crate) peak: Option<u64>,
    /// How many bytes of the disk the data still took.
    pub(crate) left: Option<u64>,
    /// Whether what was cleared could still be read in the files.
    pub(crate) is_readable: Option<bool>,
    /// Whether the rows of a fresh install were there.
    pub(crate) has_factory_rows: Option<bool>,
    /// In which way it said that it did it.
    pub(crate) way: Option<String>,
    /// What it said that it had left for later.
    pub(crate) pending: Option<String>,
}

impl Ranking {
    /// The contestant called `name`.
    pub(crate) fn standing(&self, name: &str) -> Option<&Standing> {
        self.standings.iter().find(|standing| standing.name == name)
    }
}

impl Standing {
    /// Milliseconds until what it cleared was gone.
    pub(crate) fn committed(&self) -> Option<Spread> {
        self.timed(|round| round.committed_ms)
    }

    /// Milliseconds until all was done.
    pub(crate) fn whole(&self) -> Option<Spread> {
        self.timed(|round| Some(round.whole_ms))
    }

    /// Milliseconds that the service's writer had to wait.
    pub(crate) fn wait(&self) -> Option<Spread> {
        Spread::of(self.rounds.iter().filter_map(|round| round.wait_ms))
    }

    /// The most memory, in mebibytes.
    pub(crate) fn peak(&self) -> Option<Spread> {
        self.timed(|round| round.peak.map(mebibytes))
    }

    /// What the data still took of the disk, in mebibytes.
    pub(crate) fn left(&self) -> Option<Spread> {
        self.timed(|round| round.left.map(mebibytes))
    }

    /// How many rounds count for its times, or for the wait of others where that is all.
    pub(crate) fn rounds(&self) -> usize {
        let waits = self.rounds.iter().filter_map(|round| round.wait_ms).count();
        match self.rounds.len() - waits {
            0 => waits,
            timed => timed,
        }
    }

    fn timed(&self, value: impl Fn(&Round) -> Option<f64>) -> Option<Spread> {
        let timed = self.rounds.iter().filter(|round| round.wait_ms.is_none());
        Spread::of(timed.filter_map(value))
    }
}

fn mebibytes(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}
