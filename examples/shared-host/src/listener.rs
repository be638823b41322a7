use std::io::{self, Write};
use std::net::SocketAddr;

use tokio::net::TcpListener;

/// Listens on `address`; the address that is listened on comes with it, for port 0 is any.
///
/// # Errors
///
/// What the operating system says against it.
pub async fn listen(address: SocketAddr) -> io::Result<(TcpListener, SocketAddr)> {
    let listener = TcpListener::bind(address).await?;
    let address = listener.local_addr()?;
    Ok((listener, address))
}

/// Says where, for whoever has asked for any free port; and, with `advice`, what to do there.
pub fn announce(address: SocketAddr, advice: &str) {
    let mut stdout = io::stdout().lock();
    // At once: who waits for the first line may not stay for the second.
    let lines = format!("listening on http://{address}\nopen http://{address}/ {advice}\n");
    let written = stdout
        .write_all(lines.as_bytes())
        .and_then(|()| stdout.flush());
    if let Err(error) = written {
        tracing::warn!(%error, "failed to write to stdout");
    }
}
