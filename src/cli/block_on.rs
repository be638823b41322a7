use std::process::ExitCode;
use std::time::Duration;

use super::exit::Exit;

/// How long threads that are blocked in the file system have to end.
const GRACE: Duration = Duration::from_secs(2);

/// Runs `command` on a Tokio runtime of its own, for a `main` that has to become another user
/// first (see [`privileges`](super::privileges)).
///
/// A thread that is still blocked two seconds after the command has ended, as on a FIFO of
/// another user, does not keep the process from ending.
///
/// ```
/// # use std::process::ExitCode;
/// fn main() -> ExitCode {
///     factory_reset::cli::block_on(async { ExitCode::SUCCESS })
/// }
/// ```
pub fn block_on(command: impl Future<Output = ExitCode>) -> ExitCode {
    let built = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build();
    let runtime = match built {
        Ok(runtime) => runtime,
        Err(error) => {
            let error = format_args!("no threads can be started: {error}");
            super::console::Console::standard().error(&error.to_string());
            return Exit::Failed.into();
        }
    };
    let exit = runtime.block_on(command);
    runtime.shutdown_timeout(GRACE);
    exit
}
