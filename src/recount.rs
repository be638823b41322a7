//! Tells a report that is kept as JSON what was counted after its reset was interrupted.

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::engine::Inner;
use crate::item::{Item, ItemKind, Outcome};
use crate::report::{StepReport, cleared};
use crate::staging::Counts;

/// An item, as it is kept.
#[derive(Deserialize)]
struct KeptItem {
    kind: ItemKind,
    name: String,
    outcome: Outcome,
    count: u64,
    #[serde(default)]
    kept: u64,
    bytes: Option<u64>,
    message: Option<String>,
}

impl From<KeptItem> for Item {
    fn from(kept: KeptItem) -> Self {
        let mut item = Self::removed(kept.kind, kept.name, kept.count).kept(kept.kept);
        item.outcome = kept.outcome;
        item.bytes = kept.bytes;
        item.message = kept.message;
        item
    }
}

/// Corrects what `report` tells of the paths in `counts`, and nothing else: other items may be
/// summed up in it. A step that there is no more stays as it was told.
pub(crate) fn recount(report: &mut Value, counts: &Counts, inner: &Inner) {
    let mut changed = Map::new();
    let steps = report.get_mut("steps").and_then(Value::as_array_mut);
    for told in steps.into_iter().flatten() {
        let Some(before) = read(told, inner) else {
            continue;
        };
        let mut after = before.clone();
        if !after.recount(counts) {
            continue;
        }
        let more = after.bytes.unwrap_or_default();
        let less = before.bytes.unwrap_or_default();
        let bytes = told["bytes"].as_u64().unwrap_or_default();
        after.bytes = Some(bytes.saturating_add(more).saturating_sub(less));
        let known = cleared(std::slice::from_ref(&before));
        let now = cleared(std::slice::from_ref(&after)).into_iter();
        changed.extend(now.filter(|(key, value)| known.get(key) != Some(value)));
        // Strings, numbers and lists of them always make JSON.
        *told = serde_json::to_value(&after).unwrap_or_default();
    }
    if let Some(all) = report.get_mut("cleared").and_then(Value::as_object_mut) {
        all.extend(changed);
    }
}

fn read(told: &Value, inner: &Inner) -> Option<StepReport> {
    let mut steps = inner.steps.iter();
    let step = steps.find(|step| told["id"] == step.descriptor.id.as_str())?;
    let items: Vec<KeptItem> = serde_json::from_value(told["items"].clone()).ok()?;
    let items = items.into_iter().map(Into::into).collect();
    let category = inner.ownership.category_of(step.descriptor.id);
    Some(StepReport::new(&step.descriptor, category, items))
}
