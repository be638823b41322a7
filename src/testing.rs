//! What a host's own tests ask of its engine (feature `testing`).

use crate::claims::Unclaimed;
use crate::engine::Engine;
use crate::selection::Selection;

/// Fails when anything in the database or the data directory is neither claimed nor preserved:
/// a table that a migration has added, a file that a feature has begun to write. Likewise when the
/// database has a trigger, a view or an index that a fresh install does not have.
///
/// ```
/// # async fn test(engine: &factory_reset::Engine) {
/// // In a test of the host, after it has used every feature once:
/// factory_reset::testing::assert_nothing_unclaimed(engine).await;
/// # }
/// ```
///
/// # Panics
///
/// When there is anything, naming all of it, or when no plan can be made.
pub async fn assert_nothing_unclaimed(engine: &Engine) {
    let plan = match engine.plan(&Selection::all()).await {
        Ok(plan) => plan,
        Err(error) => panic!("no plan: {}", crate::chain(&error)),
    };
    let unclaimed = plan.unclaimed().iter();
    let names: Vec<_> = unclaimed.map(Unclaimed::told).collect();
    assert!(
        names.is_empty(),
        "nobody claims {}: add a step that does, preserve it, or drop it",
        names.join(", ")
    );
}
