use std::sync::Arc;

use crate::access::Passphrase;

/// A passphrase that everybody may know, for as long as it is in force.
#[derive(Clone)]
pub(crate) struct KnownPassphrase {
    passphrase: Arc<Passphrase>,
    hash: Arc<str>,
}

impl KnownPassphrase {
    /// None when `text` is not the passphrase.
    pub(crate) async fn find(passphrase: &Arc<Passphrase>, text: &str) -> Option<Self> {
        let turn = passphrase.place().ok()?.turn().await.ok()?;
        // Of a damaged hash there is no passphrase.
        let hash = passphrase.verify(turn, text.to_owned()).await.ok()??;
        Some(Self {
            passphrase: Arc::clone(passphrase),
            hash: hash.into(),
        })
    }

    /// Whether nobody has set another one meanwhile. By the hash: it is salted, and quick to
    /// compare.
    pub(crate) async fn is_in_force(&self) -> bool {
        self.passphrase.hash().await.as_deref() == Some(&*self.hash)
    }
}
