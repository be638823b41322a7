//! The staging area: a removed path is renamed into it, and can be renamed back until the
//! reset is committed. Nothing is unlinked before that. What comes in its place, an empty
//! directory or what a bundle holds, is made in the area and renamed out of it.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustix::fs::{Gid, Mode, Stat, Uid, fchmod, fchown, fstat, fsync, mkdirat, openat, renameat};
use rustix::io::Errno;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::data_directory::{
    CheckedDirectory, DataDirectory, Entry, EntryKind, PathError, Survey, directory_flags,
    remove_tree,
};
use crate::relative_path::RelativePath;

/// What marks, in the staging area, that the staged paths have been looked at again.
const SWEPT: &str = "swept";

/// What is behind a slot's number in the name of an empty directory that is to take the place of
/// a staged one.
const FRESH: &str = "fresh";

/// What is behind a slot's number in the name of the mark that something was put at its path.
const PUT: &str = "put";

/// What is staged, by its path.
pub(crate) type Counts = BTreeMap<String, Survey>;

/// A path that may be staged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Slot {
    pub(crate) path: RelativePath,
    /// Whether it is a directory that stays when what is in it goes.
    pub(crate) stays: bool,
}

/// `<data directory>/.factory-reset/<run>/`, where each staged path has a slot: its place in
/// the list that the journal keeps.
#[derive(Debug)]
pub(crate) struct Staging {
    data_directory: Arc<DataDirectory>,
    run: Uuid,
    area: CheckedDirectory,
    slots: Vec<Slot>,
    /// Held during every move, and `true` once nothing may be staged any more: a step that
    /// was given up may still have a move under way.
    closed: Mutex<bool>,
}

impl Staging {
    /// Makes the area of `run`. Blocks, like all methods here.
    pub(crate) fn create(
        data_directory: Arc<DataDirectory>,
        run: Uuid,
        slots: Vec<Slot>,
    ) -> Result<Self, PathError> {
        let name = run.to_string();
        let path = data_directory.own().path_of(&name);
        mkdirat(data_directory.own(), &*name, Mode::RWXU)
            .map_err(PathError::io("create", &path))?;
        fsync(data_directory.own()).map_err(PathError::io("sync", &path))?;
        let opened = Self::open(data_directory, run, slots)?;
        opened.ok_or_else(|| PathError::io("open", path)(Errno::NOENT))
    }

    /// Opens the area of `run`, if there is one: without it nothing was staged.
    pub(crate) fn open(
        data_directory: Arc<DataDirectory>,
        run: Uuid,
        slots: Vec<Slot>,
    ) -> Result<Option<Self>, PathError> {
        let area = data_directory.own().directory(&run.to_string())?;
        Ok(area.map(|area| Self {
            data_directory,
            run,
            area,
            slots,
            closed: Mutex::new(false),
        }))
    }

    /// Moves `path` into its slot. Returns `false` when there is nothing.
    pub(crate) fn stage(&self, path: &RelativePath) -> Result<bool, PathError> {
        let (slot, stays) = self.slot(path)?;
        let closed = self.closed();
        if *closed {
            return Err(PathError::TooLate(path.to_string()));
        }
        if stays {
            self.empty(path, slot, &slot.to_string())
        } else {
            self.move_into(path, &slot.to_string())
        }
    }

    /// Moves `path` into its slot, and `name` in `directory`, which lies on the same file system,
    /// into its place. Everything in that is on the disk already.
    #[cfg(feature = "backup")]
    pub(crate) fn replace(
        &self,
        path: &RelativePath,
        directory: impl AsFd,
        name: &OsStr,
    ) -> Result<(), PathError> {
        let (slot, _) = self.slot(path)?;
        let refuse = |action| PathError::io(action, self.data_directory.absolute(path));
        let closed = self.closed();
        if *closed {
            return Err(PathError::TooLate(path.to_string()));
        }
        self.move_into(path, &slot.to_string())?;
        // Where nothing was, nothing is in the slot: the mark says that what is there is ours.
        match mkdirat(&self.area, &*of(slot, PUT), Mode::RWXU) {
            Ok(()) | Err(Errno::EXIST) => {}
            Err(error) => return Err(refuse("mark in the staging area")(error)),
        }
        fsync(&self.area).map_err(refuse("sync the staging area of"))?;
        let place = self.data_directory.make_place(path)?;
        renameat(directory, name, &place.parent, &*place.name)
            .map_err(refuse("move out of the bundle"))?;
        fsync(&place.parent).map_err(refuse("sync the directory of"))
    }

