//! The contests in their order, and what is made of them.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::amount::Amount;
use crate::arena::Server;
use crate::arguments::{Arguments, Part};
use crate::contest::{Contest, Rounds};
use crate::contestants::Python;
use crate::contests::{
    POSTGRES_SIZES, full_reset, gate, linked, linked_preview, memory_of_preview, memory_of_reset,
    memory_of_selection, postgres, preview, removal, secure_delete, selection, survey,
};
use crate::failure::Failure;
use crate::ranking::Ranking;
use crate::results::{Machine, page, plot};

/// How many rounds there are with a writer.
const WRITTEN_ROUNDS: usize = 3;

/// Measures what is asked for, and shows it.
pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let mut machine = Machine::look()?;
    let target = target()?;
    let directory = match &arguments.directory {
        Some(directory) => directory.join("side-by-side"),
        None => target.join("side-by-side"),
    };
    // What a run that was killed has left.
    if directory.exists() {
        fs::remove_dir_all(&directory)?;
    }
    fs::create_dir_all(&directory)?;
    let mut rankings = Vec::new();
    let measured = measure(arguments, &target, &directory, &mut machine, &mut rankings);
    fs::remove_dir_all(&directory)?;
    let page = page(&rankings, &machine);
    writeln!(io::stdout(), "{page}")?;
    // What was measured before something failed is shown, and replaces nothing.
    measured?;
    if let Some(output) = &arguments.output {
        fs::create_dir_all(output)?;
        let mut page = page;
        if let Some(plot) = plot(&rankings)? {
            fs::write(output.join("plot.svg"), plot)?;
            page += "\n![Milliseconds against rows, both logarithmic](plot.svg)\n";
        }
        fs::write(output.join("README.md"), page)?;
        let lines = rankings
            .iter()
            .map(|ranking| Ok(serde_json::to_string(ranking)? + "\n"));
        let lines: String = lines.collect::<Result<_, Failure>>()?;
        fs::write(output.join("rounds.jsonl"), lines)?;
    }
    Ok(())
}

fn measure(
    arguments: &Arguments,
    target: &Path,
    directory: &Path,
    machine: &mut Machine,
    rankings: &mut Vec<Ranking>,
) -> Result<(), Failure> {
    let rounds = Rounds {
        most: arguments.rounds,
        patience: Duration::from_secs(arguments.patience),
        written: arguments.rounds.min(WRITTEN_ROUNDS),
    };
    let once = Rounds { most: 1, ..rounds };
    let most = |amounts: &[Amount]| amounts.iter().max().copied().unwrap_or(Amount(1));
    let (rows, files) = (most(&arguments.rows), most(&arguments.files));
    let is_wanted = |part| arguments.wants(part);
    let mut race = |contest: Result<Contest, Failure>, rounds: Rounds| {
        rankings.push(contest?.run(rounds)?);
        Ok::<_, Failure>(())
    };
    if [Part::Sqlite, Part::Linked, Part::Files]
        .into_iter()
        .any(is_wanted)
    {
        let python = Python::install(&target.join("side-by-side-python"))?;
        machine.add(format!("SQLite {} in Python", python.sqlite_version()?));
        for &rows in arguments.rows.iter().filter(|_| is_wanted(Part::Sqlite)) {
            race(full_reset(directory, rows, &python), rounds)?;
        }
        for &rows in arguments.rows.iter().filter(|_| is_wanted(Part::Linked)) {
            race(linked(directory, rows, &python), rounds)?;
        }
        for &files in arguments.files.iter().filter(|_| is_wanted(Part::Files)) {
            race(removal(directory, files, &python), rounds)?;
        }
    }
    for &files in arguments.files.iter().filter(|_| is_wanted(Part::Gate)) {
        race(gate(directory, files), rounds)?;
    }
    for &files in arguments.files.iter().filter(|_| is_wanted(Part::Survey)) {
        race(survey(directory, files), rounds)?;
    }
    for &rows in arguments.rows.iter().filter(|_| is_wanted(Part::Selection)) {
        race(selection(directory, rows), rounds)?;
    }
    for &rows in arguments.rows.iter().filter(|_| is_wanted(Part::Preview)) {
        race(preview(directory, rows), rounds)?;
    }
    let is_previewed = is_wanted(Part::Linked) || is_wanted(Part::Preview);
    for &rows in arguments.rows.iter().filter(|_| is_previewed) {
        race(linked_preview(directory, rows), rounds)?;
    }
    if is_wanted(Part::SecureDelete) {
        race(secure_delete(directory, rows), rounds)?;
    }
    if is_wanted(Part::Postgres) {
        let server = Server::start(directory)?;
        machine.add(format!(
            "PostgreSQL {}, as it is out of the box",
            server.version()
        ));
        let largest = rows.min(Amount(1_000_000));
        for rows in POSTGRES_SIZES
            .into_iter()
            .filter(|size| *size < largest)
            .chain([largest])
        {
            race(postgres(&server, rows), rounds)?;
        }
    }
    if is_wanted(Part::Memory) {
        machine.add(format!("memory: {rows} rows and {files} files"));
        race(memory_of_preview(directory, rows, files), once)?;
        race(memory_of_reset(directory, rows, files), once)?;
        race(memory_of_selection(directory, rows), once)?;
    }
    Ok(())
}

/// The directory for all that is built.
fn target() -> Result<PathBuf, Failure> {
    let program = std::env::current_exe()?;
    let target = program.ancestors().nth(2);
    Ok(target.ok_or("the program is in no directory")?.to_owned())
}
