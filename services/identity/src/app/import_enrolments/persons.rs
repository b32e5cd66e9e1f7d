//! Who the lines are about: found by their numbers, and registered where the import is to do so.

use std::collections::{BTreeSet, HashMap};

use chrono::{DateTime, Utc};
use postgres::Transaction;
use postgres::audit::{self, Entry};
use postgres::events::{self, NewEvent};
use serde_json::json;
use types::identifier::Identifier;
use types::ids::{IdentifierId, ResidentId};

use super::{BatchError, Importer};
use crate::domain::identifier::{Document, Validity};
use crate::domain::import::{Line, Reason, Rejection, UnknownPersons};
use crate::domain::resident::Resident;
use crate::store::{identifiers, residents};

/// Who has which number, or why a line about it is rejected.
pub(super) type Persons = HashMap<String, Result<ResidentId, Rejection>>;

impl Importer {
    /// The person of every number among the lines, and how many of them were registered for it.
    pub(super) async fn persons(
        &self,
        tx: &mut Transaction,
        lines: &[(u64, &Line)],
        taken: &BTreeSet<String>,
        now: DateTime<Utc>,
    ) -> Result<(Persons, i64), BatchError> {
        let mut persons = Persons::with_capacity(lines.len());
        let mut registered: i64 = 0;
        let mut newly_taken = BTreeSet::new();
        let numbers: Vec<Identifier> = lines.iter().map(|(_, said)| said.national_id.clone().into()).collect();
        let holders = identifiers::holders(tx, self.db.vault(), &numbers).await?;
        for ((_, said), holder) in lines.iter().zip(holders) {
            let number = said.national_id.expose().to_owned();
            // A second line about somebody whom the first has registered.
            if persons.contains_key(&number) {
                continue;
            }
            let found = match (holder, self.unknown) {
                (Some(holder), _) => Ok(holder),
                (None, UnknownPersons::Report) => Err(Rejection::of(Reason::PersonUnknown)),
                (None, _) if taken.contains(&number) => Err(Rejection::of(Reason::PersonNotRegistered)),
                (None, UnknownPersons::Register) => {
                    let Some(found) = self.register(tx, said, now).await? else {
                        newly_taken.insert(number);
                        continue;
                    };
                    found
                }
            };
            registered += i64::from(holder.is_none() && found.is_ok());
            persons.insert(number, found);
        }
        if newly_taken.is_empty() { Ok((persons, registered)) } else { Err(BatchError::NumbersTaken(newly_taken)) }
    }

    /// Somebody whom another region has registered stays theirs: none then, and this transaction must not be committed. The batch is
    /// begun anew, and their lines are rejected.
    async fn register(
        &self,
        tx: &mut Transaction,
        said: &Line,
        now: DateTime<Utc>,
    ) -> Result<Option<Result<ResidentId, Rejection>>, BatchError> {
        if said.name.expose().is_empty() {
            return Ok(Some(Err(Rejection { reason: Reason::InvalidField, field: "name" })));
        }
        let resident = self.resident(said, now);
        let number = said.national_id.clone().into();
        let document = Document::first(IdentifierId::generate(), number, Validity::default(), &resident);
        let vault = self.db.vault();
        if !residents::insert(tx, vault, &resident).await? || !identifiers::insert(tx, vault, &document).await? {
            return Ok(None);
        }
        let data = json!({ "resident_id": resident.id });
        events::append(tx, NewEvent::new("anjia.identity.resident.registered.v1", resident.id, data, now)).await?;
        let entry = Entry::by_service("identity", "identity.resident.register");
        audit::record(tx, identifiers::audited(residents::audited(entry, &resident), &document)).await?;
        Ok(Some(Ok(resident.id)))
    }

    fn resident(&self, said: &Line, now: DateTime<Utc>) -> Resident {
        Resident {
            id: ResidentId::generate(),
            region: self.region,
            revision: 1,
            name: said.name.clone(),
            birth_date: said.national_id.birth_date().into(),
            sex: said.national_id.sex().into(),
            mobile: None,
            address: None,
            language: None,
            community: said.community.clone(),
            neighbourhood: None,
            provisional: None,
            mother: None,
            registrar: Some(self.recorder),
            registered_at: now,
        }
    }
}
