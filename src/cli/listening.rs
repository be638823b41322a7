//! The progress of a server's run, as Server-Sent Events.

use std::time::Duration;

use futures::stream::{self, BoxStream, StreamExt};
use reqwest::Method;
use sse_stream::{Sse, SseByteStream};
use tokio::time::sleep;

use super::client::Client;
use super::event::Event;

/// How long to wait before a lost stream is taken up again.
const PAUSE: Duration = Duration::from_secs(1);

type Messages = BoxStream<'static, Sse>;

struct Listener {
    client: Client,
    messages: Option<Messages>,
    /// The last message that was heard.
    last: Option<String>,
}

/// What a server tells of the run that is under way, or begins next. Listens for as long as
/// somebody waits for it, and misses nothing when the connection is lost meanwhile.
pub(super) fn events(client: Client) -> BoxStream<'static, Event> {
    let listener = Listener {
        client,
        messages: None,
        last: None,
    };
    stream::unfold(listener, async |mut listener| {
        loop {
            if let Some(event) = listener.next().await {
                return Some((event, listener));
            }
        }
    })
    .boxed()
}

impl Listener {
    /// The next event; none when the connection is lost, or what came is no event.
    async fn next(&mut self) -> Option<Event> {
        if self.messages.is_none() {
            self.messages = connect(self.client.clone(), self.last.clone()).await;
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
        if message.id.is_some() {
            self.last = message.id;
        }
        serde_json::from_str(&message.data?).ok()
    }
}

async fn connect(client: Client, last: Option<String>) -> Option<Messages> {
    let mut request = client.request(Method::GET, "/events");
    if let Some(last) = last {
        request = request.header("last-event-id", last);
    }
    let response = request.send().await.ok()?.error_for_status().ok()?;
    let messages = SseByteStream::new(response.bytes_stream());
    let heard = messages.take_while(|message| std::future::ready(message.is_ok()));
    Some(
        heard
            .filter_map(|message| std::future::ready(message.ok()))
            .boxed(),
    )
}
