//! The log.

use std::io::{IsTerminal, stderr};

use factory_reset::Printable;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::field::MakeExt;
use tracing_subscriber::fmt::format::debug_fn;

/// Logs what `RUST_LOG` asks for, and nothing otherwise: the commands say themselves what matters.
pub(crate) fn write_to_stderr() {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("off"));
    // It logs the parameters of an address that it does not know, which may be part of a password.
    let silent = "sqlx_postgres::options=off".parse();
    let filter = silent.into_iter().fold(filter, EnvFilter::add_directive);
    // Names and messages come from files, databases and servers, so each field is escaped.
    let fields = debug_fn(|writer, field, value| {
        let text = format!("{value:?}");
        let text = Printable::new(&text);
        match field.name() {
            "message" => write!(writer, "{text}"),
            name => write!(writer, "{name}={text}"),
        }
    });
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .fmt_fields(fields.delimited(" "))
        .with_ansi(stderr().is_terminal())
        .with_writer(stderr)
        .init();
}
