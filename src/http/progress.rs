//! `GET /events`: the progress of the run that is under way, as Server-Sent Events.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Extension, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use axum::response::sse::{Event as Message, Sse};
use axum::response::{IntoResponse, Response};
use futures::{Stream, StreamExt, stream};
use serde_json::Value;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;
use uuid::Uuid;

#[cfg(feature = "openapi")]
use super::openapi;
use super::refused::Refused;
use super::standing::Unproven;
use crate::engine::Engine;
use crate::event::{Event, EventId};
use crate::event_log::Events;

const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");
const ACCEL_BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");

/// How often a stream without events says that it is alive.
const KEEP_ALIVE: Duration = Duration::from_secs(15);
/// How many listen at a time.
const LISTENERS: usize = 64;
/// How long a listener waits before he comes back.
const RETRY: Duration = Duration::from_secs(1);

/// The places of all who listen.
pub(crate) fn listeners() -> Arc<Semaphore> {
    Arc::new(Semaphore::new(LISTENERS))
}

/// The progress of the run that is under way, until it ends.
///
/// A stream ends with its run: whoever comes back is authorised anew, so nobody listens for
/// longer than he may.
#[cfg_attr(feature = "openapi", utoipa::path(
    get,
    path = "/events",
    operation_id = "listen",
    params(openapi::LastEventId),
    responses(
        (status = 200, description = "Events, each with the JSON of an `Event` as its data",
            body = String, content_type = "text/event-stream"),
        openapi::Always,
    )
))]
pub(super) async fn listen(
    engine: State<Engine>,
    unproven: Option<Extension<Unproven>>,
    headers: HeaderMap,
) -> Result<Response, Refused> {
    let permit = Arc::clone(&engine.inner.listeners).try_acquire_owned();
    let permit = permit.map_err(|_| Refused::busy("too many listeners: try again in a moment"))?;
    let retry = stream::iter([Ok::<_, Infallible>(Message::default().retry(RETRY))]);
    // Earlier events may be those of an earlier owner's runs.
    let last = last(&headers).filter(|_| unproven.is_none());
    let told = messages(engine.events_after(last), permit);
    let mut response = Sse::new(retry.chain(told.map(Ok))).into_response();
    for (name, value) in [(header::CACHE_CONTROL, "no-store"), (ACCEL_BUFFERING, "no")] {
        let value = HeaderValue::from_static(value);
        response.headers_mut().insert(name, value);
    }
    Ok(response)
}

/// The last event that the listener has seen.
fn last(headers: &HeaderMap) -> Option<EventId> {
    let last = headers.get(LAST_EVENT_ID)?;
    if last.is_empty() {
        return None;
    }
    let unknown = EventId {
        run: Uuid::nil(),
        index: 0,
    };
    let parsed = last.to_str().ok().and_then(|text| text.parse().ok());
    Some(parsed.unwrap_or(unknown))
}

/// One message an event until a run has ended, and comments meanwhile.
/// Holds `permit` for as long.
fn messages(events: Events, permit: OwnedSemaphorePermit) -> impl Stream<Item = Message> {
    let events = stream::unfold(Some(events), async |events| {
        let mut events = events?;
        let Ok(event) = timeout(KEEP_ALIVE, events.next()).await else {
            return Some((Message::default().comment("alive"), Some(events)));
        };
        let event = event?;
        let rest = (!event.kind.is_terminal()).then_some(events);
        Some((message(&event), rest))
    });
    events.inspect(move |_| {
        let _held = &permit;
    })
}

fn message(event: &Event) -> Message {
    // Strings and numbers always make JSON.
    let data = serde_json::to_value(event).unwrap_or_default();
    let kind = data["kind"].as_str().unwrap_or_default().to_owned();
    let message = Message::default().id(event.id().to_string());
    message.event(kind).data(Value::to_string(&data))
}
