//! A host can refuse to be reset while anything is left out.

use factory_reset::{Engine, ResetError, Selection, chain};

use crate::dump::{assert_same, dump};
use crate::fixture::{Host, everything, tree};

async fn engine(host: &Host) -> Engine {
    let builder = host.media_builder().await.strict_coverage();
    builder.build().await.unwrap()
}

/// A reset is refused that names `name`, nothing has changed, and a preview tells it, too.
async fn assert_refused(host: &Host, name: &str) {
    let engine = engine(host).await;
    let (rows, files) = (dump(&host.pool).await, tree(&host.data()));
    let error = engine.reset(everything()).await.unwrap_err();
    assert!(matches!(error, ResetError::Guard { .. }), "{error:?}");
    let text = chain(&error);
    for part in [&format!("`{name}`"), "add a step", "preserve"] {
        assert!(text.contains(part), "{text}");
    }
    assert_same(&dump(&host.pool).await, &rows);
    assert_eq!(tree(&host.data()), files);
    let plan = engine.plan(&Selection::all()).await.unwrap();
    let mut unclaimed = plan.unclaimed().iter();
    assert!(unclaimed.any(|unclaimed| unclaimed.name == name));
}

#[tokio::test]
async fn a_file_that_nobody_claims_refuses_the_reset() {
    let host = Host::new().await;
    for name in ["notes.txt", ".hidden", "media.old"] {
        host.write(name, "whose");
        assert_refused(&host, name).await;
        std::fs::remove_file(host.data().join(name)).unwrap();
    }
    engine(&host).await.reset(everything()).await.unwrap();
}

#[tokio::test]
async fn an_empty_directory_and_a_dangling_link_that_nobody_claims_refuse_the_reset() {
    let host = Host::new().await;
    let directory = host.data().join("empty");
    std::fs::create_dir(&directory).unwrap();
    assert_refused(&host, "empty").await;
    std::fs::remove_dir(directory).unwrap();
    std::os::unix::fs::symlink("/nowhere", host.data().join("dangling")).unwrap();
    assert_refused(&host, "dangling").await;
}

#[tokio::test]
async fn a_table_that_nobody_claims_refuses_the_reset_also_when_it_is_empty() {
    let host = Host::new().await;
    host.run("CREATE TABLE notes (text TEXT)").await;
    assert_refused(&host, "notes").await;
    host.run("INSERT INTO notes VALUES ('whose')").await;
    assert_refused(&host, "notes").await;
}

#[tokio::test]
async fn what_is_preserved_is_covered() {
    let host = Host::new().await;
    host.write("notes.txt", "kept");
    host.run("CREATE TABLE notes (text TEXT)").await;
    let builder = host.media_builder().await.strict_coverage();
    let builder = builder
        .preserve("notes.txt", "the user's own")
        .preserve_table("notes", "the user's own");
    let engine = builder.build().await.unwrap();
    engine.reset(everything()).await.unwrap();
    assert!(host.data().join("notes.txt").exists());
    assert_eq!(host.number("SELECT count(*) FROM posts").await, 1);
}
