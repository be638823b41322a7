//! A preview of media files against `du -s`, and their reset against `rm -rf`, by turns on trees
//! of the same kind.
//!
//! ```sh
//! cargo bench --bench files
//! FILES=1000000 ROUNDS=3 TMPDIR=/mnt/other cargo bench --bench files
//! ```
//!
//! A preview is [`Engine::plan`]: files and bytes, what cannot be removed, what is unclaimed, and
//! a digest of it all. `du -s` adds up blocks. A reset is [`Engine::reset`]: two such plans, a
//! journal, the move of the tree, all of that synced, and the removal. `rm -rf` is the removal,
//! and syncs nothing. Each tree is on the disk before either begins.

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use factory_reset::{
    Claims, Engine, EventKind, Phase, ResetRequest, ResetStep, Resources, Selection,
    StepDescriptor, StepRegistration,
};
use tempfile::TempDir;
use tokio::runtime::Runtime;

type Failure = Box<dyn std::error::Error>;

/// How many bytes a file has.
const SIZE: usize = 3000;

struct Media;

impl ResetStep for Media {
    fn claims(&self, _: &Resources) -> Claims {
        Claims::none().path("media")
    }
}

/// How files are spread over directories.
#[derive(Debug, Clone, Copy)]
enum Shape {
    /// A hundred in each of many.
    Wide,
    /// All in one.
    Flat,
    /// Ten in each of many that lie a hundred levels deep.
    Deep,
}

impl Shape {
    fn directory(self, file: usize) -> String {
        match self {
            Self::Wide => format!("media/{:03}/{:03}", file / 100_000, file / 100 % 1000),
            Self::Flat => "media".to_owned(),
            Self::Deep => {
                let level = file / 10 % 100;
                format!("media/{}{}", file / 1000, "/deep".repeat(level))
            }
        }
    }

    fn make(self, data: &Path, files: usize) -> Result<(), Failure> {
        let mut last = String::new();
        let content = [b'x'; SIZE];
        for file in 0..files {
            let directory = self.directory(file);
            if directory != last {
                fs::create_dir_all(data.join(&directory))?;
                last = directory;
            }
            let path = data.join(format!("{last}/image-{file:07}.jpg"));
            File::create(path)?.write_all(&content)?;
        }
        rustix::fs::syncfs(File::open(data)?)?;
        Ok(())
    }
}

struct Host {
    runtime: Runtime,
    engine: Engine,
    directory: TempDir,
}

impl Host {
    fn new() -> Result<Self, Failure> {
        let runtime = Runtime::new()?;
        let directory = tempfile::tempdir()?;
        let step = StepRegistration::new(StepDescriptor::new("media", Phase::Erase), &Media);
        let builder = Engine::builder().explicit_steps_only().step(step);
        let engine = runtime.block_on(builder.data_dir(directory.path()).build())?;
        Ok(Self {
            runtime,
            engine,
            directory,
        })
    }

    fn preview(&self, files: usize) -> Result<Duration, Failure> {
        let start = Instant::now();
        let plan = self.runtime.block_on(self.engine.plan(&Selection::all()))?;
        let took = start.elapsed();
        assert_eq!(plan.preview().steps[0].counts["files"], files as u64);
        Ok(took)
    }

    /// How long the whole of it takes, and the part after the commit, which is the purge.
    fn reset(&self, files: usize) -> Result<(Duration, Duration), Failure> {
        let request = ResetRequest::new(Selection::all()).confirmed();
        let mut events = self.engine.events();
        let start = Instant::now();
        let report = self.runtime.block_on(self.engine.reset(request))?;
        let took = start.elapsed();
        assert_eq!(report.steps[0].counts["files"], files as u64);
        assert!(report.pending.is_empty(), "{:?}", report.pending);
        let mut committed = Duration::ZERO;
        while let Some(event) = events.try_next() {
            if event.kind == EventKind::Committed {
                committed = Duration::from_millis(event.elapsed_ms);
            }
        }
        Ok((took, took.saturating_sub(committed)))
    }

    /// How long `command` takes with the directory of the media.
    fn run(&self, command: &[&str]) -> Result<Duration, Failure> {
        let mut process = Command::new(command[0]);
        process
            .args(&command[1..])
            .arg(self.directory.path().join("media"));
        let start = Instant::now();
        let output = process.output()?;
        let took = start.elapsed();
        assert!(output.status.success(), "{output:?}");
        Ok(took)
    }
}

fn median(mut times: Vec<Duration>) -> f64 {
    times.sort();
    times[times.len() / 2].as_secs_f64() * 1000.0
}

/// Each of `sides` once a round, beginning with another one in each.
fn by_turns<const SIDES: usize>(
    rounds: usize,
    mut side: impl FnMut(usize) -> Result<Duration, Failure>,
) -> Result<[f64; SIDES], Failure> {
    let mut times = [const { Vec::new() }; SIDES];
    for round in 0..rounds {
        for turn in 0..SIDES {
            let turn = (round + turn) % SIDES;
            times[turn].push(side(turn)?);
        }
    }
    Ok(times.map(median))
}

fn measure(shape: Shape, files: usize, rounds: usize) -> Result<(), Failure> {
    let host = Host::new()?;
    let data = host.directory.path();
    shape.make(data, files)?;
    // Both find it in memory.
    host.preview(files)?;
    let [ours, theirs] = by_turns(4 * rounds, |side| match side {
        0 => host.preview(files),
        _ => host.run(&["du", "-s"]),
    })?;
    let name = format!("{files} files, {shape:?}").to_lowercase();
    let ratio = ours / theirs;
    println!("{name:<22} preview {ours:>9.1} ms   du -s  {theirs:>9.1} ms   ratio {ratio:.2}");
    let mut purges = Vec::new();
    fs::remove_dir_all(data.join("media"))?;
    let [ours, theirs] = by_turns(rounds, |side| {
        shape.make(data, files)?;
        if side == 1 {
            return host.run(&["rm", "-rf"]);
        }
        let (took, purge) = host.reset(files)?;
        purges.push(purge);
        Ok(took)
    })?;
    let (purge, ratio) = (median(purges), ours / theirs);
    println!("{name:<22} reset   {ours:>9.1} ms   rm -rf {theirs:>9.1} ms   ratio {ratio:.2}");
    let ratio = purge / theirs;
    println!("{name:<22}   purge {purge:>9.1} ms   of it                   ratio {ratio:.2}");
    Ok(())
}

fn number(name: &str) -> Option<usize> {
    std::env::var(name).ok()?.parse().ok()
}

fn main() -> Result<(), Failure> {
    let sizes = number("FILES").map_or(vec![10_000, 100_000], |files| vec![files]);
    let rounds = number("ROUNDS").unwrap_or(5);
    for files in sizes {
        for shape in [Shape::Wide, Shape::Flat, Shape::Deep] {
            measure(shape, files, rounds)?;
        }
    }
    Ok(())
}
