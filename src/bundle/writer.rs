//! Writing a bundle.

use std::collections::HashSet;
use std::fs::File;
use std::io::{self, BufWriter, ErrorKind, IntoInnerError, Read, Write};
use std::os::fd::AsFd;

use jiff::Timestamp;
use uuid::Uuid;
use zstd::stream::write::Encoder;

use super::backups::Backups;
use super::contents::Contents;
use super::error::BundleError;
use super::hashing::Hashing;
use super::head::{BLOCK, Head};
use super::listing::BundleInfo;
use super::manifest::{Manifest, SavedStep, VERSION};
use super::name::BundleName;
use super::{compose, frames, layout, sums, temporary};
use crate::data_directory::{CheckedDirectory, PathError};

/// How much is read at a time.
pub(super) const CHUNK: usize = 128 * 1024;

/// A bundle that is being written. Nothing of it can be seen before it is finished, and
/// nothing stays when it is dropped. All methods block.
pub(crate) struct BundleWriter {
    backups: Backups,
    directory: CheckedDirectory,
    name: BundleName,
    created_at: Timestamp,
    /// What follows the manifest and the sums, which are known only at the end.
    body: Encoder<'static, File>,
    /// In a file too: there may be millions of lines.
    sums: BufWriter<File>,
    sections: HashSet<String>,
    entries: u64,
    bytes: u64,
    /// The section that is being written; still there after it failed.
    unfinished: Option<String>,
    part: Vec<u8>,
    chunk: Box<[u8]>,
}

impl BundleWriter {
    /// Begins the bundle `name`.
    pub(crate) fn create(backups: &Backups, name: &BundleName) -> Result<Self, BundleError> {
        let directory = backups.make()?;
        if backups.has(&directory, name)? {
            return Err(BundleError::Exists(name.clone()));
        }
        let refuse = || PathError::io("write", backups.path_of(&name.file()));
        let body = temporary::nameless(directory.as_fd()).map_err(refuse())?;
        let body = frames::encoder(body).map_err(refuse())?;
        let sums = temporary::nameless(directory.as_fd()).map_err(refuse())?;
        Ok(Self {
            backups: backups.clone(),
            directory,
            name: name.clone(),
            created_at: Timestamp::now(),
            body,
            sums: BufWriter::new(sums),
            sections: HashSet::new(),
            entries: 0,
            bytes: 0,
            unfinished: None,
            part: Vec::new(),
            chunk: vec![0; CHUNK].into_boxed_slice(),
        })
    }

    /// Saves the rows of a table. Returns how many bytes they have.
    pub(crate) fn add_table(
        &mut self,
        step: &str,
        table: &str,
        content: &mut dyn Read,
    ) -> Result<u64, BundleError> {
        let section = layout::table_path(step, table);
        self.add_section(section, |writer, path| writer.add_parts(path, content))
    }

    /// Saves something of a step's own. Returns how many bytes it has.
    pub(crate) fn add_entry(
        &mut self,
        step: &str,
        name: &str,
        content: &mut dyn Read,
    ) -> Result<u64, BundleError> {
        let section = layout::entry_path(step, name);
        self.add_section(section, |writer, path| writer.add_parts(path, content))
    }

    /// Lets `save` write a section, and notes when it does not come to its end.
    pub(super) fn add_section<T>(
        &mut self,
        section: String,
        save: impl FnOnce(&mut Self, &str) -> Result<T, BundleError>,
    ) -> Result<T, BundleError> {
        if let Some(unfinished) = &self.unfinished {
            return Err(BundleError::Unfinished(unfinished.clone()));
        }
        if !self.sections.insert(section.clone()) {
            return Err(BundleError::Twice(section));
        }
        self.unfinished = Some(section.clone());
        let saved = save(self, &section)?;
        self.unfinished = None;
        Ok(saved)
    }

    /// Takes a section back that turned out to be nothing.
    pub(super) fn forget_section(&mut self, section: &str) {
        self.sections.remove(section);
    }

