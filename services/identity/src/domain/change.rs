//! The history of a resident: who changed what when.

use chrono::{DateTime, Utc};
use types::caller::{Caller, Party};
use types::ids::{ChangeId, OrganisationId, ResidentId};
use types::redacted::Redacted;
use types::region::RegionCode;

use super::resident::{Replaced, Resident};

/// One value that was changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    pub id: ChangeId,
    pub region: RegionCode,
    pub resident: ResidentId,
    /// The revision it made.
    pub revision: i32,
    pub field: String,
    pub old: Option<Redacted<String>>,
    pub changed_by: Party,
    pub organisation: Option<OrganisationId>,
    pub evidence: String,
    pub changed_at: DateTime<Utc>,
}

impl Change {
    /// That `caller` replaced a value of `resident`, who is as changed.
    pub fn by(
        caller: &Caller,
        id: ChangeId,
        resident: &Resident,
        replaced: Replaced,
        evidence: &str,
        now: DateTime<Utc>,
    ) -> Self {
        Self {
            id,
            region: resident.region,
            resident: resident.id,
            revision: resident.revision,
            field: replaced.field.to_owned(),
            old: replaced.old,
            changed_by: caller.acting().clone(),
            organisation: caller.organisation,
            evidence: evidence.to_owned(),
            changed_at: now,
        }
    }

    /// Old values are for the resident's own eyes.
    #[must_use]
    pub fn shown_to(self, caller: &Caller) -> Self {
        let is_self = caller.actor.is_none() && caller.is(self.resident);
        Self { old: self.old.filter(|_| is_self), ..self }
    }
}
