//! Who may call: bearer clients with the API token, and browsers with a session
//! that the passphrase opened.

mod api_token;
mod authentication;
mod login_limit;
mod passphrase;
mod session_cookie;
mod sessions;

pub use api_token::ApiToken;
pub use authentication::{Authentication, Caller};
pub use login_limit::LoginLimit;
pub use passphrase::{Passphrase, PassphraseError};
pub use sessions::{OpenedSession, Session, Sessions};

pub(crate) use authentication::require_caller;
pub(crate) use session_cookie::SessionCookie;
