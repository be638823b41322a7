//! Who takes part, and what each does.

mod ours;
mod psql;
mod python;
mod shell;
mod tools;

pub(crate) use ours::{Host, ancestor, counts};
pub(crate) use psql::Psql;
pub(crate) use python::Python;
pub(crate) use shell::Shell;
pub(crate) use tools::{du, rm};

use crate::arena::Field;
use crate::process::Start;

/// Ours, to which all others are compared.
pub(crate) const OURS: &str = "factory-reset";

/// One way to do the work.
pub(crate) struct Contestant {
    /// What it is called; the same in every contest.
    pub(crate) name: &'static str,
    /// What it does, and what it does not do.
    pub(crate) does: &'static str,
    /// How it is started on a field.
    pub(crate) start: Box<dyn Fn(&Field) -> Start>,
}

impl Contestant {
    fn new(
        name: &'static str,
        does: &'static str,
        start: impl Fn(&Field) -> Start + 'static,
    ) -> Self {
        Self {
            name,
            does,
            start: Box::new(start),
        }
    }
}
