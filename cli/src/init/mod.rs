//! Looks at a service, and writes a manifest with everything that it has.

mod database;
mod figures;
mod files;
mod text;
mod trackers;
pub(crate) mod write;

use std::path::Path;

use factory_reset::cli::privileges::Roots;
use factory_reset::cli::{Exit, Failure};
use factory_reset::{FactoryRows, chain};
use figures::counted;
use tokio::time::timeout;

use crate::Done;
use crate::command_line::InitArguments;
use crate::privileges::Link;
use crate::setup::{Address, TIMEOUT};
use crate::told::note;

/// What there is.
struct Survey {
    name: String,
    data_dir: String,
    /// The line of the manifest that tells where the database is.
    address: Option<String>,
    /// Where backups go.
    backups: &'static str,
    tables: Vec<Table>,
    paths: Vec<Found>,
}

/// A table.
struct Table {
    name: String,
    rows: u64,
    /// The other tables to which its rows can refer.
    refers_to: Vec<String>,
}

/// Something in the data directory.
struct Found {
    name: String,
    is_directory: bool,
    files: u64,
    bytes: u64,
}

/// Where to write, unless that is stdout; a file is there already only if it may be written over.
pub(crate) fn check_output(arguments: &InitArguments) -> Result<Option<&Path>, Failure> {
    let output = &arguments.output;
    if output.as_os_str() == "-" {
        return Ok(None);
    }
    if !arguments.force && output.exists() {
        let text = format!(
            "`--output`: `{}` is there already: add `--force` to write over it, or name another \
             file",
            output.display()
        );
        return Err(Failure::new(Exit::Refused, text));
    }
    Ok(Some(output))
}

/// The data directory and the file of the database, both of which are there.
pub(crate) fn roots(arguments: &InitArguments) -> Result<Roots, Failure> {
    let unreachable =
        |field: &str, error: String| Failure::new(Exit::Unreachable, format!("`{field}`: {error}"));
    let data_dir = &arguments.data_dir;
    data_dir.metadata().map_err(|error| {
        let shown = data_dir.display();
        unreachable(
            "--data-dir",
            format!("`{shown}`: {error}: correct the path"),
        )
    })?;
    let roots = Roots::new(data_dir);
    let Some((field, url)) = url(arguments)? else {
        return Ok(roots);
    };
    let address = parse(field, &url)?;
    address.look().map_err(|error| unreachable(field, error))?;
    Ok(match &address {
        Address::Sqlite(options) => roots.and("database", options.get_filename()),
        Address::Postgres(_) => roots,
    })
}

fn parse(field: &str, url: &str) -> Result<Address, Failure> {
    Address::parse(url, &current_directory())
        .map_err(|error| Failure::new(Exit::Usage, format!("`{field}`: {error}")))
}

/// Looks, and writes; the parent behind `link` writes if there is one.
pub(crate) async fn run(
    arguments: &InitArguments,
    is_owner_trusted: bool,
    link: Option<Link>,
) -> Done {
    let output = match link {
        // The parent has looked: this user may not even see the place.
        Some(_) => Some(&*arguments.output).filter(|output| output.as_os_str() != "-"),
        None => check_output(arguments)?,
    };
    let survey = survey(arguments, is_owner_trusted).await?;
    let text = text::manifest(&survey, arguments.claim_all);
    let Some(output) = output else {
        return crate::told::print(text.as_bytes());
    };
    match link {
        Some(link) => link.write(text).await?,
        None => write::manifest(output, &text, arguments.force)?,
    }
    tell(&survey, arguments);
    Ok(())
}

