//! A step id holds lower-case letters, digits and `-` only.

use factory_reset::{Phase, StepDescriptor};

const SPACED: StepDescriptor = StepDescriptor::new("search index", Phase::Erase);

fn main() {
    let _ = SPACED;
}
