//! A host with both rows and files.

use super::{Arena, Field, Files, Left, Rows};
use crate::failure::Failure;

/// Rows and files below the same directory.
pub(crate) struct Together {
    /// The rows.
    pub(crate) rows: Rows,
    /// The files.
    pub(crate) files: Files,
}

impl Arena for Together {
    fn prepare(&self) -> Result<Field, Failure> {
        self.files.prepare()?;
        self.rows.prepare()
    }

    fn inspect(&self, field: &Field) -> Result<Left, Failure> {
        self.files.inspect(field)?;
        self.rows.inspect(field)
    }

    fn clean(&self, field: &Field) -> Result<(), Failure> {
        self.rows.clean(field)
    }
}
