//! Takes a captured bill back as a whole: its settlement is reversed. The money follows from adjudication's event, whoever dies meanwhile.

use chassis::{Context, Permitted};
use postgres::{Begun, Call, Reply, Scope, audit};
use types::ids::BillId;

use super::{App, record};
use crate::domain::bill::{Bill, State};
use crate::domain::correction::RefundReason;
use crate::domain::error::PaymentError;
use crate::store::bills;

#[derive(Debug, Clone, Copy)]
pub struct Refund {
    pub bill: BillId,
    pub reason: RefundReason,
}

impl App {
    pub async fn refund(
        &self,
        ctx: &Context,
        call: &Call<Permitted<Bill>>,
        asked: Refund,
    ) -> Result<Reply<Permitted<Bill>>, PaymentError> {
        if let Some(reply) = self.db.replay(call).await? {
            return Ok(reply);
        }
        let mut tx = self.db.begin(Scope::of(&ctx.caller)).await?;
        let bill = bills::find(&mut tx, asked.bill).await?.ok_or(PaymentError::BillNotFound)?;
        tx.commit().await?;
        let bill = ctx.permit(bill)?;
        let captured = matches!(bill.state, State::Captured { .. } | State::Settled { .. });
        let settlement = bill.present_settlement().filter(|_| captured).ok_or(PaymentError::BillNotCaptured)?;
        if !bill.is_refunded() {
            let own = self.own_in(ctx.caller.region).await?;
            self.adjudication.take_back(&own, (settlement, asked.bill), asked.reason).await?;
        }

        let mut tx = match self.db.begin_call(call).await? {
            Begun::Fresh(tx) => tx,
            Begun::Replayed(reply) => return Ok(reply),
        };
        let bill = bills::find(&mut tx, asked.bill).await?.ok_or(PaymentError::BillNotFound)?;
        audit::record(&mut tx, record::entry(&ctx.caller, "payment.bill.refund", &bill)).await?;
        Ok(call.commit(tx, ctx.permit(bill)?).await?)
    }
}