    /// Moves `path` into its slot, and leaves nothing in its place.
    #[cfg(feature = "backup")]
    pub(crate) fn take_away(&self, path: &RelativePath) -> Result<(), PathError> {
        let (slot, _) = self.slot(path)?;
        let closed = self.closed();
        if *closed {
            return Err(PathError::TooLate(path.to_string()));
        }
        self.move_into(path, &slot.to_string()).map(drop)
    }

    /// The number of the slot of `path`, and whether it stays.
    fn slot(&self, path: &RelativePath) -> Result<(usize, bool), PathError> {
        let slot = self.slots.iter().position(|slot| slot.path == *path);
        let slot = slot.ok_or_else(|| PathError::NotPlanned(path.to_string()))?;
        Ok((slot, self.slots[slot].stays))
    }

    /// Moves away what a writer has put back at a staged path since. Goes on past what
    /// cannot be moved, and returns the first such error.
    pub(crate) fn stage_again(&self) -> Result<(), PathError> {
        *self.closed() = true;
        let slots = self.slots.iter().enumerate();
        let moved = slots.map(|(number, slot)| {
            let name = again(&number.to_string());
            match slot.stays {
                false => self.move_into(&slot.path, &name),
                true if self.is_empty(&slot.path)? => Ok(false),
                true => self.empty(&slot.path, number, &name),
            }
        });
        // All of them are tried before the errors are looked at.
        let moved: Vec<_> = moved.collect();
        // Also where one failed: from here on the service may put something there.
        self.mark_swept();
        moved.into_iter().try_for_each(|moved| moved.map(drop))
    }

    /// Moves the directory `path` to `name` in the area, and puts an empty one in its place that
    /// has its mode and its owner. Returns `false` when there is nothing, and nothing was staged.
    fn empty(&self, path: &RelativePath, slot: usize, name: &str) -> Result<bool, PathError> {
        let refuse = |action| PathError::io(action, self.data_directory.absolute(path));
        let Some(place) = self.data_directory.place(path)? else {
            return Ok(false);
        };
        let model = match model(&place.parent, &place.name) {
            // A crash may have come before the empty one was in the place of what is staged.
            Err(Errno::NOENT) => model(&self.area, &slot.to_string()),
            model => model,
        };
        let model = match model {
            Ok(model) => model,
            Err(Errno::NOENT) => return Ok(false),
            Err(error) => return Err(refuse("open")(error)),
        };
        let fresh = of(slot, FRESH);
        // In the place of a link or a file: like one that the service would make.
        match mkdirat(&self.area, &*fresh, Mode::from_raw_mode(0o755)) {
            Ok(()) | Err(Errno::EXIST) => {}
            Err(error) => return Err(refuse("make an empty directory for")(error)),
        }
        if let Some(model) = model {
            let directory = openat(&self.area, &*fresh, directory_flags(), Mode::empty())
                .map_err(refuse("make an empty directory for"))?;
            resemble(&directory, &model).map_err(refuse("set the mode of"))?;
            fsync(&directory).map_err(refuse("sync an empty directory for"))?;
        }
        self.move_into(path, name)?;
        renameat(&self.area, &*fresh, &place.parent, &*place.name)
            .map_err(refuse("put an empty directory in the place of"))?;
        fsync(&place.parent).map_err(refuse("sync the directory of"))?;
        Ok(true)
    }

    /// Whether `path` is a directory with nothing in it.
    fn is_empty(&self, path: &RelativePath) -> Result<bool, PathError> {
        let Some(place) = self.data_directory.place(path)? else {
            return Ok(false);
        };
        match Entry::look(&place.parent, OsStr::new(&place.name)) {
            Err(Errno::NOENT) => Ok(false),
            Ok(entry) if entry.kind == EntryKind::Directory => {
                Ok(self.data_directory.names(Some(path))?.is_empty())
            }
            Ok(_) => Ok(false),
            Err(error) => {
                let path = self.data_directory.absolute(path);
                Err(PathError::io("look at", path)(error))
            }
        }
    }

