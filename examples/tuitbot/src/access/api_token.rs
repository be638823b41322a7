use std::io;
use std::path::Path;

use shared_host::{random_token, secret_file};
use subtle::ConstantTimeEq;

/// The token that bearer clients show. It outlives a reset.
pub struct ApiToken(String);

impl ApiToken {
    /// Reads the token, or makes one at the first start.
    ///
    /// # Errors
    ///
    /// When the file can be neither read nor written, or holds no token.
    pub fn load_or_create(file: &Path) -> io::Result<Self> {
        match std::fs::read_to_string(file) {
            Ok(text) if text.trim().is_empty() => Err(io::Error::new(
                io::ErrorKind::InvalidData,
                "the file is empty; remove it to have a new token made",
            )),
            Ok(text) => Ok(Self(text.trim().to_owned())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let token = random_token();
                secret_file::write(file, token.as_bytes())?;
                Ok(Self(token))
            }
            Err(error) => Err(error),
        }
    }

    /// Whether the presented token is this one; takes equally long for any wrong one.
    #[must_use]
    pub fn matches(&self, presented: &str) -> bool {
        self.0.as_bytes().ct_eq(presented.as_bytes()).into()
    }
}
