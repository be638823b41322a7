//! Whole-system tests.
#![cfg(all(feature = "sqlite", feature = "axum"))]
