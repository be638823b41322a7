//! A line to a PostgreSQL server that breaks in the middle of a COMMIT.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// What becomes of the next COMMIT; then both ends of the line are dead.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// It never arrives.
    Lost,
    /// A part of it arrives.
    Half,
    /// It arrives, and its answer is lost.
    Unanswered,
    /// It is sent, and nobody waits for what becomes of it.
    Sent,
    /// The client's end dies at once; the server hears nothing of that, and gets it later.
    Late(Duration),
}

/// A listener that passes everything on to a server.
pub(crate) struct Proxy {
    pub(crate) port: u16,
    fault: Arc<Mutex<Option<Fault>>>,
}

/// The protocol's version 3.0, with which a client introduces itself.
const STARTUP: [u8; 4] = [0, 3, 0, 0];

impl Proxy {
    pub(crate) async fn to(server: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let fault = Arc::new(Mutex::new(None));
        let armed = fault.clone();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let armed = armed.clone();
                tokio::spawn(async move {
                    // A line that ends has done its work.
                    let _ = pass(client, server, &armed).await;
                });
            }
        });
        Self { port, fault }
    }

    /// Breaks the next COMMIT.
    pub(crate) fn arm(&self, fault: Fault) {
        *self.fault.lock().unwrap() = Some(fault);
    }

    /// Whether a COMMIT is still to be broken.
    pub(crate) fn is_armed(&self) -> bool {
        self.fault.lock().unwrap().is_some()
    }
}

async fn pass(
    mut client: TcpStream,
    server: u16,
    armed: &Mutex<Option<Fault>>,
) -> std::io::Result<()> {
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
                    let fault = is_commit.then(|| armed.lock().unwrap().take()).flatten();
                    match fault {
                        None => server.write_all(&message).await?,
                        Some(fault) => return break_off(client, server, &message, fault).await,
                    }
                }
            }
        }
    }
}

async fn break_off(
    client: TcpStream,
    mut server: TcpStream,
    message: &[u8],
    fault: Fault,
) -> std::io::Result<()> {
    match fault {
        Fault::Lost => {}
        Fault::Half => server.write_all(&message[..message.len() / 2]).await?,
        Fault::Sent => server.write_all(message).await?,
        Fault::Unanswered => {
            server.write_all(message).await?;
            server.read_u8().await?;
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
