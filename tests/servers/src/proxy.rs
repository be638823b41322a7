//! A line to a PostgreSQL server that breaks in the middle of a COMMIT.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;

use crate::postgres::Database;

/// What becomes of the next COMMIT; then both ends of the line are dead.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// It never arrives.
    Lost,
    /// A part of it arrives.
    Half,
    /// It arrives, and its answer is lost.
    Unanswered,
    /// It arrives, and its answer is held back until the client is gone.
    Held,
    /// It is sent, and nobody waits for what becomes of it.
    Sent,
    /// The client's end dies at once; the server hears nothing of that, and gets it later.
    Late(Duration),
}

/// A listener that passes everything on to a server.
#[derive(Debug)]
pub struct Proxy {
    server: u16,
    port: u16,
    armed: Arc<Armed>,
}

#[derive(Debug, Default)]
struct Armed {
    fault: Mutex<Option<Fault>>,
    /// An answer is held back.
    holds: Notify,
}

impl Armed {
    fn fault(&self) -> MutexGuard<'_, Option<Fault>> {
        self.fault.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The protocol's version 3.0, with which a client introduces itself.
const STARTUP: [u8; 4] = [0, 3, 0, 0];

impl Proxy {
    /// Passes everything on to the server on this port of 127.0.0.1. Call it within a Tokio
    /// runtime, and keep that running.
    ///
    /// # Panics
    ///
    /// When there is no port to listen on.
    pub async fn to(server: u16) -> Self {
        let listening = async {
            let listener = TcpListener::bind("127.0.0.1:0").await?;
            let port = listener.local_addr()?.port();
            Ok::<_, io::Error>((listener, port))
        };
        let (listener, port) = listening
            .await
            .unwrap_or_else(|error| panic!("no free port: {error}"));
        let armed: Arc<Armed> = Arc::default();
        let shared = Arc::clone(&armed);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let armed = Arc::clone(&shared);
                tokio::spawn(async move {
                    // A line that ends has done its work.
                    let _ = pass(client, server, &armed).await;
                });
            }
        });
        Self {
            server,
            port,
            armed,
        }
    }

    /// The address of `database`, by way of this line.
    #[must_use]
    pub fn url(&self, database: &Database) -> String {
        let (direct, line) = (format!(":{}/", self.server), format!(":{}/", self.port));
        database.url.replace(&direct, &line)
    }

    /// Breaks the next COMMIT.
    pub fn arm(&self, fault: Fault) {
        *self.armed.fault() = Some(fault);
    }

    /// Whether a COMMIT is still to be broken.
    #[must_use]
    pub fn is_armed(&self) -> bool {
        self.armed.fault().is_some()
    }

    /// Waits until an answer is [held back](Fault::Held).
    pub async fn holds(&self) {
        self.armed.holds.notified().await;
    }
}

async fn pass(mut client: TcpStream, server: u16, armed: &Armed) -> io::Result<()> {
    let mut server = TcpStream::connect(("127.0.0.1", server)).await?;
    let (mut from_client, mut from_server) = (Vec::new(), vec![0; 65536]);
    let mut chunk = vec![0; 65536];
    let mut is_started = false;
    loop {
        tokio::select! {
            length = server.read(&mut from_server) => {
                let length = length?;
                if length == 0 { return Ok(()); }
                client.write_all(&from_server[..length]).await?;
            }
            length = client.read(&mut chunk) => {
                let length = length?;
                if length == 0 { return Ok(()); }
                from_client.extend_from_slice(&chunk[..length]);
                while let Some(message) = take_message(&mut from_client, is_started) {
                    is_started |= message.get(4..8) == Some(&STARTUP);
                    let is_commit = matches!(message[0], b'Q' | b'P')
                        && message.windows(7).any(|part| part == b"COMMIT\0");
                    let fault = is_commit.then(|| armed.fault().take()).flatten();
                    match fault {
                        None => server.write_all(&message).await?,
                        Some(fault) => {
                            let holds = &armed.holds;
                            return break_off(client, server, &message, fault, holds).await;
                        }
                    }
                }
            }
        }
    }
}

async fn break_off(
    mut client: TcpStream,
    mut server: TcpStream,
    message: &[u8],
    fault: Fault,
    holds: &Notify,
) -> io::Result<()> {
    match fault {
        Fault::Lost => {}
        Fault::Half => server.write_all(&message[..message.len() / 2]).await?,
        Fault::Sent => server.write_all(message).await?,
        Fault::Unanswered => {
            server.write_all(message).await?;
            server.read_u8().await?;
        }
        Fault::Held => {
            server.write_all(message).await?;
            server.read_u8().await?;
            holds.notify_one();
            let mut ignored = [0; 1024];
            while client.read(&mut ignored).await? > 0 {}
        }
        Fault::Late(delay) => {
            drop(client);
            tokio::time::sleep(delay).await;
            server.write_all(message).await?;
            // Until the server has said all it has to say.
            server.read_u8().await?;
        }
    }
    Ok(())
}

/// The first whole message, if there is one; the ones before the start have no type.
fn take_message(buffer: &mut Vec<u8>, is_started: bool) -> Option<Vec<u8>> {
    let kind = usize::from(is_started);
    let length = buffer.get(kind..kind + 4)?;
    let length = kind + u32::from_be_bytes(length.try_into().ok()?) as usize;
    (buffer.len() >= length).then(|| buffer.drain(..length).collect())
}