    /// Notes, beside the journal which may not be written any more, that what is there from now
    /// on is there to stay.
    pub(crate) fn mark_swept(&self) {
        let marked = match mkdirat(&self.area, SWEPT, Mode::RWXU) {
            Ok(()) | Err(Errno::EXIST) => fsync(&self.area),
            Err(error) => Err(error),
        };
        if let Err(error) = marked {
            tracing::debug!(%error, "no mark that all was looked at again");
        }
    }

    /// Whether all staged paths have been looked at again after the commit.
    pub(crate) fn is_swept(&self) -> bool {
        Entry::look(&self.area, OsStr::new(SWEPT)).is_ok()
    }

    /// Nothing panics while it holds this lock; a poisoned one would be as good.
    fn closed(&self) -> MutexGuard<'_, bool> {
        self.closed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn move_into(&self, path: &RelativePath, slot: &str) -> Result<bool, PathError> {
        let refuse = |action| PathError::io(action, self.data_directory.absolute(path));
        let Some(place) = self.data_directory.place(path)? else {
            return Ok(false);
        };
        match renameat(&place.parent, &*place.name, &self.area, slot) {
            Ok(()) => {}
            Err(Errno::NOENT) => return Ok(false),
            Err(error) => return Err(refuse("move into the staging area")(error)),
        }
        // First where it is now: a power cut in between may show it in both places, and never
        // in none.
        fsync(&self.area).map_err(refuse("sync the staging area of"))?;
        fsync(&place.parent).map_err(refuse("sync the directory of"))?;
        Ok(true)
    }

    /// Moves everything back to where it was. What is in the way was put there during the
    /// reset by a writer that slipped through; it goes.
    pub(crate) fn restore(&self) -> Result<(), PathError> {
        *self.closed() = true;
        for (number, Slot { path, stays }) in self.slots.iter().enumerate() {
            let refuse = |action| PathError::io(action, self.data_directory.absolute(path));
            let slot = number.to_string();
            if let Err(Errno::NOENT) = Entry::look(&self.area, OsStr::new(&slot)) {
                // Nothing was there; what was put there is a bundle's.
                if Entry::look(&self.area, OsStr::new(&of(number, PUT))).is_ok() {
                    self.move_into(path, &again(&slot))?;
                }
                continue;
            }
            // What is staged is never given up: without its directory this is an error.
            let Some(place) = self.data_directory.place(path)? else {
                return Err(refuse("find the directory of")(Errno::NOENT));
            };
            if Entry::look(&place.parent, OsStr::new(&place.name)).is_ok() {
                if !stays || !self.is_empty(path)? {
                    tracing::warn!(
                        path = path.as_str(),
                        "something was written here during the reset; it goes"
                    );
                }
                self.move_into(path, &again(&slot))?;
            }
            renameat(&self.area, &*slot, &place.parent, &*place.name)
                .map_err(refuse("move back"))?;
            fsync(&place.parent).map_err(refuse("sync the directory of"))?;
            fsync(&self.area).map_err(refuse("sync the staging area of"))?;
        }
        Ok(())
    }

    /// Counts what is staged, path by path.
    pub(crate) fn count(&self) -> Result<Counts, PathError> {
        let slots = self.slots.iter().enumerate();
        let counted = slots.map(|(number, slot)| {
            let name = number.to_string();
            let here = self.area.path_of(&name);
            let survey = self
                .data_directory
                .survey_at(self.area.as_fd(), &name, &here)?;
            Ok((slot.path.to_string(), survey))
        });
        counted.collect()
    }

    /// Unlinks what is staged, and the area itself.
    pub(crate) fn purge(&self) -> Result<(), PathError> {
        purge(&self.data_directory, self.run)
    }
}

/// Unlinks what `run` has staged, and its area.
pub(crate) fn purge(data_directory: &DataDirectory, run: Uuid) -> Result<(), PathError> {
    let name = run.to_string();
    let own = data_directory.own();
    let path = own.path_of(&name);
    remove_tree(data_directory, own.as_fd(), &name, &path)?;
    fsync(own).map_err(PathError::io("sync the directory of", path))
}

