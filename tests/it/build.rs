//! What is wrong with a host is an error when its engine is built, and says what to write.

use std::sync::Arc;

use factory_reset::{
    BuildError, Claims, Engine, EngineBuilder, Phase, ResetStep, Resources, Selection,
    StepDescriptor, StepRegistration, chain, summary,
};
use factory_reset_steps::{ConfigFile, Generators, MediaDir};
use tempfile::TempDir;

use crate::fixture::{Host, everything, only};
use crate::steps::{Entries, paths, registration};

struct Nothing;
impl ResetStep for Nothing {}

fn step(descriptor: StepDescriptor) -> StepRegistration {
    StepRegistration::new(descriptor, &Nothing)
}

fn noop(id: &'static str, phase: Phase) -> StepRegistration {
    step(StepDescriptor::new(id, phase))
}

async fn refused(builder: EngineBuilder) -> String {
    chain(&builder.build().await.unwrap_err())
}

/// The message has all of `parts` in it.
#[track_caller]
fn assert_says(message: &str, parts: &[&str]) {
    for part in parts {
        assert!(message.contains(part), "`{part}` is missing in: {message}");
    }
}

fn fixture() -> (TempDir, EngineBuilder) {
    let directory = tempfile::tempdir().unwrap();
    let builder = only(&[]).data_dir(directory.path());
    (directory, builder)
}

#[tokio::test]
async fn no_step_at_all_is_refused() {
    let (directory, _) = fixture();
    let builder = Engine::builder()
        .explicit_steps_only()
        .data_dir(directory.path());
    assert_says(
        &refused(builder).await,
        &["`use factory_reset_steps as _;`"],
    );
}

#[tokio::test]
async fn an_expected_step_that_no_crate_registers_is_refused() {
    let (_directory, builder) = fixture();
    let message = refused(builder.expect_step("search-index")).await;
    assert_says(
        &message,
        &["`search-index`", "`use its_crate as _;`", "`media`"],
    );
}

#[tokio::test]
async fn a_step_left_out_that_is_not_there_is_refused() {
    let (_directory, builder) = fixture();
    let message = refused(builder.without("medai")).await;
    assert_says(&message, &[".without(\"medai\")", "`media`"]);
}

#[tokio::test]
async fn a_missing_resource_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let message = refused(only(&["media"]).data_dir(directory.path())).await;
    assert_says(
        &message,
        &["`media`", "`.resource(MediaDir…)`", ".without(\"media\")"],
    );
}

#[tokio::test]
async fn an_unused_resource_is_refused() {
    #[derive(Debug)]
    struct Stray;
    let (_directory, builder) = fixture();
    let message = refused(builder.resource(Stray).step(noop("noop", Phase::Erase))).await;
    assert_says(
        &message,
        &["Stray", ".requires::<Stray>()", "drop `.resource(…)`"],
    );
}

#[tokio::test]
async fn a_resource_of_a_step_left_out_is_no_error() {
    let (_directory, builder) = fixture();
    let builder = builder
        .resource(MediaDir::new("media"))
        .step(noop("noop", Phase::Erase));
    builder.build().await.unwrap();
}

#[tokio::test]
async fn an_optional_step_whose_resource_nobody_offers_is_not_there_unless_it_is_expected() {
    #[derive(Debug)]
    struct Index;
    const INDEX: StepDescriptor = StepDescriptor::new("index", Phase::Erase)
        .optional()
        .requires::<Index>();
    let steps = async |builder: EngineBuilder| {
        let builder = builder.step(noop("noop", Phase::Erase)).step(step(INDEX));
        let engine = builder.build().await?;
        let report = engine.plan(&Selection::all()).await.unwrap().preview();
        Ok::<_, BuildError>(report.steps.len())
    };
    let (_directory, builder) = fixture();
    assert_eq!(steps(builder).await.unwrap(), 1);
    let (_directory, builder) = fixture();
    assert_eq!(steps(builder.resource(Index)).await.unwrap(), 2);
    let (_directory, builder) = fixture();
    let error = steps(builder.expect_step("index")).await.unwrap_err();
    assert!(
        matches!(error, BuildError::MissingResource { .. }),
        "{error}"
    );
}

