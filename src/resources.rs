//! What the host offers its steps.

use std::any::{Any, TypeId, type_name};
use std::collections::HashMap;

/// A map from type to value. Hosts fill it with role newtypes (`MediaDir`, `ConfigFile`):
/// two steps that both asked for a bare `PathBuf` would get the same one.
#[derive(Default)]
pub struct Resources {
    entries: HashMap<TypeId, Entry>,
}

struct Entry {
    type_name: &'static str,
    value: Box<dyn Any + Send + Sync>,
}

impl Resources {
    /// Adds `value`. Returns `false`, and keeps the first, when one of its type is there.
    pub(crate) fn insert<T: Send + Sync + 'static>(&mut self, value: T) -> bool {
        let mut fresh = false;
        self.entries.entry(TypeId::of::<T>()).or_insert_with(|| {
            fresh = true;
            Entry {
                type_name: type_name::<T>(),
                value: Box::new(value),
            }
        });
        fresh
    }

    /// The value of type `T`, if the host offers one.
    #[must_use]
    pub fn get<T: Send + Sync + 'static>(&self) -> Option<&T> {
        self.entries.get(&TypeId::of::<T>())?.value.downcast_ref()
    }

    pub(crate) fn contains(&self, type_id: TypeId) -> bool {
        self.entries.contains_key(&type_id)
    }

    /// Every type that is offered, with its name.
    pub(crate) fn types(&self) -> impl Iterator<Item = (TypeId, &'static str)> {
        self.entries
            .iter()
            .map(|(type_id, entry)| (*type_id, entry.type_name))
    }
}

impl std::fmt::Debug for Resources {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_set()
            .entries(self.entries.values().map(|entry| entry.type_name))
            .finish()
    }
}
