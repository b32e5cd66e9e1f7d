//! Ends a visit or a stay.

use chassis::{Context, Permitted};
use postgres::{Begun, Call, Reply};
use types::ids::VisitId;

use super::{Scheduling, records::visit_changed};
use crate::{
    domain::{
        error::SchedulingError,
        visit::{Ended, Visit, check_past},
    },
    store::visits,
};

#[derive(Debug, Clone, Copy)]
pub struct EndVisit {
    pub visit: VisitId,
    pub ended: Ended,
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
        let now = self.clock.now();
        check_past(wish.ended.at, now)?;
        let visit = visit.end(wish.ended)?;
        visits::update(&mut tx, &visit).await?;
        self.leave_queue(&mut tx, ctx, &visit, wish.ended).await?;
        let kind = "anjia.scheduling.visit.ended.v1";
        visit_changed(&mut tx, ctx, kind, "scheduling.visit.end", &visit, now).await?;
        let visit = ctx.permit(visit)?;
        Ok(call.commit(tx, visit).await?)
    }
}