#[tokio::test]
async fn a_resource_given_twice_is_refused() {
    let (_directory, builder) = fixture();
    let message = refused(
        builder
            .resource(MediaDir::new("a"))
            .resource(MediaDir::new("b")),
    )
    .await;
    assert_says(&message, &["MediaDir", "given twice"]);
}

#[tokio::test]
async fn two_steps_of_one_id_are_refused() {
    let (_directory, builder) = fixture();
    let builder = builder
        .step(noop("cache", Phase::Erase))
        .step(noop("cache", Phase::Forget));
    assert_says(&refused(builder).await, &["`cache`", ".without(\"cache\")"]);
}

#[tokio::test]
async fn an_order_that_cannot_be_is_refused() {
    let (_directory, builder) = fixture();
    let after = |id, phase, after| step(StepDescriptor::new(id, phase).after(after));
    let message = refused(builder.step(after("one", Phase::Erase, &["tow"]))).await;
    assert_says(
        &message,
        &["`one`", "`tow`", ".after(…)", "there is: `one`"],
    );

    let (_directory, builder) = fixture();
    let builder = builder
        .step(after("one", Phase::Erase, &["two"]))
        .step(after("two", Phase::Erase, &["three"]))
        .step(after("three", Phase::Erase, &["one"]));
    assert_says(
        &refused(builder).await,
        &["`one` after `two` after `three` after `one`"],
    );

    let (_directory, builder) = fixture();
    let builder = builder
        .step(after("one", Phase::Stop, &["two"]))
        .step(noop("two", Phase::Erase));
    assert_says(&refused(builder).await, &["`one`", "later phase", "`two`"]);
}

#[tokio::test]
async fn a_key_of_the_summary_given_twice_is_refused() {
    let (_directory, builder) = fixture();
    let keyed =
        |id| step(StepDescriptor::new(id, Phase::Erase).cleared(&[("files", summary::count)]));
    let message = refused(builder.step(keyed("one")).step(keyed("two"))).await;
    assert_says(&message, &["`one`", "`two`", "`files`", "rename one"]);
}

#[tokio::test]
async fn a_host_without_a_data_directory_is_refused() {
    let builder = only(&[]).step(noop("noop", Phase::Erase));
    assert_says(&refused(builder).await, &["`.data_dir(path)`"]);
    let (directory, builder) = fixture();
    let builder = builder
        .data_dir(directory.path().join("nowhere"))
        .step(noop("noop", Phase::Erase));
    assert_says(
        &refused(builder).await,
        &["nowhere", "find the data directory"],
    );
}

#[tokio::test]
async fn claims_that_overlap_are_refused() {
    let (_directory, builder) = fixture();
    let builder = builder
        .step(paths("one", &["media"]))
        .step(paths("two", &["media/2026"]));
    let message = refused(builder).await;
    assert_says(
        &message,
        &[
            "`media/2026` (step `two`)",
            "`media` (step `one`)",
            "one owner",
        ],
    );

    let (_directory, builder) = fixture();
    let builder = builder
        .step(paths("one", &["media"]))
        .preserve("media", "keep");
    assert_says(
        &refused(builder).await,
        &["`media`", "preserved by the host", "step `one`"],
    );
}

#[tokio::test]
async fn claims_that_lead_outside_are_refused() {
    for (path, says) in [
        ("/etc", "/etc"),
        ("../up", "../up"),
        ("", "empty"),
        (".factory-reset/x", "belongs to the framework"),
    ] {
        let (_directory, builder) = fixture();
        let claims: &'static [&'static str] = Box::leak(Box::new([path]));
        assert_says(
            &refused(builder.step(paths("one", claims))).await,
            &["step `one`", says],
        );
    }
}

#[tokio::test]
async fn a_claim_on_the_database_itself_is_refused() {
    let host = Host::new().await;
    for claim in [&["host.db"], &["host.db-wal"]] {
        let builder = host.builder(&["tables"]).await.step(paths("one", claim));
        assert_says(
            &refused(builder).await,
            &["a file of the database", "step `one`"],
        );
    }
}

