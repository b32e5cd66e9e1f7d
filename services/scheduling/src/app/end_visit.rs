//! Ends a visit or a stay: one that is open, or one that is over when its check-in is reported.

use chassis::{Context, Permitted};
use postgres::{Begun, Call, Reply, Transaction};
use types::ids::VisitId;

use super::{Scheduling, records::visit_changed};
use crate::{
    domain::{
        error::SchedulingError,
        visit::{Ended, Visit, check_past},
    },
    store::visits,
};

#[derive(Debug, Clone)]
pub struct EndVisit {
    pub visit: VisitId,
    pub ended: Ended,
    /// Why, where it is not the provider who says so.
    pub reason: String,
}

impl Scheduling {
    pub async fn end_visit(
        &self,
        ctx: &Context,
        call: &Call<Permitted<Visit>>,
        wish: EndVisit,
    ) -> Result<Reply<Permitted<Visit>>, SchedulingError> {
        let mut tx = match self.db.begin_call(call).await? {
            Begun::Fresh(tx) => tx,
            Begun::Replayed(reply) => return Ok(reply),
        };
        let visit = ctx.permit(visits::lock(&mut tx, wish.visit).await?)?.into_inner();
        visit.check_ender(&ctx.caller, &wish.reason)?;
        check_past("occurred_at", wish.ended.at, self.clock.now())?;
        let visit = visit.end(wish.ended)?;
        visits::update(&mut tx, &visit, &wish.reason).await?;
        self.tell_end(&mut tx, ctx, &visit, wish.ended).await?;
        let visit = ctx.permit(visit)?;
        Ok(call.commit(tx, visit).await?)
    }

    /// What the end of a visit brings with it, in the transaction that has written it.
    pub(super) async fn tell_end(
        &self,
        tx: &mut Transaction,
        ctx: &Context,
        visit: &Visit,
        ended: Ended,
    ) -> Result<(), SchedulingError> {
        self.leave_queue(tx, ctx, visit, ended).await?;
        let kind = "anjia.scheduling.visit.ended.v1";
        visit_changed(tx, ctx, kind, "scheduling.visit.end", visit, self.clock.now()).await
    }
}
