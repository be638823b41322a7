//! Host header validation: the defence against DNS rebinding and against requests that pages of
//! other sites make.
//!
//! | to change | look into |
//! |---|---|
//! | what a `Host` or an `Origin` may look like | `authority`, `origin` |
//! | what an operator can allow | [`AllowedHost`] |
//! | which requests are refused | [`AllowedHosts`] |
//! | what a refused request is answered | [`HostRefusal`] |

mod allowed_host;
mod allowed_hosts;
mod authority;
mod layer;
mod origin;
mod refusal;
#[cfg(test)]
mod tests;

pub use allowed_host::{AllowedHost, InvalidHost};
pub use allowed_hosts::AllowedHosts;
pub use layer::HostCheck;
pub use refusal::HostRefusal;
