//! Who may call: users who show a token that was issued for their password. A fresh install
//! has no users; whoever can read its disk creates the first one.

mod authentication;
mod jwt_secret;
mod known_password;
mod password;
mod setup;
mod setup_token;
mod tokens;
mod username;
mod users;

pub use authentication::{Authentication, Caller};
pub use jwt_secret::{JwtSecret, JwtSecretError, JwtSecretSource};
pub use password::Password;
pub use setup::Setup;
pub use setup_token::{SetupToken, SetupTokenError};
pub use tokens::{IssuedToken, Tokens};
pub use username::Username;
pub use users::{Role, User, Users};

pub(crate) use authentication::require_caller;
pub(crate) use known_password::KnownPassword;
