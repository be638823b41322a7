//! A directory whose content is claimed is emptied, and stays as it is.

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, symlink};
use std::path::PathBuf;

use factory_reset::{
    Engine, EngineBuilder, Phase, ResetError, ResetRequest, Selection, StepDescriptor,
    StepRegistration, async_trait,
};
use factory_reset::{ResetStep, StepContext, StepError, StepOutcome, StepPlan};
use factory_reset_steps::{GeneratedFiles, MediaDir};
use serde_json::json;

use crate::files::Files;
use crate::fixture::{counts, everything, only, own, tree};
use crate::steps::{Fault, faulty, registration};

const RUN: &str = "01890a5d-ac96-774b-bcce-b302099a8057";

/// Reports of every kind in a directory with a mode and an owner of its own, and media.
fn generated() -> Files {
    let files = Files::new();
    for path in [
        "reports/one",
        "reports/.hidden",
        "reports/below/.deep/two",
        "media/cat.jpg",
    ] {
        files.write(&format!("data/{path}"), "12345");
    }
    symlink(files.outside(), files.data().join("reports/link")).unwrap();
    symlink("nowhere", files.data().join("reports/dangling")).unwrap();
    let reports = reports(&files);
    chown(&reports, Some(4242), Some(4343)).unwrap();
    fs::set_permissions(reports, Permissions::from_mode(0o2751)).unwrap();
    files
}

fn reports(files: &Files) -> PathBuf {
    files.data().join("reports")
}

fn builder(files: &Files, directories: &[&str]) -> EngineBuilder {
    only(&["files", "media"])
        .data_dir(files.data())
        .resource(GeneratedFiles::new(directories.iter().copied()))
        .resource(MediaDir::new("media"))
}

async fn engine(files: &Files) -> Engine {
    builder(files, &["reports"]).build().await.unwrap()
}

fn of_files() -> ResetRequest {
    ResetRequest::new(Selection::steps(["files"])).confirmed()
}

/// The directory is empty, with the mode and the owner that it had.
#[track_caller]
fn assert_emptied(files: &Files) {
    let reports = fs::symlink_metadata(reports(files)).unwrap();
    assert!(reports.is_dir());
    assert_eq!(reports.mode() & 0o7777, 0o2751);
    assert_eq!((reports.uid(), reports.gid()), (4242, 4343));
    assert_only(files, &["media", "media/cat.jpg", "reports"]);
}

/// The data directory holds these paths alone.
#[track_caller]
fn assert_only(files: &Files, paths: &[&str]) {
    let left: Vec<_> = tree(&files.data()).into_keys().collect();
    assert_eq!(left, paths);
    assert_eq!(own(&files.data()), ["lock"]);
    files.assert_outside_is_untouched();
}

#[tokio::test]
async fn everything_in_it_goes_and_it_stays_with_its_mode_and_its_owner() {
    let files = generated();
    let engine = engine(&files).await;
    let selection = Selection::steps(["files"]);
    let preview = engine.plan(&selection).await.unwrap().preview();
    let report = engine.reset(of_files()).await.unwrap();
    assert_eq!(counts(&report, "files"), counts(&preview, "files"));
    assert_eq!(report.cleared, preview.cleared);
    assert_eq!(report.cleared["files_deleted"], 5);
    assert_emptied(&files);
    // And again.
    let report = engine.reset(of_files()).await.unwrap();
    assert_eq!(report.cleared["files_deleted"], 0);
    assert_emptied(&files);
}

#[tokio::test]
async fn a_reset_that_fails_brings_everything_back() {
    let files = generated();
    let before = (
        tree(&files.data()),
        fs::metadata(reports(&files)).unwrap().ino(),
    );
    let builder = builder(&files, &["reports"]).step(faulty(Fault::Fails));
    let engine = builder.build().await.unwrap();
    let error = engine.reset(everything()).await.unwrap_err();
    assert!(matches!(error, ResetError::Failed { .. }), "{error:?}");
    let after = (
        tree(&files.data()),
        fs::metadata(reports(&files)).unwrap().ino(),
    );
    assert_eq!(after, before);
    assert_eq!(own(&files.data()), ["lock"]);
}

/// How far a process came before it was killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Killed {
    BeforeAll,
    WithAnEmptyOne,
    WithoutOneInPlace,
    WithOneInPlace,
    AfterSomebodyWrote,
}

use Killed::{AfterSomebodyWrote, BeforeAll, WithAnEmptyOne, WithOneInPlace, WithoutOneInPlace};

/// What is on the disk when the process is killed.
fn kill(files: &Files, killed: Killed, state: &str) {
    let own = files.data().join(".factory-reset");
    let area = own.join(RUN);
    fs::create_dir_all(&area).unwrap();
    let reports = reports(files);
    let fresh = area.join("0.fresh");
    if killed >= WithAnEmptyOne {
        fs::create_dir(&fresh).unwrap();
    }
    if killed >= WithoutOneInPlace {
        fs::rename(&reports, area.join("0")).unwrap();
    }
    if killed >= WithOneInPlace {
        chown(&fresh, Some(4242), Some(4343)).unwrap();
        fs::set_permissions(&fresh, Permissions::from_mode(0o2751)).unwrap();
        fs::rename(&fresh, &reports).unwrap();
    }
    if killed >= AfterSomebodyWrote {
        fs::write(reports.join("late"), "late").unwrap();
    }
    let journal = json!({
        "version": 4,
        "run": RUN,
        "database": null,
        "paths": [{ "path": "reports", "stays": true }],
        "steps": { "files": [] },
        "rows": false,
        "earlier": { "forget": {}, "purge": [], "reclaim": false },
        "swept": false,
        "entry": null,
    });
    let journal = journal.to_string();
    fs::write(own.join(format!("journal.{state}.json")), journal).unwrap();
}

