//! Where there are many files nobody waits at the gate for them to be counted, and the report
//! is exact all the same.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use factory_reset::{EventKind, Guard, Refusal, ResetPlan, ResetRequest, async_trait};
use factory_reset_steps::{GeneratedFiles, MediaDir};

use crate::fixture::{Host, counts, everything, own, step};
use crate::steps::paths;

/// More than those that are counted behind the gate.
const MANY: u64 = 1200;

/// Few enough for that.
const FEW: u64 = 12;

/// Somebody who writes after the plan was made, and before the gate is closed.
struct Late(PathBuf);

#[async_trait]
impl Guard for Late {
    fn name(&self) -> &'static str {
        "late"
    }

    async fn check(&self, _: &ResetRequest, _: &ResetPlan) -> Result<(), Refusal> {
        fs::create_dir_all(self.0.join("late")).unwrap();
        for number in 0..5 {
            fs::write(self.0.join(format!("late/{number}")), "late").unwrap();
        }
        fs::write(self.0.join("cat.jpg"), "meow and meow").unwrap();
        Ok(())
    }
}

/// A host with so many media files of one byte each, beside one that says `meow`.
async fn host(files: u64) -> Host {
    let host = Host::new().await;
    for number in 1..files {
        host.write(&format!("media/{}/{number}", number % 10), "-");
    }
    host
}

#[tokio::test]
async fn what_is_written_until_the_gate_is_closed_is_in_the_report() {
    for files in [FEW, MANY] {
        let host = host(files).await;
        let late = Late(host.data().join("media"));
        let builder = host.media_builder().await.guard(late);
        let engine = builder.build().await.unwrap();
        let report = engine.reset(everything()).await.unwrap();
        let media = step(&report, "media");
        assert_eq!(media.counts["files"], files + 5);
        let bytes = (files - 1) + 5 * 4 + 13;
        assert_eq!(media.bytes, Some(bytes));
        assert_eq!(
            (media.items[0].count, media.items[0].bytes),
            (files + 5, Some(bytes))
        );
        let kept = engine.history_entry(report.run.unwrap()).unwrap();
        let kept = &kept.report.unwrap()["steps"];
        let mut kept = kept.as_array().unwrap().iter();
        let media = kept.find(|step| step["id"] == "media").unwrap();
        assert_eq!(media["counts"]["files"], files + 5);
        assert_eq!(media["bytes"], bytes);
        assert!(!host.data().join("media").exists());
        assert_eq!(own(&host.data()), ["lock"]);
    }
}

#[tokio::test]
async fn each_of_several_paths_is_told_by_itself() {
    let host = host(MANY).await;
    for number in 0..7 {
        host.write(&format!("cache/{number}"), "--");
    }
    host.write("notes.txt", "one file");
    let builder = host.builder(&["tables", "media", "files"]).await;
    let builder = builder
        .resource(MediaDir::new("media"))
        .resource(GeneratedFiles::new(["cache"]))
        .step(paths("several", &["nothing", "notes.txt", "thumbs"]))
        .guard(Late(host.data().join("thumbs")));
    let engine = builder.build().await.unwrap();
    let report = engine.reset(everything()).await.unwrap();
    assert_eq!(step(&report, "media").counts["files"], MANY);
    let told = BTreeMap::from([("nothing", 0), ("notes.txt", 1), ("thumbs", 6)]);
    let told = told
        .into_iter()
        .map(|(path, files)| (path.to_owned(), files));
    assert_eq!(counts(&report, "several"), told.collect());
    assert_eq!(step(&report, "files").counts["files"], 7);
    assert_eq!(step(&report, "files").bytes, Some(14));
    assert_eq!(report.cleared["files_deleted"], 7);
    assert!(host.data().join("cache").is_dir());
    assert_eq!(own(&host.data()), ["lock"]);
}

#[tokio::test]
async fn many_files_are_not_counted_behind_the_gate() {
    for (files, counted) in [(FEW, FEW + 5), (MANY, MANY)] {
        let host = host(files).await;
        let late = Late(host.data().join("media"));
        let builder = host.media_builder().await.guard(late);
        let engine = builder.build().await.unwrap();
        let mut events = engine.events();
        engine.reset(everything()).await.unwrap();
        // What was known when it was moved: of the many, what the plan before the gate has said.
        let known = loop {
            let event = events.next().await.unwrap();
            if let EventKind::StepFinished { step, counts, .. } = event.kind
                && step.as_str() == "media"
            {
                break counts["files"];
            }
        };
        assert_eq!(known, counted);
    }
}

#[tokio::test]
async fn a_directory_that_was_put_in_the_place_of_another_is_counted() {
    struct Swap(PathBuf);

    #[async_trait]
    impl Guard for Swap {
        fn name(&self) -> &'static str {
            "swap"
        }

        async fn check(&self, _: &ResetRequest, _: &ResetPlan) -> Result<(), Refusal> {
            let media = self.0.join("media");
            fs::rename(&media, self.0.join("aside")).unwrap();
            fs::create_dir(&media).unwrap();
            fs::write(media.join("only.jpg"), "one").unwrap();
            Ok(())
        }
    }

    let host = host(MANY).await;
    let builder = host.media_builder().await.guard(Swap(host.data()));
    let engine = builder.build().await.unwrap();
    let report = engine.reset(everything()).await.unwrap();
    assert_eq!(step(&report, "media").counts["files"], 1);
    assert!(host.data().join("aside").exists());
}
