//! Which steps there are, which of them the host wants, and in what order.

use std::any::TypeId;
use std::collections::HashMap;

use super::EngineBuilder;
use crate::descriptor::{Requirement, StepDescriptor, StepId};
use crate::error::BuildError;
use crate::known_tables::list;
use crate::order::order;
use crate::registry::{StepRegistration, registered};

impl EngineBuilder {
    /// Every step there is, also those that the host leaves out.
    pub(super) fn linked(&self) -> Result<Vec<StepRegistration>, BuildError> {
        let registered = registered().filter(|_| self.registered);
        let linked: Vec<_> = registered.chain(self.explicit.iter().copied()).collect();
        if linked.is_empty() {
            return Err(BuildError::NoSteps);
        }
        let is_there = |id: &String| linked.iter().any(|step| step.descriptor.id.as_str() == id);
        let known = || {
            let mut ids: Vec<_> = linked.iter().map(|step| step.descriptor.id).collect();
            ids.sort();
            ids.iter()
                .map(|id| format!("`{id}`"))
                .collect::<Vec<_>>()
                .join(", ")
        };
        if let Some(step) = self.expected.iter().find(|id| !is_there(id)) {
            return Err(BuildError::ExpectedStep {
                step: step.clone(),
                known: known(),
            });
        }
        if let Some(step) = self.without.iter().find(|id| !is_there(id)) {
            return Err(BuildError::UnknownWithout {
                step: step.clone(),
                known: known(),
            });
        }
        Ok(linked)
    }

    fn is_wanted(&self, descriptor: &StepDescriptor) -> bool {
        let names = |ids: &[String]| ids.iter().any(|id| descriptor.id.as_str() == id);
        let is_needed = !descriptor.is_optional || names(&self.expected);
        let offers = |needed: &Requirement| self.resources.contains((needed.type_id)());
        let mut requires = descriptor.requires.iter().flatten();
        !names(&self.without) && (is_needed || requires.all(offers))
    }

    /// Whether the wanted steps of `linked` have what they require, and every resource is for one of
    /// them all.
    pub(super) fn check_resources(&self, linked: &[StepRegistration]) -> Result<(), BuildError> {
        if let Some(resource) = self.duplicate_resource {
            return Err(BuildError::DuplicateResource { resource });
        }
        let mut used: Vec<TypeId> = Vec::new();
        for StepRegistration { descriptor, .. } in linked {
            for requirement in descriptor.requires.iter().flatten() {
                let type_id = (requirement.type_id)();
                used.push(type_id);
                if self.is_wanted(descriptor) && !self.resources.contains(type_id) {
                    return Err(BuildError::MissingResource {
                        step: descriptor.id,
                        resource: (requirement.type_name)(),
                    });
                }
            }
        }
        let mut unused = self.resources.types().filter(|(id, _)| !used.contains(id));
        match unused.next() {
            Some((_, resource)) => Err(BuildError::UnusedResource { resource }),
            None => Ok(()),
        }
    }

    /// The step that clears what the owner signs in with, if the host names one.
    pub(super) fn find_owner_step(
        &self,
        steps: &[StepRegistration],
    ) -> Result<Option<StepId>, BuildError> {
        let Some(owner) = &self.owner_step else {
            return Ok(None);
        };
        let ids = || steps.iter().map(|step| step.descriptor.id);
        match ids().find(|id| id.as_str() == owner) {
            Some(id) => Ok(Some(id)),
            None => Err(BuildError::UnknownOwnerStep {
                step: owner.clone(),
                known: list(ids()),
            }),
        }
    }

    /// The wanted steps of `linked` in their order.
    pub(super) fn ordered(
        &self,
        linked: &[StepRegistration],
    ) -> Result<Vec<StepRegistration>, BuildError> {
        let wanted = linked
            .iter()
            .filter(|step| self.is_wanted(&step.descriptor));
        let wanted: Vec<_> = wanted.copied().collect();
        let descriptors: Vec<_> = wanted.iter().map(|step| step.descriptor).collect();
        let order = order(&descriptors)?;
        let by_id: HashMap<_, _> = wanted
            .iter()
            .map(|step| (step.descriptor.id, *step))
            .collect();
        Ok(order
            .iter()
            .filter_map(|id| by_id.get(id).copied())
            .collect())
    }
}

/// A step that accompanies one that nobody knows would never come along.
pub(super) fn check_companions(
    steps: &[StepRegistration],
    linked: &[StepRegistration],
) -> Result<(), BuildError> {
    let is_known = |id: &&str| linked.iter().any(|step| step.descriptor.id.as_str() == *id);
    for StepRegistration { descriptor, .. } in steps {
        if let Some(other) = descriptor.accompanies.iter().find(|id| !is_known(id)) {
            let (step, other) = (descriptor.id, *other);
            return Err(BuildError::UnknownCompanion { step, other });
        }
    }
    Ok(())
}

/// Two steps that give one key of `cleared` would hide each other's value.
pub(super) fn check_keys(steps: &[StepRegistration]) -> Result<(), BuildError> {
    let mut owners = HashMap::new();
    for StepRegistration { descriptor, .. } in steps {
        for (key, _) in descriptor.cleared {
            if let Some(first) = owners.insert(*key, descriptor.id) {
                let second = descriptor.id;
                return Err(BuildError::DuplicateKey { key, first, second });
            }
        }
    }
    Ok(())
}
