//! The description of the router.
