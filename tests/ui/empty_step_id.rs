//! A step id has at least one character.

use factory_reset::StepId;

const EMPTY: StepId = StepId::new("");

fn main() {
    let _ = EMPTY;
}
