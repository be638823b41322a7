//! `Idempotency-Key`: whoever is not sure that a request has arrived sends it again, and it is
//! done once.

use std::future::Future;
use std::sync::Arc;

use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use sha2::{Digest as _, Sha256};
use tokio::sync::Semaphore;
use uuid::Uuid;

use super::answer_behind_gate;
use super::answers::Record;
use super::authoriser::Actor;
use super::refused::Refused;
use super::reply::Reply;
use super::standing::{self, Unproven};
use super::unguessable::is_unguessable;
use crate::engine::Engine;
use crate::error::chain;
use crate::gate::ClosedGate;
use crate::history::RunOutcome;
use crate::task::spawn;

const KEY: HeaderName = HeaderName::from_static("idempotency-key");
const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");

/// How many calls run, or wait for the end of another one with their key, at a time.
const RUNS: usize = 64;

/// How long a key may be.
const LONGEST: usize = 255;

/// The key of a request that may be repeated.
#[derive(Debug)]
pub(super) struct Key {
    /// The key, hashed.
    pub(super) name: String,
    /// Whether nobody but its client can know it.
    pub(super) is_unguessable: bool,
}

/// A request that may be repeated.
#[derive(Debug)]
pub(super) struct Repeatable {
    /// The key, hashed.
    name: String,
    /// Who makes the request, hashed with the key. A request of another caller is another
    /// request: it must neither get the first caller's answer nor be done as if it were new,
    /// because its client may be the same one, which has signed in again after a reset.
    actor: String,
    /// What else of the request must be the same in a repeat, hashed.
    fingerprint: String,
    /// Who must not get an answer of an earlier owner.
    unproven: Option<Unproven>,
}

/// One try at what a request asks for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Try {
    /// The run that it is, also when it is tried again.
    pub(super) run: Uuid,
    /// When it was tried for the first time, if this is another one: nobody knows yet how far
    /// the first has come, for the process was killed.
    pub(super) since: Option<Timestamp>,
    /// Whether the answer is kept, and so outlives what a reset clears.
    pub(super) is_kept: bool,
}

/// What came of it.
pub(super) struct Done {
    pub(super) reply: Reply,
    pub(super) gate: Option<ClosedGate>,
    pub(super) memory: Memory,
    /// Whether it came of an earlier try.
    pub(super) is_recalled: bool,
}

/// What a repeat is to meet with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Memory {
    /// The same answer.
    Answer,
    /// Nothing: nothing had begun, and a repeat may succeed.
    Nothing,
    /// Whatever has become of the run by then.
    Run,
}

impl Done {
    pub(super) fn new(reply: impl Into<Reply>, memory: Memory) -> Self {
        Self {
            reply: reply.into(),
            gate: None,
            memory,
            is_recalled: false,
        }
    }
}

impl IntoResponse for Done {
    fn into_response(self) -> Response {
        let response = self.reply.into_response();
        match self.gate {
            Some(gate) => answer_behind_gate(response, gate),
            None => response,
        }
    }
}

impl Repeatable {
    /// What `headers` say, for a request of `actor` that `content` tells from any other; none
    /// when it has no key.
    pub(super) fn of(
        headers: &HeaderMap,
        actor: &Actor,
        content: &[&[u8]],
    ) -> Result<Option<Self>, Refused> {
        Ok(Key::of(headers)?.map(|key| Self {
            actor: key.of_actor(actor),
            name: key.name,
            fingerprint: hash(content),
            unproven: None,
        }))
    }

    /// The same request of a caller who may have to prove to be the owner.
    pub(super) fn of_caller(self, unproven: Option<Unproven>) -> Self {
        Self { unproven, ..self }
    }
}

impl Key {
    /// What `headers` say; none when they have no key.
    pub(super) fn of(headers: &HeaderMap) -> Result<Option<Self>, Refused> {
        let mut keys = headers.get_all(KEY).iter();
        let (key, other) = (keys.next(), keys.next());
        let Some(key) = key else {
            return Ok(None);
        };
        let key = key.as_bytes();
        let is_valid = (1..=LONGEST).contains(&key.len()) && key.iter().all(u8::is_ascii_graphic);
        if !is_valid || other.is_some() {
            return Err(Refused::bad_request(format!(
                "`Idempotency-Key`: send one of 1 to {LONGEST} visible ASCII characters"
            )));
        }
        Ok(Some(Self {
            name: hash(&[key]),
            is_unguessable: is_unguessable(key),
        }))
    }

    /// `actor`, hashed with the key.
    pub(super) fn of_actor(&self, actor: &Actor) -> String {
        hash(&[self.name.as_bytes(), actor.0.as_bytes()])
    }
}