#[tokio::test]
async fn tables_without_a_database_are_refused() {
    let directory = tempfile::tempdir().unwrap();
    let message = refused(only(&["tables"]).data_dir(directory.path())).await;
    assert_says(&message, &["`.database(…)`", ".without(\"tables\")"]);
}

#[tokio::test]
async fn a_table_with_two_owners_is_refused() {
    struct Table(&'static str);
    impl ResetStep for Table {
        fn claims(&self, _: &Resources) -> Claims {
            Claims::none().table(self.0)
        }
    }
    let host = Host::new().await;
    let table = |id, name| registration(StepDescriptor::new(id, Phase::Erase), Table(name));
    let builder = host.builder(&["tables"]).await;
    let message = refused(
        builder
            .step(table("one", "posts"))
            .step(table("two", "posts")),
    )
    .await;
    assert_says(&message, &["`posts`", "`one`", "`two`"]);
    let builder = host
        .builder(&["tables"])
        .await
        .step(table("one", "_sqlx_migrations"));
    assert_says(
        &refused(builder).await,
        &["`_sqlx_migrations`", "preserved by the host"],
    );
    let builder = host.builder(&["tables"]).await.step(table("one", "posts"));
    let report = builder
        .build()
        .await
        .unwrap()
        .reset(everything())
        .await
        .unwrap();
    let of = |id| crate::fixture::counts(&report, id);
    assert_eq!(of("one")["posts"], 3);
    assert!(
        !of("tables").contains_key("posts"),
        "a claim by name comes first"
    );
}

#[tokio::test]
async fn claims_outside_the_erase_phase_are_refused() {
    struct Early;
    impl ResetStep for Early {
        fn claims(&self, _: &Resources) -> Claims {
            Claims::none().path("cache")
        }
    }
    for phase in [Phase::Stop, Phase::Forget] {
        let (_directory, builder) = fixture();
        let builder = builder.step(registration(StepDescriptor::new("early", phase), Early));
        assert_says(&refused(builder).await, &["`early`", "`Phase::Erase`"]);
    }
}

#[tokio::test]
async fn steps_are_applied_in_one_order_whatever_the_linker_did() {
    let directory = tempfile::tempdir().unwrap();
    let engine = only(&["config", "generators", "media"])
        .data_dir(directory.path())
        .resource(ConfigFile::new("config.toml"))
        .resource(MediaDir::new("media"))
        .resource(Generators::new(Entries::new(0) as Arc<_>))
        .step(noop("aa", Phase::Forget))
        .step(step(StepDescriptor::new("bb", Phase::Erase).after(&["zz"])))
        .step(noop("zz", Phase::Stop))
        .expect_step("media")
        .build()
        .await
        .unwrap();
    let ids: Vec<_> = engine.steps().map(|step| step.id().as_str()).collect();
    assert_eq!(ids, ["zz", "bb", "config", "media", "aa", "generators"]);
}

#[tokio::test]
async fn a_step_that_accompanies_another_is_selected_with_it_and_with_no_other() {
    const FOLLOWER: StepDescriptor =
        StepDescriptor::new("follower", Phase::Erase).accompanies(&["leader"]);
    let steps = async |selected: &str| {
        let (_directory, builder) = fixture();
        let builder = builder
            .step(noop("leader", Phase::Erase))
            .step(noop("other", Phase::Erase))
            .step(step(FOLLOWER));
        let engine = builder.build().await.unwrap();
        let plan = engine.plan(&Selection::steps([selected])).await.unwrap();
        let steps = plan.preview().steps.into_iter();
        steps.map(|step| step.id.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(steps("leader").await, ["follower", "leader"]);
    assert_eq!(steps("other").await, ["other"]);

    let (_directory, builder) = fixture();
    let error = builder.step(step(FOLLOWER)).build().await.unwrap_err();
    let text = chain(&error);
    assert!(text.contains("accompanies `leader`"), "{text}");
}
