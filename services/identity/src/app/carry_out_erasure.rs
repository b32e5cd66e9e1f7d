use chassis::Context;
use chassis::auth::Revoked;
use chrono::{DateTime, Utc};
use postgres::audit::{self, Entry};
use postgres::events::{self, NewEvent};
use postgres::{Transaction, erasure, retention};
use serde_json::json;
use types::caller::Party;
use types::clock::local_date;
use types::ids::ResidentId;
use uuid::Uuid;

use super::App;
use super::{coverage_changed, grant_consent};
use crate::domain::IdentityError;
use crate::domain::erasure::{Erasure, Kept, Reason, Standing, Word, receipt};
use crate::domain::guardianship::Ended;
use crate::domain::revocation::Revocation;
use crate::store::{
    PERSONAL, consents, delegations, erased, family_doctor_contracts, guardianships, residents, revocations,
};

const SERVICE: &str = "identity";
const REASON: &str = "the person was erased at their own request";

impl App {
    /// Ends what the person gave and was given, bars their tokens, and erases who they are. Answers the request with its receipt. One
    /// transaction: a crash leaves all of it or nothing.
    pub(super) async fn carry_out(
        &self,
        tx: &mut Transaction,
        own: &Context,
        erasure: Erasure,
        now: DateTime<Utc>,
    ) -> Result<Erasure, IdentityError> {
        let resident = erasure.resident;
        residents::lock(tx, resident).await?;
        self.end_permissions(tx, own, resident, now).await?;
        self.bar(tx, own, resident, now).await?;

        erasure::set(tx, SERVICE, resident, erasure.id.uuid(), erasure::State::Erased).await?;
        erasure::look_again(tx, resident, None, 0).await?;
        erased::blank(tx, resident).await?;
        let others: Vec<_> = PERSONAL.iter().copied().filter(|table| table.table.name != "residents").collect();
        erasure::erase(tx, SERVICE, &others, resident).await?;
        let kept = erasure::kept(tx, PERSONAL, resident).await?;

        let mut told = erasure.clone();
        told.standings.push(Standing {
            service: SERVICE.to_owned(),
            word: Some(Word::Erased),
            open: vec![],
            kept: kept.into_iter().map(|kept| Kept { rule: kept.rule, rows: kept.rows, until: kept.until }).collect(),
            reported_at: Some(now),
        });
        let receipt = receipt(&told, now, |name| {
            let rule = retention::rule(name)?;
            Some(Reason { why: [&rule.why_zh, &rule.why_en], source: &rule.source })
        });
        Ok(Erasure { receipt: Some(receipt), ..erasure })
    }

    /// Nothing that was ever digested of the person tells anything from now on; what is kept is digested anew.
    pub(super) async fn forget(&self, tx: &mut Transaction, erasure: &Erasure) -> Result<(), IdentityError> {
        let resident = erasure.resident;
        let rest = |entry| erased::audited(entry, resident);
        Ok(erasure::forget_person(tx, SERVICE, PERSONAL, resident, rest).await?)
    }

    /// Whatever stands is taken back as if the person had done so: scheduling hears of it and frees what is held under it.
    async fn end_permissions(
        &self,
        tx: &mut Transaction,
        own: &Context,
        resident: ResidentId,
        now: DateTime<Utc>,
    ) -> Result<(), IdentityError> {
        for id in erased::delegations(tx, resident).await? {
            if let Some(delegation) = delegations::get(tx, id).await? {
                self.take_back(tx, own, delegation, now).await?;
            }
        }
        for id in erased::consents(tx, resident).await? {
            consents::revoke(tx, id, now).await?;
            if let Some(revoked) = consents::get(tx, id).await? {
                grant_consent::tell(tx, own, "anjia.identity.consent.revoked.v1", &revoked, now).await?;
                let entry = Entry::new(&own.caller, "identity.consent.revoke");
                audit::record(tx, consents::audited(entry, &revoked)).await?;
            }
        }
        let today = local_date(now);
        for id in erased::contracts(tx, resident, today).await? {
            if let Some(contract) = family_doctor_contracts::lock(tx, id).await? {
                let contract = contract.end(today, REASON.to_owned(), now)?;
                family_doctor_contracts::end(tx, &contract).await?;
                coverage_changed::tell(tx, own, resident, today, now).await?;
                let entry = Entry::new(&own.caller, "identity.contract.end");
                audit::record(tx, family_doctor_contracts::audited(entry, &contract)).await?;
            }
        }
        for id in erased::guardianships(tx, resident).await? {
            guardianships::end(tx, id, &Ended { at: now, reason: REASON.to_owned() }).await?;
            if let Some(ended) = guardianships::get(tx, id).await? {
                self.revoke_what_rests_on(tx, own, &ended).await?;
                let data = json!({ "resident_id": ended.ward, "guardian_resident_id": ended.guardian });
                let event = NewEvent::new("anjia.identity.guardianship.ended.v1", ended.id, data, now);
                events::append(tx, event.traceparent(own.traceparent())).await?;
                let entry = Entry::new(&own.caller, "identity.guardianship.end");
                audit::record(tx, guardianships::audited(entry, &ended)).await?;
            }
        }
        Ok(())
    }

    /// No token names the person any more, and none is issued.
    async fn bar(
        &self,
        tx: &mut Transaction,
        own: &Context,
        resident: ResidentId,
        now: DateTime<Utc>,
    ) -> Result<(), IdentityError> {
        let mut revocation = Revocation {
            id: Uuid::now_v7(),
            revision: 0,
            of: Revoked::Party(Party::Resident(resident)),
            lasting: true,
            reason: REASON.to_owned(),
            revoked_by: own.caller.acting().clone(),
            revoked_at: now,
            lifted: None,
        };
        revocation.revision = revocations::insert(tx, &revocation).await?;
        let data = json!({ "party": Party::Resident(resident), "lasting": true });
        let event = NewEvent::new("anjia.identity.token.revoked.v1", revocation.id, data, now);
        events::append(tx, event.traceparent(own.traceparent())).await?;
        let entry = Entry::new(&own.caller, "identity.token.revoke");
        Ok(audit::record(tx, revocations::audited(entry, &revocation)).await?)
    }
}
