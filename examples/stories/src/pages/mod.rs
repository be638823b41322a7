//! What a browser is shown: the form that takes the service into use, and the options page. They
//! tell nothing by themselves, so they lie outside of authentication and of the gate.

mod advice;
mod router;

pub(crate) use advice::advice;
pub(crate) use router::router;
