//! The connection to a server, whose answers are limited in size.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client, ConnectionAddr, RedisResult};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpStream, UnixStream};
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// A server that is down must not hold up a preview, nor the start of a service.
const CONNECT: Duration = Duration::from_secs(2);
const ANSWER: Duration = Duration::from_secs(5);

/// How many bytes may come after a command: 100,000 keys of 600 bytes.
const LONGEST: usize = 64 * 1024 * 1024;

/// A connection, for as long as this value lives.
pub(super) struct Wire {
    pub(super) connection: MultiplexedConnection,
    driver: Option<JoinHandle<()>>,
}

impl Wire {
    /// Connects to the server that `client` names.
    pub(super) async fn connect(client: &Client) -> RedisResult<Self> {
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(CONNECT))
            .set_response_timeout(Some(ANSWER));
        let connecting = async {
            match client.get_connection_info().addr() {
                ConnectionAddr::Tcp(host, port) => {
                    let stream = TcpStream::connect((host.as_str(), *port)).await?;
                    stream.set_nodelay(true)?;
                    Self::over(client, stream, config).await
                }
                ConnectionAddr::Unix(path) => {
                    Self::over(client, UnixStream::connect(path).await?, config).await
                }
                // With TLS only the client itself can connect.
                _ => Ok(Self {
                    connection: client
                        .get_multiplexed_async_connection_with_config(&config)
                        .await?,
                    driver: None,
                }),
            }
        };
        let connected = timeout(CONNECT, connecting).await;
        connected.unwrap_or_else(|_| Err(io::Error::from(io::ErrorKind::TimedOut).into()))
    }

    async fn over<S>(client: &Client, stream: S, config: AsyncConnectionConfig) -> RedisResult<Self>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let settings = client.get_connection_info().redis_settings();
        let limited = Limited { stream, read: 0 };
        let (connection, driver) =
            MultiplexedConnection::new_with_config(settings, limited, config).await?;
        Ok(Self {
            connection,
            driver: Some(tokio::spawn(driver)),
        })
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        if let Some(driver) = &self.driver {
            driver.abort();
        }
    }
}

/// A stream that fails where more is read after one write than an answer may have: the client
/// would keep all of it in memory.
struct Limited<S> {
    stream: S,
    read: usize,
}

impl<S: AsyncRead + Unpin> AsyncRead for Limited<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(context, buffer))?;
        self.read += buffer.filled().len() - before;
        if self.read > LONGEST {
            let text = format!("an answer has more than {} MiB", LONGEST / 1024 / 1024);
            return Poll::Ready(Err(io::Error::new(io::ErrorKind::InvalidData, text)));
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Limited<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.read = 0;
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
