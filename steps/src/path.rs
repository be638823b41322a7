//! The step that removes one path of the data directory.

use std::marker::PhantomData;
use std::path::Path;

use factory_reset::{Claims, ResetStep, Resources};

/// A resource that names a path, relative to the data directory.
pub(crate) trait PathResource: Send + Sync + 'static {
    fn path(&self) -> &Path;
}

/// Removes the path in the resource `R`, file or directory.
pub(crate) struct PathStep<R>(PhantomData<fn() -> R>);

impl<R> PathStep<R> {
    pub(crate) const fn new() -> Self {
        Self(PhantomData)
    }
}

impl<R: PathResource> ResetStep for PathStep<R> {
    fn claims(&self, resources: &Resources) -> Claims {
        claims::<R>(resources)
    }
}

/// The path in the resource `R`, claimed.
pub(crate) fn claims<R: PathResource>(resources: &Resources) -> Claims {
    resources.get().map_or_else(Claims::none, |resource: &R| {
        Claims::none().path(resource.path())
    })
}
