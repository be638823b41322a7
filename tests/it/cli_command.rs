//! Whoever uses the command line.

use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use clap::Parser;
use factory_reset::cli::{Console, Exit, ResetArguments, Target};
use factory_reset::{BuildError, Engine};
use serde_json::Value;

/// A host's own command, as short as it gets.
#[derive(Parser)]
struct Command {
    #[command(flatten)]
    reset: ResetArguments,
}

/// What a command has told, and how it has ended.
#[derive(Debug)]
pub(crate) struct Told {
    pub(crate) exit: Exit,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Told {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|_| panic!("no JSON: {self:?}"))
    }

    /// The one line that says why it failed.
    pub(crate) fn error(&self) -> &str {
        let mut errors = self.err.lines().filter(|line| line.starts_with("error: "));
        let error = errors
            .next()
            .unwrap_or_else(|| panic!("no error: {self:?}"));
        assert_eq!(errors.next(), None, "{self:?}");
        error
    }
}

/// What is written, as far as it has come.
#[derive(Clone, Default)]
pub(crate) struct Written(Arc<Mutex<Vec<u8>>>);

impl Written {
    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl Write for Written {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Uses the command on an engine that is open already.
pub(crate) async fn command(engine: &Engine, arguments: &[&str]) -> Told {
    let target = Target::new("host").data_dir(engine.data_dir());
    let engine = engine.clone();
    let open = async || Ok::<_, BuildError>(engine);
    command_on(&Written::default(), target, open, arguments).await
}

/// Uses the command; what goes to stderr can be read while it goes on.
pub(crate) async fn command_on<Error: std::error::Error + 'static>(
    err: &Written,
    target: Target,
    open: impl AsyncFnOnce() -> Result<Engine, Error>,
    arguments: &[&str],
) -> Told {
    let arguments = ["host"].iter().chain(arguments);
    let command = Command::try_parse_from(arguments).unwrap();
    let out = Written::default();
    let console = Console::captured(out.clone(), err.clone());
    let exit = command.reset.run_on(console, target, open).await;
    let (out, err) = (out.text(), err.text());
    Told { exit, out, err }
}
