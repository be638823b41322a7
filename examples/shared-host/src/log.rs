use std::io::{self, IsTerminal};

use factory_reset::Printable;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::field::MakeExt;
use tracing_subscriber::fmt::format::debug_fn;

/// Logs to stderr what `RUST_LOG` asks for, or else warnings, and what the crate `host` and
/// the reset engine have to tell.
pub fn log_to_stderr(host: &str) {
    log(&format!(
        "warn,{host}=info,shared_host=info,factory_reset=info"
    ));
}

/// Logs to stderr what `RUST_LOG` asks for, or else errors alone: for a command that tells by
/// itself how it goes.
pub fn log_errors_to_stderr() {
    log("error");
}

fn log(unless_asked: &str) {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(unless_asked));
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
        .with_writer(io::stderr)
        .with_ansi(io::stderr().is_terminal())
        // Names and messages come from files, databases and clients.
        .fmt_fields(fields.delimited(" "))
        // Would be written to stderr too, and panic when that is what failed.
        .log_internal_errors(false)
        .init();
}
