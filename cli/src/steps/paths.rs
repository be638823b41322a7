//! The step `paths`.

use factory_reset::{
    Claims, Phase, RelativePath, ResetStep, Resources, StepDescriptor, StepRegistration, summary,
};

/// The paths to clear.
#[derive(Debug)]
pub(crate) struct ClaimedPaths {
    /// Files, and directories that go with all that is in them.
    pub(crate) paths: Vec<RelativePath>,
    /// Directories that stay, empty.
    pub(crate) contents: Vec<RelativePath>,
}

const PATHS: StepDescriptor = StepDescriptor::new("paths", Phase::Erase)
    .label("Files")
    .description("These files and directories.")
    .requires::<ClaimedPaths>()
    .cleared(&[
        ("paths_deleted", summary::items),
        ("files_deleted", summary::count),
    ]);

struct Paths;

impl ResetStep for Paths {
    fn claims(&self, resources: &Resources) -> Claims {
        let Some(ClaimedPaths { paths, contents }) = resources.get() else {
            return Claims::none();
        };
        let claims = paths.iter().map(RelativePath::as_str);
        let claims = claims.fold(Claims::none(), Claims::path);
        let contents = contents.iter().map(RelativePath::as_str);
        contents.fold(claims, Claims::contents)
    }
}

/// The step.
pub(crate) fn paths() -> StepRegistration {
    StepRegistration::new(PATHS, &Paths)
}
