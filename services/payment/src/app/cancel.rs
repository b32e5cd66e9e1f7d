//! Gives a reservation up: asked for, expired, or because the appointment it was for is no more.

use chassis::{Context, Guarded, Permitted};
use chrono::{DateTime, Utc};
use postgres::audit::{self, Entry};
use postgres::consumer::{Advanced, Failure, Inbox};
use postgres::{Begun, Call, Reply, Scope, Transaction};
use types::ids::{AppointmentId, BillId, OrganisationId, ResidentId};
use types::region::RegionCode;

use super::{App, record};
use crate::domain::bill::Bill;
use crate::domain::error::PaymentError;
use crate::domain::shares::credit_changes;
use crate::store::bill_ids::Claim;
use crate::store::{bill_ids, bills, credit_lines};

/// How many expired bills are looked up at once.
const EXPIRED_BATCH: i64 = 100;

#[derive(Debug, Clone, Copy)]
pub struct Cancel {
    pub bill: BillId,
    /// Whose bill it would be, where it is not known yet.
    pub resident: Option<ResidentId>,
}

/// An id that is remembered as cancelled for its resident.
struct Remembered(ResidentId);

impl Guarded for Remembered {
    const NOT_FOUND: &'static str = "BILL_NOT_FOUND";

    fn resident(&self) -> Option<ResidentId> {
        Some(self.0)
    }

    fn organisations(&self) -> Vec<OrganisationId> {
        Vec::new()
    }
}

impl App {
    /// Cancels the bill; answers none where the id was not known and is now remembered.
    pub async fn cancel(
        &self,
        ctx: &Context,
        call: &Call<Option<Permitted<Bill>>>,
        asked: Cancel,
    ) -> Result<Reply<Option<Permitted<Bill>>>, PaymentError> {
        if let Some(reply) = self.db.replay(call).await? {
            return Ok(reply);
        }
        let ground = self.may_act(ctx).await?;
        let mut tx = match self.db.begin_call(call).await? {
            Begun::Fresh(tx) => tx,
            Begun::Replayed(reply) => return Ok(reply),
        };
        let now = self.now();
        let mut bill = bills::lock(&mut tx, asked.bill).await?;
        if bill.is_none() && !remember(&mut tx, ctx, asked, now).await? {
            // Its authorisation was faster.
            bill = bills::lock(&mut tx, asked.bill).await?;
        }
        let Some(bill) = bill else { return Ok(call.commit(tx, None).await?) };

        let bill = ctx.permit(bill)?.into_inner();
        ground.check_arranged(&bill)?;
        ground.check_reach(bill.payee)?;
        let entry = Entry::new(&ctx.caller, "payment.bill.cancel");
        let bill = cancelled(&mut tx, entry, bill, now).await?;
        Ok(call.commit(tx, Some(ctx.permit(bill)?)).await?)
    }

    /// Cancels what has expired, in all regions; answers how many bills were due. One that cannot be cancelled is left to the next
    /// time and keeps no other from it.
    pub async fn cancel_expired(&self) -> Result<usize, PaymentError> {
        let now = self.now();
        let mut due = 0;
        let mut last = None;
        loop {
            let mut tx = self.db.begin(Scope::Worker).await?;
            let batch = bills::expired(&mut tx, now, last, EXPIRED_BATCH).await?;
            tx.commit().await?;
            for expired in &batch {
                match self.cancel_if_expired(expired.id, expired.region, now).await {
                    Err(PaymentError::Storage(error)) if error.is_unavailable() => return Err(error.into()),
                    Err(error) => tracing::error!(bill = %expired.id, %error, "an expired bill was not cancelled"),
                    Ok(()) => {}
                }
            }
            due += batch.len();
            last = batch.last().copied();
            if last.is_none() {
                return Ok(due);
            }
        }
    }

    async fn cancel_if_expired(&self, id: BillId, region: RegionCode, now: DateTime<Utc>) -> Result<(), PaymentError> {
        let mut tx = self.db.begin(Scope::Region(region)).await?;
        // Captured, re-based or cancelled since it was found: no longer due.
        if let Some(bill) = bills::lock(&mut tx, id).await?
            && bill.expires_at <= now
            && bill.clone().cancel().is_ok()
        {
            let entry = Entry::by_service(record::SERVICE, "payment.bill.expire");
            cancelled(&mut tx, entry, bill, now).await?;
        }
        Ok(tx.commit().await?)
    }

    /// Cancels the bills of an appointment that is no more. Those being captured stay: the care was given.
    pub async fn appointment_gone(
        &self,
        inbox: Inbox,
        region: RegionCode,
        appointment: AppointmentId,
    ) -> Result<Advanced, Failure> {
        let mut tx = inbox.begin(Scope::Region(region)).await?;
        let ids = bills::authorised_for(&mut tx, appointment).await?;
        let now = self.now();
        for id in &ids {
            if let Some(bill) = bills::lock(&mut tx, *id).await?
                && bill.clone().cancel().is_ok()
            {
                let entry = Entry::by_service(record::SERVICE, "payment.bill.cancel");
                cancelled(&mut tx, entry, bill, now).await.map_err(|error| match error {
                    PaymentError::Storage(error) => error.into(),
                    error => Failure::refused(error),
                })?;
            }
        }
        Ok(inbox.commit(tx).await?)
    }
}

/// Remembers an id that no bill has; false if a bill has it after all.
async fn remember(
    tx: &mut Transaction,
    ctx: &Context,
    asked: Cancel,
    now: DateTime<Utc>,
) -> Result<bool, PaymentError> {
    let resident = asked.resident.or(ctx.caller.resident()).ok_or(PaymentError::BillNotFound)?;
    ctx.permit(Remembered(resident))?;
    let region = tx.region()?;
    match bill_ids::claim(tx, region, asked.bill, resident, Some(now)).await? {
        Claim::Ours => {
            let entry =
                Entry::new(&ctx.caller, "payment.bill.cancel_ahead").resident(resident).row("bill_ids", asked.bill);
            audit::record(tx, entry).await?;
            Ok(true)
        }
        Claim::Cancelled => Ok(true),
        Claim::Opened => Ok(false),
        Claim::Elsewhere => Err(PaymentError::BillNotFound),
    }
}

/// Cancels a locked bill, once, and releases what it held.
async fn cancelled(tx: &mut Transaction, entry: Entry, bill: Bill, now: DateTime<Utc>) -> Result<Bill, PaymentError> {
    let Some(after) = bill.clone().cancel()? else { return Ok(bill) };
    for (line, change) in credit_changes(&after.shares, &[]) {
        credit_lines::release(tx, line, -change).await?;
    }
    bills::update(tx, &after).await?;
    record::tell_bill(tx, record::BILL_CANCELLED, &after, now).await?;
    audit::record(tx, record::with_bill(entry.resident(after.resident), &after)).await?;
    Ok(after)
}