/// The directory `name`, for another to be made like it; none for a link or a file, neither of
/// which is followed.
fn model(parent: impl AsFd, name: &str) -> Result<Option<Stat>, Errno> {
    match openat(parent, name, directory_flags(), Mode::empty()) {
        Ok(directory) => fstat(&directory).map(Some),
        Err(Errno::LOOP | Errno::NOTDIR) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Gives `directory` the owner and the mode of `model`.
fn resemble(directory: &OwnedFd, model: &Stat) -> Result<(), Errno> {
    let own = fstat(directory)?;
    let mut mode = Mode::from_raw_mode(model.st_mode);
    if (own.st_uid, own.st_gid) != (model.st_uid, model.st_gid) {
        let owner = Some(Uid::from_raw(model.st_uid));
        let group = Some(Gid::from_raw(model.st_gid));
        if fchown(directory, owner, group).is_err() {
            // Without the right to give it away it is the service's own, as its files are, and
            // the service may have used it by the rights of others.
            mode |= Mode::RWXU;
        }
    }
    fchmod(directory, mode)
}

/// The name of something that belongs to a slot.
fn of(slot: usize, what: &str) -> String {
    format!("{slot}.{what}")
}

/// A name in the staging area for what came to the place of what is in `slot`: always a fresh
/// one, for a directory cannot be moved onto another.
fn again(slot: &str) -> String {
    format!("{slot}.{}", Uuid::now_v7())
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::*;

    fn staging(directory: &Path, paths: &[&str]) -> Staging {
        let data_directory = Arc::new(DataDirectory::open(directory).unwrap());
        let slots = paths
            .iter()
            .map(|path| Slot {
                path: RelativePath::new(path).unwrap(),
                stays: false,
            })
            .collect();
        Staging::create(data_directory, Uuid::now_v7(), slots).unwrap()
    }

    fn path(text: &str) -> RelativePath {
        RelativePath::new(text).unwrap()
    }

    #[test]
    fn what_is_staged_comes_back_as_it_was() {
        let directory = tempfile::tempdir().unwrap();
        fs::create_dir_all(directory.path().join("media/deep")).unwrap();
        fs::write(directory.path().join("media/deep/a"), "a").unwrap();
        let staging = staging(directory.path(), &["media", "absent"]);
        assert!(staging.stage(&path("media")).unwrap());
        assert!(!staging.stage(&path("absent")).unwrap());
        assert!(!directory.path().join("media").exists());
        staging.restore().unwrap();
        staging.purge().unwrap();
        assert_eq!(
            fs::read_to_string(directory.path().join("media/deep/a")).unwrap(),
            "a"
        );
    }

    #[test]
    fn what_a_writer_put_in_the_way_goes() {
        let directory = tempfile::tempdir().unwrap();
        let media = directory.path().join("media");
        fs::create_dir(&media).unwrap();
        fs::write(media.join("old"), "").unwrap();
        let staging = staging(directory.path(), &["media"]);
        staging.stage(&path("media")).unwrap();
        fs::create_dir(&media).unwrap();
        fs::write(media.join("new"), "").unwrap();
        staging.restore().unwrap();
        staging.purge().unwrap();
        assert!(media.join("old").exists() && !media.join("new").exists());
    }

    #[test]
    fn a_link_is_moved_and_never_followed() {
        let directory = tempfile::tempdir().unwrap();
        let outside = tempfile::tempdir().unwrap();
        fs::write(outside.path().join("kept"), "").unwrap();
        std::os::unix::fs::symlink(outside.path(), directory.path().join("media")).unwrap();
        let staging = staging(directory.path(), &["media", "media/kept"]);
        assert!(
            staging.stage(&path("media/kept")).is_err(),
            "a link on the way is refused"
        );
        assert!(staging.stage(&path("media")).unwrap());
        staging.purge().unwrap();
        assert!(outside.path().join("kept").exists());
        assert!(fs::symlink_metadata(directory.path().join("media")).is_err());
    }

    #[test]
    fn a_move_that_comes_late_does_not_happen() {
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join("config.toml"), "").unwrap();
        let staging = staging(directory.path(), &["config.toml"]);
        staging.restore().unwrap();
        assert!(matches!(
            staging.stage(&path("config.toml")),
            Err(PathError::TooLate(_))
        ));
        assert!(directory.path().join("config.toml").exists());
    }

    #[test]
    fn only_planned_paths_can_be_staged() {
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join("api_token"), "").unwrap();
        let staging = staging(directory.path(), &["media"]);
        assert!(matches!(
            staging.stage(&path("api_token")),
            Err(PathError::NotPlanned(_))
        ));
    }
}
