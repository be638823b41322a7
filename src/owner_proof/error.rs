//! Why a proof is not accepted, or cannot be recorded.

use crate::data_directory::PathError;

/// Why a setup token was not issued, or a proof not accepted.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProofError {
    /// The token proves nothing. One error for every reason: a caller learns no more.
    #[error(
        "this setup token is unknown, used, expired or not active: show a credential that outlives \
         resets instead, such as the service's API token"
    )]
    Token,
    /// The operating system gives no random bytes.
    #[error("the operating system gives no random bytes for a setup token: try again")]
    Random,
    /// The state could not be written.
    #[error("the proof of ownership could not be written")]
    Path(#[from] PathError),
}
