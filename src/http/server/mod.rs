//! An HTTP/1 server that many and slow clients cannot block.

mod address;
mod body;
mod connection;
mod connections;
mod limits;
mod serve;
mod stream;

pub use serve::Server;