#[tokio::test]
async fn a_killed_reset_that_is_undone_brings_everything_back() {
    for killed in [
        BeforeAll,
        WithAnEmptyOne,
        WithoutOneInPlace,
        WithOneInPlace,
        AfterSomebodyWrote,
    ] {
        let files = generated();
        let before = tree(&files.data());
        kill(&files, killed, "prepared");
        let engine = engine(&files).await;
        assert_eq!(tree(&files.data()), before, "{killed:?}");
        assert_eq!(own(&files.data()), ["lock"]);
        engine.reset(of_files()).await.unwrap();
        assert_emptied(&files);
    }
}

#[tokio::test]
async fn a_killed_reset_that_is_finished_leaves_it_there_and_empty() {
    // Without one in place: what somebody wrote was being moved away after the commit.
    for killed in [WithoutOneInPlace, WithOneInPlace, AfterSomebodyWrote] {
        let files = generated();
        kill(&files, killed, "committed");
        let _engine = engine(&files).await;
        assert_emptied(&files);
    }
}

/// Does something to the reports after they were staged.
struct Meanwhile<Work>(Work);

#[async_trait]
impl<Work: Fn() + Send + Sync> ResetStep for Meanwhile<Work> {
    async fn apply(
        &self,
        _: &mut StepContext<'_>,
        plan: &StepPlan,
    ) -> Result<StepOutcome, StepError> {
        (self.0)();
        Ok(StepOutcome::as_planned(plan))
    }
}

fn meanwhile(work: impl Fn() + Send + Sync + 'static) -> StepRegistration {
    let descriptor = StepDescriptor::new("zz-meanwhile", Phase::Erase);
    registration(descriptor, Meanwhile(work))
}

#[tokio::test]
async fn what_somebody_does_to_it_during_the_reset_is_undone() {
    let works: [fn(PathBuf); 5] = [
        |reports| fs::write(reports.join("late"), "late").unwrap(),
        |reports| {
            fs::create_dir(reports.join("below")).unwrap();
            fs::write(reports.join("below/.late"), "late").unwrap();
        },
        |reports| fs::remove_dir(reports).unwrap(),
        |reports| {
            fs::remove_dir(&reports).unwrap();
            fs::create_dir(reports).unwrap();
        },
        |reports| {
            fs::remove_dir(&reports).unwrap();
            symlink("media", reports).unwrap();
        },
    ];
    for (number, work) in works.into_iter().enumerate() {
        let files = generated();
        let path = reports(&files);
        let step = meanwhile(move || work(path.clone()));
        let engine = builder(&files, &["reports"]).step(step).build().await;
        let steps = Selection::steps(["files", "zz-meanwhile"]);
        let request = ResetRequest::new(steps).confirmed();
        let report = engine.unwrap().reset(request).await.unwrap();
        assert!(report.pending.is_empty(), "{number}: {:?}", report.pending);
        assert!(fs::symlink_metadata(reports(&files)).unwrap().is_dir());
        assert_only(&files, &["media", "media/cat.jpg", "reports"]);
    }
}

#[tokio::test]
async fn what_is_absent_stays_absent_also_when_somebody_makes_it() {
    let files = Files::new();
    let engine = builder(&files, &["reports", "not/there"]).build().await;
    let report = engine.unwrap().reset(everything()).await.unwrap();
    assert_eq!(report.cleared["files_deleted"], 0);
    assert_only(&files, &[]);

    let path = reports(&files);
    let step = meanwhile(move || {
        fs::create_dir(&path).unwrap();
        fs::write(path.join("late"), "late").unwrap();
    });
    let engine = builder(&files, &["reports"]).step(step).build().await;
    engine.unwrap().reset(everything()).await.unwrap();
    assert_only(&files, &["reports"]);
}

#[tokio::test]
async fn a_link_or_a_file_in_its_place_gives_way_to_a_directory() {
    let files = Files::new();
    symlink(files.outside(), reports(&files)).unwrap();
    files.write("data/stories", "a file");
    let engine = builder(&files, &["reports", "stories"]).build().await;
    let report = engine.unwrap().reset(everything()).await.unwrap();
    assert_eq!(report.cleared["files_deleted"], 2);
    for name in ["reports", "stories"] {
        let metadata = fs::symlink_metadata(files.data().join(name)).unwrap();
        assert!(metadata.is_dir());
        assert_eq!(metadata.mode() & 0o700, 0o700);
    }
    assert_only(&files, &["reports", "stories"]);
}

#[tokio::test]
async fn one_of_two_directories_can_be_selected() {
    let files = generated();
    files.write("data/stories/one", "one");
    let engine = builder(&files, &["reports", "stories"]).build().await;
    let selection = Selection::steps(["files"]).only("files", ["stories"]);
    let before = tree(&reports(&files));
    let request = ResetRequest::new(selection).confirmed();
    let report = engine.unwrap().reset(request).await.unwrap();
    assert_eq!(report.cleared["files_deleted"], 1);
    assert_eq!(tree(&reports(&files)), before);
    assert_eq!(tree(&files.data().join("stories")).len(), 0);
    assert!(files.data().join("stories").is_dir());
}
