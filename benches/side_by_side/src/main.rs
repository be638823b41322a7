//! Measures factory-reset beside what people use today: see `--help`, and `benches/run`, which
//! installs what this calls.

mod amount;
mod arena;
mod arguments;
mod contest;
mod contestants;
mod contests;
mod failure;
mod process;
mod programme;
mod ranking;
mod results;
mod role;
mod runtime;
mod spread;
mod writer;

use clap::Parser;

use crate::arguments::Arguments;
use crate::failure::Failure;

fn main() -> Result<(), Failure> {
    let mut arguments = Arguments::parse();
    match arguments.role.take() {
        Some(role) => role.play(),
        None => programme::run(&arguments),
    }
}
