//! One order for all steps: by phase, then by `after`, then by id.

use std::collections::{BTreeMap, BTreeSet};

use crate::descriptor::{Phase, StepDescriptor, StepId};

/// Why there is no order.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OrderError {
    /// Two steps have one id.
    #[error(
        "two steps have the id `{0}`: rename one of them, or leave both out with \
         `.without(\"{0}\")` and add the wanted one under another id"
    )]
    Duplicate(StepId),
    /// A step comes after one that is not there.
    #[error(
        "step `{step}` comes after `{after}`, which no crate registers: link the crate that does \
         (`use its_name as _;`), or correct the `.after(…)` of `{step}`; there is: {known}"
    )]
    Unknown {
        /// The step whose `after` is wrong.
        step: StepId,
        /// What it names.
        after: &'static str,
        /// The ids that there are.
        known: String,
    },
    /// A step comes after one of a later phase.
    #[error(
        "step `{step}` of phase {phase:?} comes after `{after}` of the later phase \
         {after_phase:?}: correct its `.after(…)` or its phase"
    )]
    LaterPhase {
        /// The step whose `after` is wrong.
        step: StepId,
        /// Its phase.
        phase: Phase,
        /// What it names.
        after: StepId,
        /// The phase of that.
        after_phase: Phase,
    },
    /// Steps wait for each other.
    #[error(
        "steps wait for each other: {}; take one `.after(…)` out of the circle",
        display_cycle(.0)
    )]
    Cycle(Vec<StepId>),
}

fn display_cycle(cycle: &[StepId]) -> String {
    let ids = cycle.iter().chain(cycle.first());
    ids.map(|id| format!("`{id}`"))
        .collect::<Vec<_>>()
        .join(" after ")
}

/// Orders `steps`: each after all that it names in `after`, phases kept together. Ties are
/// broken by id, so the same steps always give the same order, whatever the linker did.
///
/// Kahn's algorithm, with a sorted set of the steps that are ready.
///
/// # Errors
///
/// When two ids are equal, an `after` names nothing or a later phase, or there is a cycle.
pub(crate) fn order(steps: &[StepDescriptor]) -> Result<Vec<StepId>, OrderError> {
    let mut by_id = BTreeMap::new();
    for step in steps {
        if by_id.insert(step.id.as_str(), step).is_some() {
            return Err(OrderError::Duplicate(step.id));
        }
    }
    let mut waiting: BTreeMap<StepId, BTreeSet<StepId>> = BTreeMap::new();
    for step in steps {
        let mut before = BTreeSet::new();
        for &after in step.after {
            let Some(other) = by_id.get(after) else {
                let known: Vec<_> = by_id.keys().map(|id| format!("`{id}`")).collect();
                return Err(OrderError::Unknown {
                    step: step.id,
                    after,
                    known: known.join(", "),
                });
            };
            if other.phase > step.phase {
                return Err(OrderError::LaterPhase {
                    step: step.id,
                    phase: step.phase,
                    after: other.id,
                    after_phase: other.phase,
                });
            }
            before.insert(other.id);
        }
        waiting.insert(step.id, before);
    }

    let mut ordered = Vec::with_capacity(steps.len());
    while !waiting.is_empty() {
        let ready = waiting
            .iter()
            .filter(|(_, before)| before.is_empty())
            .map(|(id, _)| *id)
            .min_by_key(|id| (by_id[id.as_str()].phase, *id));
        let Some(ready) = ready else {
            return Err(OrderError::Cycle(cycle(&waiting)));
        };
        waiting.remove(&ready);
        for before in waiting.values_mut() {
            before.remove(&ready);
        }
        ordered.push(ready);
    }
    Ok(ordered)
}

/// Some circle in `waiting`, where every step waits for at least one other: following
/// any of them must come back to a step already seen.
fn cycle(waiting: &BTreeMap<StepId, BTreeSet<StepId>>) -> Vec<StepId> {
    let mut path: Vec<StepId> = Vec::new();
    let mut next = waiting.keys().next().copied();
    while let Some(step) = next {
        if let Some(start) = path.iter().position(|seen| *seen == step) {
            return path.split_off(start);
        }
        path.push(step);
        next = waiting[&step].first().copied();
    }
    path
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const fn step(
        id: &'static str,
        phase: Phase,
        after: &'static [&'static str],
    ) -> StepDescriptor {
        StepDescriptor::new(id, phase).after(after)
    }

    fn names(steps: &[StepDescriptor]) -> Vec<&'static str> {
        order(steps)
            .unwrap()
            .into_iter()
            .map(StepId::as_str)
            .collect()
    }

    #[test]
    fn phases_come_first_then_after_then_the_id() {
        let steps = [
            step("z-forget", Phase::Forget, &[]),
            step("b", Phase::Erase, &[]),
            step("a", Phase::Erase, &["b"]),
            step("y-stop", Phase::Stop, &[]),
            step("x-stop", Phase::Stop, &["y-stop"]),
        ];
        assert_eq!(names(&steps), ["y-stop", "x-stop", "b", "a", "z-forget"]);
    }

    #[test]
    fn a_cycle_is_named() {
        let steps = [
            step("first", Phase::Erase, &["c"]),
            step("a", Phase::Erase, &["b"]),
            step("b", Phase::Erase, &["c"]),
            step("c", Phase::Erase, &["a"]),
        ];
        let error = order(&steps).unwrap_err();
        assert_eq!(
            error.to_string(),
            "steps wait for each other: `a` after `b` after `c` after `a`; \
             take one `.after(…)` out of the circle"
        );
    }

    #[test]
    fn a_step_that_comes_after_itself_is_a_cycle() {
        let error = order(&[step("a", Phase::Erase, &["a"])]).unwrap_err();
        assert_eq!(error, OrderError::Cycle(vec![StepId::new("a")]));
    }

    #[test]
    fn an_unknown_after_lists_what_there_is() {
        let steps = [
            step("a", Phase::Erase, &["nowhere"]),
            step("b", Phase::Erase, &[]),
        ];
        let message = order(&steps).unwrap_err().to_string();
        assert!(
            message.contains("`nowhere`") && message.contains("there is: `a`, `b`"),
            "{message}"
        );
    }

    #[test]
    fn a_later_phase_cannot_come_before() {
        let steps = [
            step("a", Phase::Stop, &["b"]),
            step("b", Phase::Forget, &[]),
        ];
        assert!(matches!(order(&steps), Err(OrderError::LaterPhase { .. })));
    }

    #[test]
    fn a_duplicate_id_is_refused() {
        let steps = [step("a", Phase::Stop, &[]), step("a", Phase::Erase, &[])];
        assert_eq!(order(&steps), Err(OrderError::Duplicate(StepId::new("a"))));
    }

    proptest! {
        /// Whatever order the linker gives, the result is the same.
        #[test]
        fn the_order_does_not_depend_on_the_input(steps in Just(vec![
            step("a", Phase::Erase, &["d"]),
            step("b", Phase::Stop, &[]),
            step("c", Phase::Forget, &["a", "b"]),
            step("d", Phase::Erase, &[]),
            step("e", Phase::Erase, &["a"]),
            step("f", Phase::Stop, &["b"]),
        ]).prop_shuffle()) {
            prop_assert_eq!(names(&steps), ["b", "f", "d", "a", "e", "c"]);
        }
    }
}
