// What is selected, as the API takes it.

/**
 * The fields of a request. `steps` are all there are: `{ id, selected, parts, chosen }`, the last
 * two the names of what can be chosen of a step, and of what is.
 */
export function fields({ everything, steps, keep, cascade }) {
  const asked = {};
  if (!everything) {
    const selected = steps.filter((step) => step.selected);
    asked.steps = selected.map((step) => step.id);
    const isNarrowed = (step) => step.chosen.length < step.parts.length;
    const narrowed = selected.filter((step) => isNarrowed(step));
    if (narrowed.length > 0) {
      asked.only = Object.fromEntries(narrowed.map((step) => [step.id, step.chosen]));
    }
  }
  if (keep.length > 0) asked.keep = keep;
  if (cascade) asked.cascade = true;
  return asked;
}

/** Whether a request selects nothing at all. */
export function isNothing(asked) {
  return asked.steps !== undefined && asked.steps.length === 0;
}
