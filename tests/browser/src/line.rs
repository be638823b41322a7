//! A line to the service that can be cut.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// A listener that passes everything on to a service, for as long as it is not cut.
pub struct Line {
    origin: String,
    state: Arc<State>,
}

struct State {
    service: Mutex<String>,
    is_cut: watch::Sender<bool>,
    /// How a request begins whose answer is to be lost.
    unanswered: Mutex<Option<String>>,
}

impl Line {
    /// A line to the service at this origin (`http://127.0.0.1:…`). Call it within a Tokio
    /// runtime, and keep that running.
    ///
    /// # Panics
    ///
    /// When there is no port to listen on.
    pub async fn to(origin: &str) -> Self {
        let listening = async {
            let listener = TcpListener::bind("127.0.0.1:0").await?;
            let origin = format!("http://{}", listener.local_addr()?);
            Ok::<_, io::Error>((listener, origin))
        };
        let listening = listening.await;
        let (listener, own) = listening.unwrap_or_else(|error| panic!("no free port: {error}"));
        let state = Arc::new(State {
            service: Mutex::new(address(origin)),
            is_cut: watch::Sender::new(false),
            unanswered: Mutex::default(),
        });
        let shared = Arc::clone(&state);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let state = Arc::clone(&shared);
                tokio::spawn(async move {
                    let mut is_cut = state.is_cut.subscribe();
                    tokio::select! {
                        biased;
                        // A line that ends has done its work, or was cut.
                        _ = is_cut.wait_for(|is_cut| *is_cut) => {}
                        _ = state.pass(client) => {}
                    }
                });
            }
        });
        Self { origin: own, state }
    }

    /// Where it begins.
    #[must_use]
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// Leads further connections to another service, or the same one at another address.
    pub fn lead_to(&self, origin: &str) {
        *locked(&self.state.service) = address(origin);
    }

    /// Ends every connection, and every further one at once.
    pub fn cut(&self) {
        self.state.is_cut.send_replace(true);
    }

    /// Lets connections through again.
    pub fn mend(&self) {
        self.state.is_cut.send_replace(false);
    }

    /// Cuts the line when the service begins to answer the next request that begins like
    /// `request` (`POST /path`).
    pub fn lose_answer_to(&self, request: &str) {
        *locked(&self.state.unanswered) = Some(request.to_owned());
    }

    /// Waits until it is cut.
    pub async fn is_cut(&self) {
        let mut is_cut = self.state.is_cut.subscribe();
        // The sender is ours.
        let _ = is_cut.wait_for(|is_cut| *is_cut).await;
    }
}

impl State {
    async fn pass(&self, mut client: TcpStream) -> io::Result<()> {
        let service = locked(&self.service).clone();
        let mut service = TcpStream::connect(service).await?;
        let (mut request, mut answer) = (vec![0; 65536], vec![0; 65536]);
        loop {
            tokio::select! {
                length = service.read(&mut answer) => {
                    let length = length?;
                    if length == 0 { return Ok(()); }
                    client.write_all(&answer[..length]).await?;
                }
                length = client.read(&mut request) => {
                    let length = length?;
                    if length == 0 { return Ok(()); }
                    // A browser sends the head of a request at once.
                    let sent = &request[..length];
                    service.write_all(sent).await?;
                    if self.is_unanswered(sent) {
                        service.read_u8().await?;
                        self.is_cut.send_replace(true);
                        return Ok(());
                    }
                }
            }
        }
    }

    fn is_unanswered(&self, request: &[u8]) -> bool {
        let mut unanswered = locked(&self.unanswered);
        let is = unanswered
            .as_ref()
            .is_some_and(|start| request.starts_with(start.as_bytes()));
        if is {
            *unanswered = None;
        }
        is
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn address(origin: &str) -> String {
    origin.trim_start_matches("http://").to_owned()
}
