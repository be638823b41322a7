//! The environment of the commands: nothing of the caller's that is not named.

use std::ffi::OsString;

use nix::unistd::{Uid, User};

/// Where programs are looked for.
pub(super) const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// What says how text and times look, and holds no secret.
const LOCALE: [&str; 4] = ["LANG", "LC_ALL", "LC_CTYPE", "TZ"];

/// The variables of a command: a fixed `PATH`, who runs it, the locale, and those in `named` that
/// the caller has.
pub(super) fn environment(named: &[String]) -> Result<Vec<(String, OsString)>, String> {
    let mut environment = vec![("PATH".to_owned(), OsString::from(PATH))];
    let user = User::from_uid(Uid::effective()).ok().flatten();
    let (name, home) = match user {
        Some(user) => (user.name, user.dir.into_os_string()),
        None => (Uid::effective().to_string(), "/".into()),
    };
    environment.push(("HOME".to_owned(), home));
    environment.push(("USER".to_owned(), name.clone().into()));
    environment.push(("LOGNAME".to_owned(), name.into()));
    for name in named {
        if name.is_empty() || name.contains(['=', '\0']) {
            return Err(format!(
                "`{}` is no name of a variable",
                name.escape_debug()
            ));
        }
        if name.starts_with("FACTORY_RESET_") {
            let error = "is what lets callers reset the service, which the service must not have";
            return Err(format!("`{name}` {error}: drop it"));
        }
    }
    let named = named.iter().map(String::as_str);
    for name in LOCALE.into_iter().chain(named) {
        if let Some(value) = std::env::var_os(name) {
            environment.retain(|(known, _)| known != name);
            environment.push((name.to_owned(), value));
        }
    }
    Ok(environment)
}
