//! Requests byte by byte, as no client library sends them.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use crate::server::{RESET, Server};

impl Server {
    /// A whole reset as it goes over the wire.
    pub(crate) fn raw_reset(&self) -> String {
        let body = r#"{"confirmation":"RESET TUITBOT"}"#;
        let (host, token, length) = (self.host(), self.token(), body.len());
        format!(
            "POST {RESET} HTTP/1.1\r\nhost: {host}\r\nauthorization: Bearer {token}\r\n\
             content-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
        )
    }

    /// What a client sends as `Host`.
    pub(crate) fn host(&self) -> &str {
        self.address.strip_prefix("http://").unwrap()
    }

    /// A connection over which these bytes have been sent.
    pub(crate) fn send_raw(&self, request: &str) -> TcpStream {
        let mut stream = TcpStream::connect(self.host()).unwrap();
        stream
            .set_read_timeout(Some(Duration::from_secs(60)))
            .unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        stream
    }

    /// What comes back for these bytes, up to the end of the first body.
    pub(crate) fn raw(&self, request: &str) -> String {
        receive(&mut self.send_raw(request))
    }
}

/// What comes over this connection, up to the end of the first body.
pub(crate) fn receive(stream: &mut TcpStream) -> String {
    let (mut answer, mut bytes) = (String::new(), [0; 1024]);
    while !answer.ends_with('}') {
        let count = stream.read(&mut bytes).unwrap();
        assert!(count > 0, "cut off: {answer}");
        answer += std::str::from_utf8(&bytes[..count]).unwrap();
    }
    answer
}
