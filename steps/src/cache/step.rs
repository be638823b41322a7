//! The step itself.

use async_trait::async_trait;
use factory_reset::{
    Blocker, Category, Claims, Item, ItemKind, Phase, PlanContext, ResetStep, Resources, Scope,
    StepContext, StepDescriptor, StepError, StepOutcome, StepPlan, StepRegistration, chain,
    inventory, summary,
};

use super::error::CacheError;
use super::keys::CacheKeys;
use super::server::Server;

const CACHE: StepDescriptor = StepDescriptor::new("cache", Phase::Forget)
    .label("Cache")
    .description("The keys of this service in Redis; those of others are never touched.")
    .category(Category::Cache)
    .scope(Scope::Shared)
    .refillable()
    .optional()
    .requires::<CacheKeys>()
    .cleared(&[("cache_keys_deleted", summary::count)]);

struct Cache;

#[async_trait]
impl ResetStep for Cache {
    fn claims(&self, resources: &Resources) -> Claims {
        resources
            .get()
            .map_or_else(Claims::none, |keys: &CacheKeys| {
                Claims::none().keys(&keys.prefix)
            })
    }

    /// A server that is down is no error here: whoever looks at everything sees the rest.
    async fn plan(&self, context: &PlanContext<'_>) -> Result<StepPlan, StepError> {
        let prefixes = outermost(context.keys());
        Ok(match survey(context.resource()?, &prefixes).await {
            Ok(plan) => plan,
            Err(error) => unavailable(&prefixes, &error),
        })
    }

    /// Goes by the names in `plan` alone: a server that was down when it was made may have come
    /// back, and one that has not is an error now.
    async fn apply(
        &self,
        context: &mut StepContext<'_>,
        plan: &StepPlan,
    ) -> Result<StepOutcome, StepError> {
        let keys = context.resource()?;
        let prefixes = plan.items().iter().map(|item| &*item.name);
        let items = clear(keys, prefixes).await.map_err(StepError::other)?;
        Ok(StepOutcome::new(items))
    }
}

async fn survey(keys: &CacheKeys, prefixes: &[&str]) -> Result<StepPlan, CacheError> {
    let mut server = Server::connect(keys).await?;
    let mut items = Vec::with_capacity(prefixes.len());
    let mut fingerprints = Vec::with_capacity(prefixes.len());
    for prefix in prefixes {
        let census = server.count(prefix).await?;
        items.push(item(prefix, census.keys));
        fingerprints.push(census.fingerprint);
    }
    Ok(StepPlan::new(items).fingerprint(fingerprints.join(" ")))
}

fn unavailable(prefixes: &[&str], error: &CacheError) -> StepPlan {
    let why = chain(error);
    let mut plan = StepPlan::default();
    for prefix in prefixes {
        plan.push(item(prefix, 0).failed(format!("unavailable: {why}")));
        plan.block(Blocker::new(
            ItemKind::Keys,
            *prefix,
            format!("is unavailable: {why}: start Redis, or leave the step `cache` out"),
        ));
    }
    plan
}

async fn clear(
    keys: &CacheKeys,
    prefixes: impl Iterator<Item = &str>,
) -> Result<Vec<Item>, CacheError> {
    let mut server = Server::connect(keys).await?;
    let mut items = Vec::new();
    for prefix in prefixes {
        let unlinked = server.unlink(prefix).await?;
        let mut item = item(prefix, unlinked.keys);
        if unlinked.is_written_to {
            let remark = "others go on writing such keys: stop them, and clear these again";
            item.message = Some(remark.to_owned());
        }
        items.push(item);
    }
    Ok(items)
}

fn item(prefix: &str, keys: u64) -> Item {
    match keys {
        0 => Item::absent(ItemKind::Keys, prefix),
        keys => Item::removed(ItemKind::Keys, prefix, keys),
    }
}

/// The prefixes without those that begin with another: no key is to be counted twice.
fn outermost(prefixes: &[String]) -> Vec<&str> {
    let mut sorted: Vec<&str> = prefixes.iter().map(String::as_str).collect();
    sorted.sort_unstable();
    let mut outermost: Vec<&str> = Vec::with_capacity(sorted.len());
    for prefix in sorted {
        // What begins with another comes right behind it, or behind such a one.
        if !outermost
            .last()
            .is_some_and(|outer| prefix.starts_with(outer))
        {
            outermost.push(prefix);
        }
    }
    outermost
}

/// The step with its descriptor.
pub(super) const fn registration() -> StepRegistration {
    StepRegistration::new(CACHE, &Cache)
}

inventory::submit! { registration() }

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_lies_within_another_prefix_is_not_counted_by_itself() {
        let prefixes = ["a:b", "a:", "b", "a:b:c", "a:", "a"].map(String::from);
        assert_eq!(outermost(&prefixes), ["a", "b"]);
        assert_eq!(outermost(&["a:b", "a:c"].map(String::from)), ["a:b", "a:c"]);
    }
}