/// The places of all calls that run, or wait for a repeat of theirs to end.
pub(crate) fn runs() -> Arc<Semaphore> {
    Arc::new(Semaphore::new(RUNS))
}

/// Does `work`, unless the request is a repeat of one that was answered. It goes on when the
/// client hangs up.
pub(super) async fn once<Work, Doing>(
    engine: Engine,
    request: Option<Repeatable>,
    work: Work,
) -> Response
where
    Work: FnOnce(Try) -> Doing + Send + 'static,
    Doing: Future<Output = Done> + Send + 'static,
{
    let Ok(place) = Arc::clone(&engine.inner.runs).try_acquire_owned() else {
        return Refused::busy("too many calls at a time: try again in a moment").into_response();
    };
    spawn(async move {
        let _place = place;
        match request {
            Some(request) => repeated(&engine, &request, work).await,
            None => {
                let first = Try {
                    run: Uuid::now_v7(),
                    since: None,
                    is_kept: false,
                };
                work(first).await.into_response()
            }
        }
    })
    .await
}

async fn repeated<Work, Doing>(engine: &Engine, request: &Repeatable, work: Work) -> Response
where
    Work: FnOnce(Try) -> Doing,
    Doing: Future<Output = Done>,
{
    let Repeatable {
        name,
        actor,
        fingerprint,
        ..
    } = request;
    let answers = &engine.inner.answers;
    let _turn = answers.turn(name).await;
    let known = match answers.find(name).await {
        Ok(known) => known,
        Err(error) => return unwritten(&error),
    };
    let since = known.as_ref().map(|record| record.at);
    let is_withheld = |unproven: Unproven| since.is_some_and(|at| unproven.withholds(at));
    if request.unproven.is_some_and(is_withheld) {
        return standing::refused().into_response();
    }
    let mut record = match known {
        Some(record) if record.fingerprint != *fingerprint || !record.is_of(actor) => {
            return other_request();
        }
        Some(Record {
            answer: Some(reply),
            ..
        }) => return replayed(reply),
        Some(record) => record,
        None => {
            let record = Record::new(fingerprint.clone(), actor.clone());
            if let Err(error) = answers.keep(name, &record).await {
                return unwritten(&error);
            }
            record
        }
    };
    if since.is_some() && was_undone(engine, record.run) {
        // Interrupted before its commit, and answered to nobody: it is done now, as another run,
        // for what the database knows of the first is that it never commits.
        record.run = Uuid::now_v7();
        if let Err(error) = answers.keep(name, &record).await {
            return unwritten(&error);
        }
    }
    let run = record.run;
    let this = Try {
        run,
        since,
        is_kept: true,
    };
    let done = work(this).await;
    let is_recalled = done.is_recalled;
    match done.memory {
        Memory::Answer => {
            record.answer = Some(done.reply.clone());
            record.answered_at = Some(Timestamp::now());
            if let Err(error) = answers.keep(name, &record).await {
                // A repeat finds the run in the history.
                tracing::warn!(%run, error = chain(&error), "the answer could not be kept");
            }
        }
        Memory::Nothing => answers.forget(name).await,
        Memory::Run => {}
    }
    if is_recalled {
        return replayed(done);
    }
    done.into_response()
}

fn was_undone(engine: &Engine, run: Uuid) -> bool {
    let entry = engine.history_entry(run);
    entry.is_some_and(|entry| entry.outcome == RunOutcome::Failed)
}

/// `answer`, marked as one that was given before.
pub(super) fn replayed(answer: impl IntoResponse) -> Response {
    let header = [(REPLAYED, HeaderValue::from_static("true"))];
    (header, answer).into_response()
}

fn other_request() -> Response {
    let error = "this `Idempotency-Key` belongs to another request: choose a new one";
    Refused::new(StatusCode::UNPROCESSABLE_ENTITY, error).into_response()
}

/// Nothing is begun that could not be told from its repeat.
fn unwritten(error: &(dyn std::error::Error + 'static)) -> Response {
    let error = chain(error);
    tracing::error!(error, "a request with an `Idempotency-Key` was refused");
    let error = format!("nothing was done: the `Idempotency-Key` could not be kept: {error}");
    Refused::failed(error, None).into_response()
}

/// SHA-256 in hexadecimal digits. Each part is preceded by its length, so that two different
/// lists never give the same bytes.
fn hash(parts: &[&[u8]]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part.len().to_le_bytes());
        hash.update(part);
    }
    let digits = hash.finalize();
    digits.iter().map(|byte| format!("{byte:02x}")).collect()
}
