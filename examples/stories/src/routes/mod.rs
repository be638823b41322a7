//! What each route does, one file a noun. `app` says where they are.

pub(crate) mod auth;
pub(crate) mod chapters;
pub(crate) mod comments;
pub(crate) mod health;
pub(crate) mod publication;
pub(crate) mod reports;
pub(crate) mod stories;
pub(crate) mod users;