    /// The archive wants to know a length before the content, so that one of unknown length
    /// comes in parts. An empty one has one, too.
    fn add_parts(&mut self, path: &str, content: &mut dyn Read) -> Result<u64, BundleError> {
        let unreadable = |source| BundleError::Content {
            entry: path.to_owned(),
            source,
        };
        let mut bytes = 0;
        for number in 0.. {
            let mut part = std::mem::take(&mut self.part);
            part.clear();
            let read = (&mut *content)
                .take(layout::PART as u64)
                .read_to_end(&mut part)
                .map_err(unreadable)?;
            if read > 0 || number == 0 {
                let entry = format!("{path}/{}", layout::part(number));
                let head = Head::plain(entry, read as u64, self.created_at.as_second());
                self.add_file(&head, &mut &*part, unreadable)?;
            }
            self.part = part;
            bytes += read as u64;
            if read < layout::PART {
                break;
            }
        }
        Ok(bytes)
    }

    /// Writes a file. One that ends before the size that its head says is an error.
    pub(super) fn add_file(
        &mut self,
        head: &Head,
        content: &mut dyn Read,
        unreadable: impl FnOnce(io::Error) -> BundleError,
    ) -> Result<(), BundleError> {
        self.add_head(head)?;
        let path = self.backups.path_of(&self.name.file());
        let refuse = || PathError::io("write", &path);
        let mut hashing = Hashing::new(&mut self.body);
        let mut left = head.size;
        while left > 0 {
            let most = self
                .chunk
                .len()
                .min(usize::try_from(left).unwrap_or(usize::MAX));
            let read = match content.read(&mut self.chunk[..most]) {
                Ok(0) => return Err(BundleError::Unfinished(head.shown())),
                Ok(read) => read,
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => return Err(unreadable(error)),
            };
            hashing.write_all(&self.chunk[..read]).map_err(refuse())?;
            left -= read as u64;
        }
        let (body, sum, bytes) = hashing.finish();
        body.write_all(&[0; BLOCK][..head.padding()])
            .and_then(|()| self.sums.write_all(&sums::line(&sum, &head.path)))
            .map_err(refuse())?;
        self.bytes += bytes;
        Ok(())
    }

    /// Writes what stands before an entry's content; a directory has none.
    pub(super) fn add_head(&mut self, head: &Head) -> Result<(), BundleError> {
        if let Some(reason) = head.objection() {
            let path = head.shown().into();
            return Err(BundleError::Unfit { path, reason });
        }
        let written = self.body.write_all(&head.encode());
        written.map_err(PathError::io(
            "write",
            self.backups.path_of(&self.name.file()),
        ))?;
        self.entries += 1;
        Ok(())
    }

    /// Ends the bundle, which from then on is there: whole, durable, and under its name.
    pub(crate) fn finish(
        mut self,
        run: Option<Uuid>,
        database: Option<String>,
        contents: Vec<SavedStep>,
    ) -> Result<BundleInfo, BundleError> {
        if let Some(entry) = self.unfinished {
            return Err(BundleError::Unfinished(entry));
        }
        compare(&self.sections, &contents)?;
        let refuse = || PathError::io("write", self.backups.path_of(&self.name.file()));
        let end = self.body.write_all(&[0; 2 * BLOCK]);
        let body = end.and_then(|()| self.body.finish()).map_err(refuse())?;
        let sums = self.sums.into_inner().map_err(IntoInnerError::into_error);
        let sums = sums.map_err(refuse())?;
        let manifest = Manifest {
            version: VERSION,
            name: self.name,
            created_at: self.created_at,
            run,
            database,
            contents,
            entries: self.entries,
            bytes: self.bytes,
        };
        // What could never be restored is no backup.
        Contents::new(&manifest).map_err(|fault| fault.of(&manifest.name))?;
        compose::compose(&self.backups, &self.directory, manifest, sums, body)
    }
}

/// Compares what was saved with what the manifest will name.
fn compare(saved: &HashSet<String>, contents: &[SavedStep]) -> Result<(), BundleError> {
    let mut named = HashSet::new();
    for path in contents.iter().flat_map(SavedStep::sections) {
        if !named.insert(path.clone()) {
            return Err(BundleError::Twice(path));
        }
    }
    match saved.symmetric_difference(&named).next() {
        None => Ok(()),
        Some(path) => Err(BundleError::Named(path.clone())),
    }
}
