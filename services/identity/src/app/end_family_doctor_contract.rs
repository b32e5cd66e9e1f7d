use chassis::{Context, Permitted};
use chrono::{DateTime, NaiveDate, Utc};
use postgres::audit::{self, Entry};
use postgres::events::{self, NewEvent};
use postgres::{Begun, Call, Reply, Transaction};
use serde_json::json;
use types::ids::ContractId;

use super::{App, coverage_changed};
use crate::domain::IdentityError;
use crate::domain::delegation::Action;
use crate::domain::family_doctor::Contract;
use crate::store::family_doctor_contracts;

/// That a contract ends early.
#[derive(Debug, Clone)]
pub struct ContractEnding {
    pub id: ContractId,
    pub last_day: NaiveDate,
    pub reason: String,
}

impl App {
    /// By the resident, a delegate who may book, or the provider.
    pub async fn end_family_doctor_contract(
        &self,
        ctx: &Context,
        call: &Call<Permitted<Contract>>,
        ending: ContractEnding,
    ) -> Result<Reply<Permitted<Contract>>, IdentityError> {
        let mut tx = match self.db.begin_call(call).await? {
            Begun::Fresh(tx) => tx,
            Begun::Replayed(reply) => return Ok(reply),
        };
        let contract = family_doctor_contracts::lock(&mut tx, ending.id).await?;
        let contract = ctx.permit(contract.ok_or(IdentityError::ContractNotFound)?)?;
        self.check_may(&mut tx, ctx, contract.resident, Action::Book).await?;
        let now = self.now();
        let contract = ctx.permit(contract.into_inner().end(ending.last_day, ending.reason, now)?)?;
        write_end(&mut tx, ctx, &contract, ending.last_day, now).await?;
        Ok(call.commit(tx, contract).await?)
    }
}

/// Writes a contract that was just ended, tells of it and records it.
pub(super) async fn write_end(
    tx: &mut Transaction,
    ctx: &Context,
    contract: &Contract,
    last_day: NaiveDate,
    now: DateTime<Utc>,
) -> Result<(), IdentityError> {
    family_doctor_contracts::end(tx, contract).await?;
    let data = json!({
        "resident_id": contract.resident,
        "organisation_id": contract.organisation,
        "practitioner_ids": contract.team,
        "last_day": last_day,
    });
    let event = NewEvent::new("anjia.identity.contract.ended.v1", contract.id, data, now);
    events::append(tx, event.traceparent(ctx.traceparent())).await?;
    let changed_from = last_day.succ_opt().unwrap_or(last_day);
    coverage_changed::tell(tx, ctx, contract.resident, changed_from, now).await?;
    let entry = Entry::new(&ctx.caller, "identity.contract.end");
    audit::record(tx, family_doctor_contracts::audited(entry, contract)).await?;
    Ok(())
}
