//! The data directory that every point of every sweep starts from, and the two states that a
//! point may end in.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

use fault_sweeps::{Control, End, Fault, State, block_on, copy, directory};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::host::{Answer, Host, Program};

/// Stands in a row, in a media file and in the configuration of the used install.
const CANARY: &str = "canary4c1b";

const DATABASE: &str = "tuitbot.db";

/// A used install of one program.
pub(super) struct Fixture {
    pub(super) program: Program,
    original: PathBuf,
    old: State,
    factory: State,
    _owned: TempDir,
}

impl Fixture {
    pub(super) fn tuitbot() -> &'static Self {
        static FIXTURE: LazyLock<Fixture> =
            LazyLock::new(|| block_on(Fixture::prepare(Program::Tuitbot)));
        &FIXTURE
    }

    pub(super) fn naive() -> &'static Self {
        static FIXTURE: LazyLock<Fixture> =
            LazyLock::new(|| block_on(Fixture::prepare(Program::Naive)));
        &FIXTURE
    }

    async fn prepare(program: Program) -> Self {
        let owned = directory();
        let original = owned.path().join("data");
        let demo = ["--demo", "--demo-rows", "120", "--demo-media", "4"];
        let host = Host::start(Program::Tuitbot, &original, None, &demo).unwrap();
        assert_eq!(
            host.post("/api/runtime/stop", Value::Null).await.status,
            200
        );
        let target = json!({ "username": CANARY });
        assert_eq!(host.post("/api/targets", target).await.status, 201);
        host.stop();
        fs::write(original.join("media/canary"), CANARY).unwrap();
        fs::write(original.join("backups/kept"), "kept").unwrap();
        let configuration = fs::read_to_string(original.join("config.toml")).unwrap();
        let configuration = format!("{configuration}# {CANARY}\n");
        fs::write(original.join("config.toml"), configuration).unwrap();

        let mut fixture = Self {
            program,
            old: State::of_sqlite(&original, DATABASE).await,
            factory: State::of_sqlite(&original, DATABASE).await,
            original,
            _owned: owned,
        };
        let place = fixture.place();
        fixture.old = place.restart(&fixture).await.unwrap();
        let host = Host::start(program, place.data(), None, &[]).unwrap();
        assert_eq!(host.reset().await.unwrap().status, 200);
        host.stop();
        fixture.factory = place.restart(&fixture).await.unwrap();
        assert_ne!(fixture.old, fixture.factory);
        if program == Program::Tuitbot {
            assert_eq!(place.last_run().as_deref(), Some("completed"));
        }
        for state in [&fixture.old, &fixture.factory] {
            assert_eq!(state.rows("integrity"), ["ok"], "{state:?}");
        }
        let targets = |state: &State| state.rows("target_accounts").len();
        assert!(targets(&fixture.old) > 0 && targets(&fixture.factory) == 0);
        fixture
    }

    /// A copy to work on.
    pub(super) fn place(&self) -> Place {
        Place::of(&self.original)
    }

    /// Restarts the host on what a fault has left, and tells how the reset has ended. When it
    /// is neither of the two ends, or not the one that was answered, or another one after one
    /// more start, that is an error which says so.
    pub(super) async fn settle(
        &self,
        place: &Place,
        answer: Option<&Answer>,
    ) -> Result<End, String> {
        let state = place.restart(self).await?;
        let end = if state == self.old {
            End::Old
        } else if state == self.factory {
            if self.program == Program::Tuitbot {
                place.find_canary()?;
            }
            End::New
        } else {
            let (old, factory) = (state.difference(&self.old), state.difference(&self.factory));
            return Err(format!(
                "half: unlike the old state in {old}; unlike the factory state in {factory}"
            ));
        };
        if let Some(outcome) = place.last_run()
            && (outcome == "completed") != (end == End::New)
        {
            return Err(format!("{end:?}, and the history says `{outcome}`"));
        }
        let again = place.restart(self).await?;
        if again != state {
            return Err(format!(
                "{end:?}, and other after one more start: {}",
                again.difference(&state)
            ));
        }
        match answer {
            Some(answer) if !answer.allows(end) => {
                Err(format!("{end:?}, and the answer was {answer:?}"))
            }
            _ => Ok(end),
        }
    }

    /// The state of the used install.
    pub(super) fn old(&self) -> &State {
        &self.old
    }

    /// How many calls one reset makes.
    pub(super) async fn count(&self, reads: bool) -> u64 {
        let place = self.place();
        let control = place.control();
        if reads {
            control.count_reads();
        }
        let host = Host::start(self.program, place.data(), Some(&control), &[]).unwrap();
        control.arm(Fault::None);
        let answer = host.reset().await.unwrap();
        assert_eq!(answer.status, 200, "{answer:?}");
        control.count()
    }
}

impl Answer {
    /// 200 is a reset that has happened, 503 one of which nobody knows yet, anything else one
    /// that has not.
    pub(super) fn allows(&self, end: End) -> bool {
        match self.status {
            200 => end == End::New,
            503 => true,
            _ => end == End::Old,
        }
    }
}

/// A data directory of one point, with what belongs to it.
pub(super) struct Place {
    owned: TempDir,
    data: PathBuf,
}

impl Place {
    pub(super) fn of(original: &Path) -> Self {
        let place = Self::empty();
        copy(original, &place.data);
        place
    }

    /// Without a data directory yet.
    pub(super) fn empty() -> Self {
        let owned = directory();
        let data = owned.path().canonicalize().unwrap().join("data");
        Self { owned, data }
    }

    pub(super) fn data(&self) -> &Path {
        &self.data
    }

    pub(super) fn control(&self) -> Control {
        Control::create(self.owned.path())
    }

    /// Starts the host without a fault, ends it, and reads what is there.
    pub(super) async fn restart(&self, fixture: &Fixture) -> Result<State, String> {
        let host = Host::start(fixture.program, &self.data, None, &[])
            .map_err(|error| format!("does not start again: {error}"))?;
        host.kill();
        Ok(State::of_sqlite(&self.data, DATABASE).await)
    }

    /// How the last run in the history has ended; none when nothing is known of any, for a
    /// run that the history cannot take down is run all the same.
    fn last_run(&self) -> Option<String> {
        let runs = fs::read_dir(self.data.join(".factory-reset/history")).ok()?;
        let runs = runs.map(|run| run.unwrap().path());
        // Half of one that is being written.
        let runs = runs.filter(|path| !path.ends_with("new.json"));
        let runs = runs.map(|path| -> Value {
            serde_json::from_slice(&fs::read(path).unwrap()).unwrap_or_default()
        });
        let last = runs.max_by_key(|run| run["number"].as_u64())?;
        Some(last["outcome"].as_str().unwrap_or("unreadable").to_owned())
    }

    /// No byte of what was reset can be read any more.
    fn find_canary(&self) -> Result<(), String> {
        let mut grep = Command::new("grep");
        grep.args(["--recursive", "--files-with-matches", CANARY]);
        let found = grep.arg(&self.data).output().unwrap().stdout;
        if found.is_empty() {
            return Ok(());
        }
        let found = String::from_utf8_lossy(&found).into_owned();
        Err(format!("reset, but still readable in {found}"))
    }
}
