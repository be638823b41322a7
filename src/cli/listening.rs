//! The progress of a server's run, as Server-Sent Events.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures::stream::{self, BoxStream, StreamExt};
use reqwest::Method;
use sse_stream::{Sse, SseByteStream};
use tokio::time::sleep;

use super::client::Client;
use super::event::Event;

/// How long to wait before a lost stream is taken up again.
const PAUSE: Duration = Duration::from_secs(1);

/// How often it is taken up again. The answer to the run does not depend on it.
const CONNECTIONS: u32 = 100;

/// How many bytes of events are read in all: 100,000 events or more.
const LONGEST: usize = 16 * 1024 * 1024;

/// How long the id of an event may be that is sent back to the server.
const LONGEST_ID: usize = 64;

type Messages = BoxStream<'static, Sse>;

struct Listener {
    client: Client,
    messages: Option<Messages>,
    /// The last message that was heard.
    last: Option<String>,
    connections: u32,
    /// How many bytes may still be read.
    budget: Arc<AtomicUsize>,
}

/// What a server tells of the run that is under way, or begins next. Listens for as long as
/// somebody waits for it, and misses nothing when the connection is lost meanwhile. Ends early
/// when the server tells too much or loses the connection too often.
pub(super) fn events(client: Client) -> BoxStream<'static, Event> {
    let listener = Listener {
        client,
        messages: None,
        last: None,
        connections: CONNECTIONS,
        budget: Arc::new(AtomicUsize::new(LONGEST)),
    };
    stream::unfold(listener, async |mut listener| {
        while listener.may_go_on() {
            if let Some(event) = listener.next().await {
                return Some((event, listener));
            }
        }
        None
    })
    .boxed()
}

impl Listener {
    fn may_go_on(&self) -> bool {
        let is_connected = self.messages.is_some();
        (is_connected || self.connections > 0) && self.budget.load(Ordering::Relaxed) > 0
    }

    /// The next event; none when the connection is lost, or what came is no event.
    async fn next(&mut self) -> Option<Event> {
        if self.messages.is_none() {
            self.connections = self.connections.saturating_sub(1);
            self.messages = self.connect().await;
        }
        let message = match &mut self.messages {
            Some(messages) => messages.next().await,
            None => None,
        };
        let Some(message) = message else {
            self.messages = None;
            sleep(PAUSE).await;
            return None;
        };
        if let Some(id) = message.id.filter(|id| id.len() <= LONGEST_ID) {
            self.last = Some(id);
        }
        serde_json::from_str(&message.data?).ok()
    }

    async fn connect(&mut self) -> Option<Messages> {
        let mut request = self.client.request(Method::GET, "/events");
        if let Some(last) = &self.last {
            request = request.header("last-event-id", last);
        }
        let response = request.send().await.ok()?.error_for_status().ok()?;
        let budget = self.budget.clone();
        // A line without an end would be kept in memory, so the bytes are counted, not the lines.
        let bytes = response.bytes_stream().take_while(move |bytes| {
            let length = match bytes {
                Ok(bytes) => bytes.len(),
                Err(_) => 0,
            };
            let left = budget.load(Ordering::Relaxed).saturating_sub(length);
            budget.store(left, Ordering::Relaxed);
            std::future::ready(left > 0)
        });
        let heard = SseByteStream::new(bytes)
            .take_while(|message| std::future::ready(message.is_ok()))
            .filter_map(|message| std::future::ready(message.ok()));
        Some(heard.boxed())
    }
}
