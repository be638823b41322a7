//! A model of a disk that loses what was not synced when the power goes.
//!
//! What a file holds is durable when it is synced; that a name is there, or is gone, when its
//! directory is. A rename is one change of names, durable once both directories are synced.
//! Of everything else any part may have reached the disk, in any order: each write and each
//! change of a name by itself.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use walkdir::WalkDir;

use super::log::Change;

/// What a disk holds after a cut: mode and content of each file, mode of each directory.
pub(super) type Remains = BTreeMap<PathBuf, (u32, Option<Vec<u8>>)>;

/// A place in [`Disk::nodes`].
type Number = usize;
const ROOT: Number = 0;

#[derive(Debug)]
struct Node<'log> {
    mode: u32,
    /// The names in a directory, as they are and as they were at first.
    names: BTreeMap<String, Number>,
    first_names: BTreeMap<String, Number>,
    /// None for a directory.
    content: Option<Content<'log>>,
}

#[derive(Debug, Clone, Default)]
struct Content<'log> {
    durable: Vec<u8>,
    /// Since the last sync.
    changes: Vec<Write<'log>>,
}

#[derive(Debug, Clone)]
enum Write<'log> {
    Bytes(usize, &'log [u8]),
    Length(usize),
}

/// A change of names: in these directories these names now stand for these nodes, or nothing.
#[derive(Debug)]
struct Naming {
    entries: Vec<(Number, String, Option<Number>)>,
    unsynced: BTreeSet<Number>,
}

/// The disk of a host that has made some of the calls in a log.
#[derive(Debug)]
pub(super) struct Disk<'log> {
    nodes: Vec<Node<'log>>,
    namings: Vec<Naming>,
}

impl<'log> Disk<'log> {
    /// All that is in `directory` is durable.
    pub(super) fn read(directory: &Path) -> Self {
        let mut disk = Self {
            nodes: Vec::new(),
            namings: Vec::new(),
        };
        for entry in WalkDir::new(directory) {
            let entry = entry.unwrap();
            let path = entry.path().strip_prefix(directory).unwrap();
            let mode = entry.metadata().unwrap().permissions().mode();
            let content = entry.file_type().is_file().then(|| Content {
                durable: fs::read(entry.path()).unwrap(),
                changes: Vec::new(),
            });
            let node = disk.add(mode, content);
            if node != ROOT {
                let (parent, name) = disk.place(path);
                disk.nodes[parent].names.insert(name.clone(), node);
                disk.nodes[parent].first_names.insert(name, node);
            }
        }
        disk
    }

    /// Lets a call happen.
    pub(super) fn apply(&mut self, change: &'log Change) {
        match change {
            Change::Create { path, mode } => {
                let node = self.add(*mode, Some(Content::default()));
                self.name(vec![(path, Some(node))]);
            }
            Change::CreateDirectory { path, mode } => {
                let node = self.add(*mode, None);
                self.name(vec![(path, Some(node))]);
            }
            Change::Write { path, from, bytes } => {
                let write = Write::Bytes(*from, bytes);
                self.content(path).changes.push(write);
            }
            Change::Resize { path, length } => {
                self.content(path).changes.push(Write::Length(*length));
            }
            Change::Rename { from, to } => {
                let node = self.find(from);
                self.name(vec![(from, None), (to, Some(node))]);
            }
            Change::Remove { path } => self.name(vec![(path, None)]),
            Change::Sync { path } => {
                let node = self.find(path);
                if let Some(content) = &mut self.nodes[node].content {
                    content.sync(|| true);
                }
                for naming in &mut self.namings {
                    naming.unsynced.remove(&node);
                }
            }
        }
    }

    /// What is left when the power goes now: all that is durable, and of the rest what
    /// `happens` to have reached the disk.
    pub(super) fn cut(&self, mut happens: impl FnMut() -> bool) -> Remains {
        let names = self.nodes.iter().map(|node| node.first_names.clone());
        let mut names: Vec<_> = names.collect();
        for naming in &self.namings {
            if !(naming.unsynced.is_empty() || happens()) {
                continue;
            }
            for (directory, name, node) in &naming.entries {
                match node {
                    Some(node) => names[*directory].insert(name.clone(), *node),
                    None => names[*directory].remove(name),
                };
            }
        }
        let mut remains = Remains::new();
        let mut open = vec![(PathBuf::new(), ROOT)];
        while let Some((path, number)) = open.pop() {
            let node = &self.nodes[number];
            let content = node.content.clone().map(|mut content| {
                content.sync(&mut happens);
                content.durable
            });
            for (name, below) in &names[number] {
                // Shared memory is rebuilt, and never synced.
                if !name.ends_with("-shm") {
                    open.push((path.join(name), *below));
                }
            }
            remains.insert(path, (node.mode, content));
        }
        remains
    }

    fn add(&mut self, mode: u32, content: Option<Content<'log>>) -> Number {
        self.nodes.push(Node {
            mode,
            names: BTreeMap::new(),
            first_names: BTreeMap::new(),
            content,
        });
        self.nodes.len() - 1
    }

    fn name(&mut self, entries: Vec<(&PathBuf, Option<Number>)>) {
        let entries = entries.into_iter().map(|(path, node)| {
            let (directory, name) = self.place(path);
            let names = &mut self.nodes[directory].names;
            match node {
                Some(node) => names.insert(name.clone(), node),
                None => names.remove(&name),
            };
            (directory, name, node)
        });
        let entries: Vec<_> = entries.collect();
        let unsynced = entries.iter().map(|(directory, ..)| *directory).collect();
        self.namings.push(Naming { entries, unsynced });
    }

    fn content(&mut self, path: &Path) -> &mut Content<'log> {
        let node = self.find(path);
        self.nodes[node].content.as_mut().expect("a file")
    }

    fn place(&self, path: &Path) -> (Number, String) {
        let name = path.file_name().expect("a name").to_str().unwrap();
        (self.find(path.parent().unwrap()), name.to_owned())
    }

    fn find(&self, path: &Path) -> Number {
        path.iter().fold(ROOT, |node, name| {
            let names = &self.nodes[node].names;
            *names
                .get(name.to_str().unwrap())
                .unwrap_or_else(|| panic!("`{}` is not known", path.display()))
        })
    }
}

impl Content<'_> {
    /// Brings those changes to the disk that happen to get there, in their order.
    fn sync(&mut self, mut happens: impl FnMut() -> bool) {
        for change in self.changes.drain(..) {
            if !happens() {
                continue;
            }
            match change {
                Write::Length(length) => self.durable.resize(length, 0),
                Write::Bytes(from, bytes) => {
                    let end = from + bytes.len();
                    if self.durable.len() < end {
                        self.durable.resize(end, 0);
                    }
                    self.durable[from..end].copy_from_slice(bytes);
                }
            }
        }
    }
}

/// Makes a directory of what is left.
pub(super) fn restore(remains: &Remains, directory: &Path) {
    for (path, (mode, content)) in remains {
        let path = directory.join(path);
        match content {
            Some(content) => fs::write(&path, content).unwrap(),
            None => fs::create_dir(&path).unwrap(),
        }
        fs::set_permissions(&path, fs::Permissions::from_mode(*mode & 0o7777)).unwrap();
    }
}
