//! A step touches what it claims, and nothing else.

use factory_reset::{
    Claims, Engine, Item, ItemKind, Phase, PlanContext, PlanError, ResetError, ResetRequest,
    ResetStep, Resources, Selection, StepContext, StepDescriptor, StepError, StepOutcome, StepPlan,
    async_trait, chain,
};
use factory_reset_steps::MediaDir;

use crate::dump::{assert_same, dump};
use crate::fixture::{Host, POSTS, counts, everything, own, tree};
use crate::rich::wal;
use crate::steps::{Workers, paths, registration};

/// Claims `notes` and `more`, and plans to clear one thing more.
struct Greedy(ItemKind, &'static str);

#[async_trait]
impl ResetStep for Greedy {
    fn claims(&self, _: &Resources) -> Claims {
        Claims::none().path("notes").path("more")
    }

    async fn plan(&self, context: &PlanContext<'_>) -> Result<StepPlan, StepError> {
        let mut plan = context.plan_claims().await?;
        plan.push(Item::removed(self.0, self.1, 1));
        Ok(plan)
    }
}

/// A host with something of everybody's.
async fn host() -> Host {
    let host = Host::new().await;
    for path in ["api_token", "notes/one", "more/two", "nobodys"] {
        host.write(path, path);
    }
    host
}

async fn engine_with(host: &Host, workers: &std::sync::Arc<Workers>, greedy: Greedy) -> Engine {
    let descriptor = StepDescriptor::new("greedy", Phase::Erase);
    let builder = host
        .builder(&["tables", "media", "runtimes"])
        .await
        .resource(MediaDir::new("media"))
        .preserve("api_token", "clients stay signed in")
        .preserve_table("drafts", "paid for")
        .step(registration(descriptor, greedy));
    workers.offer(builder).build().await.unwrap()
}

#[tokio::test]
async fn a_plan_that_names_what_its_step_does_not_claim_is_refused_and_nothing_is_touched() {
    for (kind, name) in [
        (ItemKind::Path, "api_token"),
        (ItemKind::Path, "host.db"),
        (ItemKind::Path, "host.db-wal"),
        (ItemKind::Path, "media"),
        (ItemKind::Path, "media/cat.jpg"),
        (ItemKind::Path, "nobodys"),
        (ItemKind::Path, "../outside"),
        (ItemKind::Path, ".factory-reset"),
        (ItemKind::Path, "notes/one"),
        (ItemKind::Table, "posts"),
        (ItemKind::Table, "drafts"),
        (ItemKind::Table, "_sqlx_migrations"),
        (ItemKind::Table, "_factory_reset"),
    ] {
        let (host, workers) = (host().await, Workers::new());
        let engine = engine_with(&host, &workers, Greedy(kind, name)).await;
        let (rows, files) = (dump(&host.pool).await, tree(&host.data()));
        let error = engine.plan(&Selection::all()).await.unwrap_err();
        assert!(matches!(error, PlanError::Step { .. }), "{name}: {error:?}");
        let text = chain(&error);
        assert!(
            text.contains("`greedy`") && text.contains(&format!("does not claim `{name}`")),
            "{text}"
        );
        let error = engine.reset(everything()).await.unwrap_err();
        assert!(matches!(error, ResetError::Plan(_)), "{name}: {error:?}");
        assert_eq!(workers.names().await, ["a", "b", "c"]);
        assert_same(&dump(&host.pool).await, &rows);
        assert_eq!(tree(&host.data()), files);
        assert_eq!(own(&host.data()), ["lock"]);
        assert!(engine.gate_handle().enter().is_some());
    }
}

#[tokio::test]
async fn a_plan_that_names_a_part_which_was_not_asked_for_is_refused() {
    let (host, workers) = (host().await, Workers::new());
    let engine = engine_with(&host, &workers, Greedy(ItemKind::Path, "more")).await;
    let files = tree(&host.data());
    let selection = Selection::steps(["greedy"]).only("greedy", ["notes"]);
    let error = engine
        .reset(ResetRequest::new(selection).confirmed())
        .await
        .unwrap_err();
    assert!(chain(&error).contains("`more`"), "{}", chain(&error));
    assert_eq!(tree(&host.data()), files);
}

/// Removes its own path, and then one that is not its own.
struct Grasping(&'static str);

#[async_trait]
impl ResetStep for Grasping {
    fn claims(&self, _: &Resources) -> Claims {
        Claims::none().path("notes")
    }

    async fn apply(
        &self,
        context: &mut StepContext<'_>,
        plan: &StepPlan,
    ) -> Result<StepOutcome, StepError> {
        let outcome = context.clear_claims(plan).await?;
        let path = factory_reset::RelativePath::new(self.0).map_err(StepError::other)?;
        context.remove(&path).await?;
        Ok(outcome)
    }
}

#[tokio::test]
async fn removing_what_is_another_steps_is_refused_and_undone() {
    for other in ["media", "more", "api_token", "host.db"] {
        let host = host().await;
        let grasping = StepDescriptor::new("grasping", Phase::Erase).after(&["media", "more"]);
        let engine = host
            .media_builder()
            .await
            .preserve("api_token", "clients stay signed in")
            .step(paths("more", &["more"]))
            .step(registration(grasping, Grasping(other)))
            .build()
            .await
            .unwrap();
        let (rows, files) = (dump(&host.pool).await, tree(&host.data()));
        let error = engine.reset(everything()).await.unwrap_err();
        assert!(matches!(error, ResetError::Failed { .. }), "{error:?}");
        let text = chain(&error);
        assert!(
            text.contains("`grasping`") && text.contains(other),
            "{text}"
        );
        assert_same(&dump(&host.pool).await, &rows);
        assert_eq!(tree(&host.data()), files);
        assert_eq!(own(&host.data()), ["lock"]);
    }
}

/// Claims one table.
struct Table(&'static str);

impl ResetStep for Table {
    fn claims(&self, _: &Resources) -> Claims {
        Claims::none().table(self.0)
    }
}

#[tokio::test]
async fn the_case_of_a_tables_name_does_not_matter_where_it_is_preserved() {
    let host = Host::with(&[POSTS], wal()).await;
    host.run("INSERT INTO posts (text) VALUES ('mine'); INSERT INTO drafts (text) VALUES ('x')")
        .await;
    let builder = host.builder(&["tables"]).await;
    let engine = builder
        .preserve_table("POSTS", "paid for")
        .build()
        .await
        .unwrap();
    let report = engine.reset(everything()).await.unwrap();
    assert_eq!(counts(&report, "tables").len(), 1);
    assert!(report.unclaimed.is_empty(), "{:?}", report.unclaimed);
    assert!(report.preserved.iter().any(|one| one.name == "posts"));
    assert_eq!(host.number("SELECT count(*) FROM posts").await, 2);
    assert_eq!(host.number("SELECT count(*) FROM drafts").await, 0);
}

#[tokio::test]
async fn the_case_of_a_tables_name_does_not_matter_where_it_is_claimed() {
    let host = Host::with(&[POSTS], wal()).await;
    host.run("INSERT INTO posts (text) VALUES ('mine'); INSERT INTO drafts (text) VALUES ('x')")
        .await;
    let step = registration(StepDescriptor::new("posts", Phase::Erase), Table("Posts"));
    let builder = host.builder(&["tables"]).await.step(step);
    let engine = builder.build().await.unwrap();
    let selection = Selection::steps(["posts"]).only("posts", ["posts"]);
    let report = engine
        .reset(ResetRequest::new(selection).confirmed())
        .await
        .unwrap();
    assert_eq!(counts(&report, "posts")["posts"], 2);
    assert!(report.unclaimed.is_empty(), "{:?}", report.unclaimed);
    assert_eq!(host.number("SELECT count(*) FROM posts").await, 1);
    assert_eq!(host.number("SELECT count(*) FROM drafts").await, 1);
    let report = engine.reset(everything()).await.unwrap();
    assert_eq!(counts(&report, "tables").len(), 1, "the other table alone");
}

#[tokio::test]
async fn a_table_has_one_owner_whatever_the_case_of_its_name() {
    let host = Host::with(&[POSTS], wal()).await;
    let step = |id, table| registration(StepDescriptor::new(id, Phase::Erase), Table(table));
    let two = host.builder(&[]).await;
    let two = two.step(step("one", "posts")).step(step("two", "POSTS"));
    let kept = host.builder(&[]).await;
    let kept = kept
        .step(step("one", "pOSTS"))
        .preserve_table("Posts", "paid for");
    for builder in [two.build().await, kept.build().await] {
        let text = chain(&builder.unwrap_err());
        assert!(text.contains("table `posts` has two owners"), "{text}");
    }
}
