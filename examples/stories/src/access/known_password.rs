use std::sync::Arc;
use std::time::Duration;

use shared_host::Hashing;

use super::{Username, Users};

/// How long the database may take to tell; a reset may have locked the table.
const PATIENCE: Duration = Duration::from_secs(1);

/// A password that everybody may know, for as long as it is in force.
#[derive(Clone)]
pub(crate) struct KnownPassword {
    users: Users,
    username: Arc<Username>,
    hash: Arc<str>,
}

impl KnownPassword {
    /// None when `password` is not that of the user, or nobody can tell.
    pub(crate) async fn find(
        users: Users,
        hashing: &Hashing,
        (username, password): (&str, &str),
    ) -> Option<Self> {
        let username = Username::try_from(username.to_owned()).ok()?;
        let hash = hash(&users, &username).await?;
        let is_right = hashing.verify(password.to_owned(), hash.clone()).await;
        is_right.unwrap_or(false).then(|| Self {
            users,
            username: Arc::new(username),
            hash: hash.into(),
        })
    }

    /// Whether the user is still there, and has no other one. By the hash: it is salted, and
    /// quick to compare.
    pub(crate) async fn is_in_force(&self) -> bool {
        hash(&self.users, &self.username).await.as_deref() == Some(&*self.hash)
    }
}

async fn hash(users: &Users, username: &Username) -> Option<String> {
    let found = tokio::time::timeout(PATIENCE, users.find_by_name(username)).await;
    Some(found.ok()?.ok()??.password_hash)
}
