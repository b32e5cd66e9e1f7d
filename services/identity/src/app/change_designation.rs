use chassis::{Context, Permitted};
use chrono::NaiveDate;
use postgres::{Begun, Call, Reply};
use types::ids::DesignationId;

use super::App;
use crate::domain::IdentityError;
use crate::domain::designation::Designation;
use crate::store::designations;

/// What is to become of a contract.
#[derive(Debug, Clone)]
pub enum DesignationChange {
    Suspend {
        from: NaiveDate,
        reason: String,
    },
    /// `from` is the first day on which it is good again.
    Resume {
        from: NaiveDate,
    },
    End {
        until: NaiveDate,
        reason: String,
    },
}

impl DesignationChange {
    const fn action(&self) -> &'static str {
        match self {
            Self::Suspend { .. } => "identity.designation.suspend",
            Self::Resume { .. } => "identity.designation.resume",
            Self::End { .. } => "identity.designation.end",
        }
    }

    fn of(self, designation: Designation) -> Result<Designation, IdentityError> {
        match self {
            Self::Suspend { from, reason } => designation.suspend(from, reason),
            Self::Resume { from } => designation.resume(from),
            Self::End { until, reason } => designation.end(until, reason),
        }
    }
}

impl App {
    pub async fn change_designation(
        &self,
        ctx: &Context,
        call: &Call<Permitted<Designation>>,
        id: DesignationId,
        change: DesignationChange,
    ) -> Result<Reply<Permitted<Designation>>, IdentityError> {
        let mut tx = match self.db.begin_call(call).await? {
            Begun::Fresh(tx) => tx,
            Begun::Replayed(reply) => return Ok(reply),
        };
        let designation = designations::lock(&mut tx, id).await?.ok_or(IdentityError::DesignationNotFound)?;
        let designation = ctx.permit(designation)?;
        let action = change.action();
        let designation = ctx.permit(change.of(designation.into_inner())?)?;
        designations::update(&mut tx, &designation).await?;
        self.designation_changed(&mut tx, ctx, &designation, action).await?;
        Ok(call.commit(tx, designation).await?)
    }
}
