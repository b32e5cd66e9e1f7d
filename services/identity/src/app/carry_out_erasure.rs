use chassis::Context;
use chassis::auth::Revoked;
use chrono::{DateTime, NaiveDate, Utc};
use postgres::audit::{self, Entry};
use postgres::{Transaction, aliases, erasure, retention};
use types::caller::Party;
use types::clock::local_date;
use types::ids::ResidentId;

use super::App;
use super::{end_family_doctor_contract, revoke_consent};
use crate::domain::IdentityError;
use crate::domain::erasure::{Erasure, Kept, Reason, Standing, Word, receipt};
use crate::domain::guardianship::Ended;
use crate::domain::household;
use crate::domain::mandate::End;
use crate::store::{
    PERSONAL, consents, delegations, erased, family_doctor_contracts, guardianships, households, mandates, residents,
};

const SERVICE: &str = "identity";
const REASON: &str = "the person was erased at their own request";
/// Says nothing about why.
const HEAD_LEFT: &str = "the head left";

impl App {
    /// Ends what the person gave and was given, bars their tokens, and erases who they are, under every id of theirs. Answers the request
    /// with its receipt. One transaction: a crash leaves all of it or nothing.
    pub(super) async fn carry_out(
        &self,
        tx: &mut Transaction,
        own: &Context,
        erasure: Erasure,
        now: DateTime<Utc>,
    ) -> Result<Erasure, IdentityError> {
        let resident = erasure.resident;
        residents::lock(tx, resident).await?;
        let ids = every_id(tx, resident).await?;
        self.end_permissions(tx, own, resident, now).await?;
        self.end_mandates(tx, own, resident, now).await?;
        self.end_households(tx, own, resident, now).await?;
        for id in &ids {
            // No token names the person any more, and none is issued.
            self.take_tokens_back(tx, own, Revoked::Party(Party::Resident(*id)), true, REASON.to_owned()).await?;
        }

        erasure::set(tx, SERVICE, &ids, erasure.id.uuid(), erasure::State::Erased).await?;
        erasure::look_again(tx, resident, None, 0).await?;
        erased::blank(tx, resident).await?;
        let others: Vec<_> = PERSONAL.iter().copied().filter(|table| table.table.name != "residents").collect();
        erasure::erase(tx, SERVICE, &others, &ids).await?;
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
        let ids = every_id(tx, erasure.resident).await?;
        let rest = |entry| ids.iter().fold(entry, |entry, id| erased::audited(entry, *id));
        Ok(erasure::forget_person(tx, SERVICE, PERSONAL, &ids, rest).await?)
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
                revoke_consent::tell_revoked(tx, own, &revoked, now).await?;
            }
        }
        let today = local_date(now);
        for id in erased::contracts(tx, resident, today).await? {
            if let Some(contract) = family_doctor_contracts::lock(tx, id).await? {
                let contract = contract.end(today, REASON.to_owned(), now)?;
                end_family_doctor_contract::write_end(tx, own, &contract, today, now).await?;
            }
        }
        for id in erased::guardianships(tx, resident).await? {
            guardianships::end(tx, id, &Ended { at: now, reason: REASON.to_owned() }).await?;
            if let Some(ended) = guardianships::get(tx, id).await? {
                self.follow_end_of(tx, own, &ended).await?;
            }
        }
        Ok(())
    }

    /// Nothing goes on in the person's name, nor under what they mandated for others.
    async fn end_mandates(
        &self,
        tx: &mut Transaction,
        own: &Context,
        resident: ResidentId,
        now: DateTime<Utc>,
    ) -> Result<(), IdentityError> {
        for id in erased::mandates(tx, resident).await? {
            mandates::end(tx, id, End::Revoked, now).await?;
            if let Some(ended) = mandates::get(tx, id).await? {
                let entry = Entry::new(&own.caller, "identity.mandate.revoke");
                audit::record(tx, mandates::audited(entry, &ended)).await?;
            }
        }
        Ok(())
    }

    /// No household is left without its head: where the person is that, it ends for everybody, and whoever stays forms another.
    async fn end_households(
        &self,
        tx: &mut Transaction,
        own: &Context,
        resident: ResidentId,
        now: DateTime<Utc>,
    ) -> Result<(), IdentityError> {
        for id in erased::headed(tx, resident).await? {
            let Some(household) = households::lock(tx, id).await? else { continue };
            // Nothing of it ends before it began.
            let lasting = household.members.iter().filter(|member| member.ended.is_none());
            let last_day = lasting.map(|member| member.from).fold(local_date(now).max(household.from), NaiveDate::max);
            let ended = household::Ended { with: last_day, at: now, reason: HEAD_LEFT.to_owned() };
            let (household, gone) = household.end(&ended)?;
            households::end(tx, household.id, &ended).await?;
            for member in &gone {
                households::end_member(tx, member.id, &ended).await?;
            }
            super::households::record(tx, own, "identity.household.end", &household, &gone).await?;
        }
        Ok(())
    }
}

/// The ids of the person, the one they go by first.
async fn every_id(tx: &mut Transaction, resident: ResidentId) -> Result<Vec<ResidentId>, IdentityError> {
    let mut ids = aliases::one_person(tx, resident).await?;
    ids.sort_by_key(|id| *id != resident);
    Ok(ids)
}
