//! Writes down that a bill is to be captured, and answers. The saga does the rest.

use chassis::{Context, Permitted, telemetry};
use postgres::{Begun, Call, Reply, audit};
use types::ids::{BillId, SagaId};

use super::{App, record};
use crate::domain::bill::{Bill, State};
use crate::domain::capture::{self, Capture};
use crate::domain::error::PaymentError;
use crate::store::{bills, captures};

impl App {
    pub async fn capture(
        &self,
        ctx: &Context,
        call: &Call<Permitted<Bill>>,
        id: BillId,
    ) -> Result<Reply<Permitted<Bill>>, PaymentError> {
        if let Some(reply) = self.db.replay(call).await? {
            return Ok(reply);
        }
        let ground = self.may_act(ctx).await?;
        let mut tx = match self.db.begin_call(call).await? {
            Begun::Fresh(tx) => tx,
            Begun::Replayed(reply) => return Ok(reply),
        };
        let now = self.now();
        let bill = bills::lock(&mut tx, id).await?.ok_or(PaymentError::BillNotFound)?;
        let bill = ctx.permit(bill)?;
        if matches!(bill.state, State::Capturing | State::Captured { .. } | State::Settled { .. }) {
            return Ok(call.commit(tx, bill).await?);
        }

        bill.capturable_by(ctx.caller.organisation)?;
        ground.check_reach(bill.payee)?;
        ground.check_amount(&mut tx, &bill).await?;
        let (bill, settlement) = bill.into_inner().on_the_word_of(ground.word).begin_capture(now)?;
        if let Some(journey) = bill.journey {
            telemetry::journey(journey);
        }
        bills::update(&mut tx, &bill).await?;
        let intent = Capture {
            id: SagaId::generate(),
            region: tx.region()?,
            bill: bill.id,
            settlement,
            state: capture::State::Confirming,
            attempts: 0,
            traceparent: ctx.traceparent(),
            journey: bill.journey,
            begun_at: now,
            deadline: now + self.durations.capture,
            fence: 0,
        };
        captures::insert(&mut tx, &intent, &ctx.caller).await?;
        let entry = record::entry(&ctx.caller, "payment.bill.capture", &bill);
        audit::record(&mut tx, record::with_capture(entry, &intent)).await?;
        let reply = call.commit(tx, ctx.permit(bill)?).await?;
        self.captures_due.notify_one();
        Ok(reply)
    }
}
