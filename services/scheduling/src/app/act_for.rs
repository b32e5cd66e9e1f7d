//! Acts for a resident by somebody else rest on a delegation, checked at identity at that moment.

use chassis::Context;
use types::{
    caller::Party,
    ids::{DelegationId, ResidentId},
};

use super::Scheduling;
use crate::{domain::error::SchedulingError, peers::identity::Action};

impl Scheduling {
    /// Lets the resident themself, a delegate and our own services book; answers the delegation the act rests on. `named` is
    /// one that the request names, for callers who come in their own name.
    ///
    /// Referral goes on in a resident's name by a token for named methods: identity checked the delegation when it issued it.
    pub(super) async fn may_book_for(
        &self,
        ctx: &Context,
        resident: ResidentId,
        named: Option<DelegationId>,
    ) -> Result<Option<DelegationId>, SchedulingError> {
        let caller = &ctx.caller;
        match (&caller.subject, &caller.actor) {
            (Party::Service(_), None) => Ok(None),
            (Party::Resident(subject), None | Some(Party::Service(_))) if *subject == resident => Ok(caller.delegation),
            (Party::Resident(subject), Some(_)) if *subject == resident => {
                let delegation = caller.delegation.ok_or(SchedulingError::NoDelegation)?;
                self.identity.check_caller(ctx, delegation, resident, Action::Book).await?;
                Ok(Some(delegation))
            }
            // In their own name.
            (party, None) => {
                let delegation = named.ok_or(SchedulingError::NoDelegation)?;
                self.identity.check_delegate(delegation, resident, party, Action::Book).await?;
                Ok(Some(delegation))
            }
            // Somebody who acts for one resident does not thereby act for another.
            (_, Some(_)) => Err(SchedulingError::NoDelegation),
        }
    }
}
