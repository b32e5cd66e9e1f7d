use chassis::{Context, Permitted};
use chrono::NaiveDate;
use postgres::{Begun, Call, Reply};
use types::ids::EnrolmentId;

use super::App;
use crate::domain::IdentityError;
use crate::domain::enrolment::Enrolment;

/// That an enrolment ends.
#[derive(Debug, Clone)]
pub struct Ending {
    pub id: EnrolmentId,
    pub version: i32,
    /// Last day in force.
    pub until: NaiveDate,
    pub reason: String,
}

impl App {
    pub async fn end_enrolment(
        &self,
        ctx: &Context,
        call: &Call<Permitted<Enrolment>>,
        ending: Ending,
    ) -> Result<Reply<Permitted<Enrolment>>, IdentityError> {
        let mut tx = match self.db.begin_call(call).await? {
            Begun::Fresh(tx) => tx,
            Begun::Replayed(reply) => return Ok(reply),
        };
        let before = self.lock_enrolment(&mut tx, ctx, ending.id, ending.version).await?;
        let terms = before.ending(ending.until)?;
        let after = self.supersede(&mut tx, ctx, before, terms, ending.reason).await?;
        Ok(call.commit(tx, after).await?)
    }
}
