//! The end of writing: the bundle is put together, and takes its place.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek, Write};
use std::os::fd::AsFd;

use rustix::fs::{AtFlags, fsync, unlinkat};
use rustix::io::Errno;

use super::backups::Backups;
use super::error::BundleError;
use super::hashing::{self, Hashing};
use super::head::{BLOCK, Head};
use super::layout::{MANIFEST, SUMS};
use super::listing::BundleInfo;
use super::manifest::{LONGEST, Manifest};
use super::name::BundleName;
use super::temporary::Temporary;
use super::{frames, sums};
use crate::data_directory::{CheckedDirectory, PathError};

/// Writes the frame with `manifest` and `sums`, and `body` behind it, and gives the whole its
/// name, if that is still free.
pub(super) fn compose(
    backups: &Backups,
    directory: &CheckedDirectory,
    manifest: Manifest,
    sums: File,
    body: File,
) -> Result<BundleInfo, BundleError> {
    let name = manifest.name.clone();
    let refuse = |action| PathError::io(action, backups.path_of(&name.file()));
    let mut text = serde_json::to_vec_pretty(&manifest)
        .map_err(|error| refuse("write")(io::Error::from(error)))?;
    text.push(b'\n');
    if text.len() as u64 > LONGEST {
        return Err(BundleError::LongManifest(text.len()));
    }
    let temporary = Temporary::create(directory.as_fd()).map_err(refuse("write"))?;
    let mut bundle = Hashing::new(&temporary.file);
    let seconds = manifest.created_at.as_second();
    write_front(&mut bundle, &text, sums, seconds).map_err(refuse("write"))?;
    append(&mut bundle, body).map_err(refuse("write"))?;
    let (file, sum, bytes) = bundle.finish();
    file.sync_all().map_err(refuse("sync"))?;
    place(backups, directory, &name, &temporary, &sum)?;
    Ok(BundleInfo {
        name: name.as_str().to_owned(),
        bytes,
        created_at: manifest.created_at,
        sha256: Some(sum),
        manifest: Some(manifest),
        error: None,
    })
}

/// Writes the first frame.
fn write_front(
    bundle: impl Write,
    manifest: &[u8],
    mut sums: File,
    seconds: i64,
) -> io::Result<()> {
    let mut front = frames::encoder(bundle)?;
    let head = Head::plain(MANIFEST, manifest.len() as u64, seconds);
    front.write_all(&head.encode())?;
    front.write_all(manifest)?;
    front.write_all(&[0; BLOCK][..head.padding()])?;

    let first = sums::line(&hashing::sum(manifest), MANIFEST.as_bytes());
    let length = first.len() as u64 + sums.metadata()?.len();
    let head = Head::plain(SUMS, length, seconds);
    front.write_all(&head.encode())?;
    front.write_all(&first)?;
    sums.rewind()?;
    copy(sums, &mut front)?;
    front.write_all(&[0; BLOCK][..head.padding()])?;
    front.finish()?;
    Ok(())
}

fn append(bundle: &mut impl Write, mut body: File) -> io::Result<()> {
    body.rewind()?;
    copy(body, bundle)
}

fn copy(from: impl Read, mut to: impl Write) -> io::Result<()> {
    io::copy(
        &mut BufReader::with_capacity(super::writer::CHUNK, from),
        &mut to,
    )
    .map(drop)
}

/// Puts the sum in its place, and then the bundle. Who finds the place of the sum taken has
/// come second.
fn place(
    backups: &Backups,
    directory: &CheckedDirectory,
    name: &BundleName,
    bundle: &Temporary<'_>,
    sum: &str,
) -> Result<(), BundleError> {
    let refuse = |action| PathError::io(action, backups.path_of(&name.file()));
    let taken = |error| match error {
        Errno::EXIST => BundleError::Exists(name.clone()),
        error => refuse("write")(error.into()).into(),
    };
    let beside = Temporary::create(directory.as_fd()).map_err(refuse("write"))?;
    (&beside.file)
        .write_all(&sums::line(sum, name.file().as_bytes()))
        .and_then(|()| beside.file.sync_all())
        .map_err(refuse("write"))?;
    beside.place(&name.sum_file()).map_err(taken)?;
    // The sum first, also on the disk: a power cut leaves no bundle without it.
    let sync = || fsync(directory).map_err(|error| refuse("sync")(error.into()).into());
    if let Err(error) = sync().and_then(|()| bundle.place(&name.file()).map_err(taken)) {
        let _ = unlinkat(directory, name.sum_file(), AtFlags::empty());
        return Err(error);
    }
    sync().inspect_err(|_| {
        // What is said to have failed is not there later.
        let _ = unlinkat(directory, name.file(), AtFlags::empty());
        let _ = unlinkat(directory, name.sum_file(), AtFlags::empty());
    })
}