async fn survey(arguments: &InitArguments, is_owner_trusted: bool) -> Result<Survey, Failure> {
    let unreachable =
        |field: &str, error: String| Failure::new(Exit::Unreachable, format!("`{field}`: {error}"));
    let data_dir = arguments.data_dir.canonicalize().map_err(|error| {
        let shown = arguments.data_dir.display();
        unreachable(
            "--data-dir",
            format!("`{shown}`: {error}: correct the path"),
        )
    })?;
    let name = arguments.name.clone();
    let name = name.or_else(|| Some(data_dir.file_name()?.to_str()?.to_owned()));
    let name = name.unwrap_or_else(|| "service".to_owned());
    if data_dir.parent().is_none() {
        let text = "`--data-dir`: is the root of the file system: name the service's own directory";
        return Err(Failure::new(Exit::Usage, text));
    }
    let found = files::survey(&data_dir, &arguments.output);
    let mut found = found.map_err(|error| unreachable("--data-dir", error))?;
    let backups = files::backups(&data_dir, &mut found);
    let mut survey = Survey {
        backups,
        name,
        data_dir: data_dir.display().to_string(),
        address: None,
        tables: Vec::new(),
        paths: found,
    };
    let Some((field, url)) = url(arguments)? else {
        return Ok(survey);
    };
    let address = parse(field, &url)?;
    let probed = address.probe(is_owner_trusted).await;
    probed.map_err(|error| unreachable(field, error))?;
    let opened = address.open(&FactoryRows::None, false, TIMEOUT).await;
    let opened = opened.map_err(|error| unreachable(field, error))?;
    let tables = timeout(TIMEOUT, database::survey(opened.database())).await;
    let files = opened.files_in(&data_dir);
    opened.close().await;
    let late = |_| {
        let error = format!("its tables were not counted within {} s", TIMEOUT.as_secs());
        unreachable(field, error)
    };
    let tables = tables.map_err(late)?;
    survey.tables = tables.map_err(|error| unreachable(field, chain(&error)))?;
    survey.paths.retain(|found| !files.contains(&found.name));
    survey.address = Some(match &arguments.database_env {
        Some(name) => format!("url_env = {}", text::quoted(name)),
        None => format!("url = {}", text::quoted(&absolute(&address, &url))),
    });
    Ok(survey)
}

/// The address of the database, with the argument that gives it.
fn url(arguments: &InitArguments) -> Result<Option<(&'static str, String)>, Failure> {
    if let Some(name) = &arguments.database_env {
        let url = std::env::var(name).map_err(|_| {
            let text =
                format!("`--database-env`: the environment has no variable `{name}`: set it");
            Failure::new(Exit::Usage, text)
        })?;
        return Ok(Some(("--database-env", url)));
    }
    let url = arguments.database.clone();
    Ok(url.map(|url| ("--database", url)))
}

/// The address, to be found from any directory.
fn absolute(address: &Address, url: &str) -> String {
    match address {
        Address::Sqlite(_) => format!("sqlite:{address}"),
        Address::Postgres(_) => url.to_owned(),
    }
}

fn current_directory() -> std::path::PathBuf {
    std::path::absolute(Path::new(".")).unwrap_or_default()
}

fn tell(survey: &Survey, arguments: &InitArguments) {
    let rows: u64 = survey.tables.iter().map(|table| table.rows).sum();
    let files: u64 = survey.paths.iter().map(|found| found.files).sum();
    let output = arguments.output.display();
    note(format_args!(
        "{output} lists {} with {}, and {} with {}.",
        counted(survey.tables.len() as u64, "table", "tables"),
        counted(rows, "row", "rows"),
        counted(survey.paths.len() as u64, "path", "paths"),
        counted(files, "file", "files")
    ));
    if arguments.claim_all {
        note("A reset clears all of them but what is preserved: read it before you run one.");
    } else {
        note("Nothing is cleared yet: uncomment what is to go, and preserve what is to stay.");
    }
    let manifest = match arguments.output.as_os_str() == "factory-reset.toml" {
        true => String::new(),
        false => format!(" --manifest {output}"),
    };
    note(format_args!("Then look: factory-reset{manifest} preview"));
}
