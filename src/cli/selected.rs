use std::collections::BTreeMap;

use clap::Args;

use crate::selection::Selection;

/// What is meant; everything, unless something is named.
#[derive(Debug, Clone, Default, Args)]
#[group(skip)]
pub struct SelectionArguments {
    /// A step to reset; can be given several times. Everything is meant without it.
    #[arg(long = "step", value_name = "ID")]
    pub steps: Vec<String>,

    /// A part of a step: a table, a path, the beginning of keys. Can be given several times.
    #[arg(long, value_name = "STEP=PART", value_parser = part)]
    pub only: Vec<(String, String)>,

    /// Rows that stay, by the name under which the service offers them; can be given several
    /// times.
    #[arg(long, value_name = "NAME")]
    pub keep: Vec<String>,

    /// Take along every table that refers to a selected one.
    #[arg(long)]
    pub cascade: bool,
}

impl SelectionArguments {
    /// The selection that the arguments ask for. A part brings its step along.
    #[must_use]
    pub fn selection(&self) -> Selection {
        let mut parts: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for (step, part) in &self.only {
            parts.entry(step).or_default().push(part);
        }
        let named = self.steps.iter();
        let brought = parts.keys().copied();
        let brought = brought.filter(|step| !self.steps.contains(step));
        let mut steps = named.chain(brought).peekable();
        let mut selection = match steps.peek() {
            None => Selection::all(),
            Some(_) => Selection::steps(steps.cloned()),
        };
        for (step, parts) in parts {
            selection = selection.only(step, parts);
        }
        for name in &self.keep {
            selection = selection.keep(name);
        }
        if self.cascade {
            selection = selection.cascade();
        }
        selection
    }
}

fn part(text: &str) -> Result<(String, String), &'static str> {
    let parts = text.split_once('=');
    let parts = parts.filter(|(step, part)| !step.is_empty() && !part.is_empty());
    let (step, part) =
        parts.ok_or("write a step's id, `=` and a part of it, as in `media=media`")?;
    Ok((step.to_owned(), part.to_owned()))
}
