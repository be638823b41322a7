//! Media: many small files in folders by year, month, kind and hundred.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::thread;

use super::{Arena, Field, Left};
use crate::amount::Amount;
use crate::failure::Failure;

/// How many files lie in one folder.
const FOLDER: u64 = 200;

/// How many threads make them.
const THREADS: u64 = 4;

const KINDS: [(&str, &str); 3] = [("photos", "jpg"), ("graphics", "png"), ("clips", "mp4")];

/// A data directory with this many files.
pub(crate) struct Files {
    field: Field,
    files: u64,
}

impl Files {
    /// Files below `directory`, to be made for each contestant.
    pub(crate) fn new(directory: &Path, files: Amount) -> Self {
        let host = directory.join("host");
        Self {
            field: Field {
                database: String::new(),
                media: host.join("media"),
                directory: host,
            },
            files: files.0,
        }
    }

    /// Makes those of each folder whose number leaves `rest` when divided among the threads.
    fn make(&self, rest: u64) -> io::Result<()> {
        let contents = vec![b'x'; 4096];
        let folders = self.files.div_ceil(FOLDER);
        for folder in (0..folders).filter(|folder| folder % THREADS == rest) {
            let (kind, extension) = KINDS[(folder % 3) as usize];
            let path: PathBuf = [
                format!("{}", 2020 + folder / 36 % 7),
                format!("{:02}", folder / 3 % 12 + 1),
                kind.to_owned(),
                format!("{folder:05}"),
            ]
            .iter()
            .collect();
            let path = self.field.media.join(path);
            fs::create_dir_all(&path)?;
            for file in folder * FOLDER..self.files.min((folder + 1) * FOLDER) {
                let size = 300 + (file * 37 % 3000) as usize;
                fs::write(
                    path.join(format!("{file:08}.{extension}")),
                    &contents[..size],
                )?;
            }
        }
        Ok(())
    }
}

impl Arena for Files {
    fn prepare(&self) -> Result<Field, Failure> {
        fs::create_dir_all(&self.field.media)?;
        thread::scope(|scope| {
            let makers: Vec<_> = (0..THREADS)
                .map(|rest| scope.spawn(move || self.make(rest)))
                .collect();
            makers.into_iter().try_for_each(|maker| {
                let made = maker.join().map_err(|_| "a thread panicked")?;
                Ok::<_, Failure>(made?)
            })
        })?;
        // Nobody is to pay for what the making, or another's field, has left to write.
        rustix::fs::syncfs(File::open(&self.field.directory)?)?;
        Ok(self.field.clone())
    }

    fn inspect(&self, field: &Field) -> Result<Left, Failure> {
        if field.media.exists() {
            return Err(format!("{} is still there", field.media.display()).into());
        }
        Ok(Left::default())
    }

    fn clean(&self, field: &Field) -> Result<(), Failure> {
        Ok(fs::remove_dir_all(&field.directory)?)
    }
}
