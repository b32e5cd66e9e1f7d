//! Acts for a resident by somebody else rest on a delegation, checked at identity at that moment, and reach as far as it does.

use chassis::Context;
use types::{
    caller::Party,
    care::CareKind,
    delegation::Limits,
    ids::{DelegationId, OrganisationId, ResidentId},
};

use super::Scheduling;
use crate::{domain::error::SchedulingError, peers::identity::Action};

/// On what ground somebody books.
#[derive(Debug, Clone, Default)]
pub(super) struct Ground {
    pub(super) delegation: Option<DelegationId>,
    /// Those of the delegation; of the resident's own act there are none.
    limits: Limits,
}

impl Ground {
    /// Refuses care and providers that the delegation is not for.
    pub(super) fn check_reach(&self, kind: CareKind, organisation: OrganisationId) -> Result<(), SchedulingError> {
        check_reach(&self.limits, kind, organisation)
    }

    /// How many bookings the delegation allows altogether. Counted, and its being taken back looked up, under the lock of the resident,
    /// which both counting and taking back wait for.
    pub(super) const fn uses_max(&self) -> Option<u32> {
        match self.delegation {
            Some(_) => self.limits.uses_max,
            None => None,
        }
    }
}

pub(super) fn check_reach(
    limits: &Limits,
    kind: CareKind,
    organisation: OrganisationId,
) -> Result<(), SchedulingError> {
    if !limits.admits_kind(kind) {
        return Err(SchedulingError::ServiceKindNotDelegated);
    }
    if !limits.admits_organisation(organisation) {
        return Err(SchedulingError::OrganisationNotDelegated);
    }
    Ok(())
}

impl Scheduling {
    /// Lets the resident themself, a delegate and our own services book; answers on what ground. `named` is a delegation that the
    /// request names, for callers who come in their own name.
    ///
    /// Referral goes on in a resident's name by a token for named methods: identity checked the delegation when it issued it, and the
    /// delegation reaches no further for it than for the delegate.
    pub(super) async fn may_book_for(
        &self,
        ctx: &Context,
        resident: ResidentId,
        named: Option<DelegationId>,
    ) -> Result<Ground, SchedulingError> {
        let caller = &ctx.caller;
        match (&caller.subject, &caller.actor) {
            (Party::Service(_), None) => Ok(Ground::default()),
            (Party::Resident(_), None) if caller.is(resident) => Ok(Ground::default()),
            (Party::Resident(_), Some(Party::Service(_))) if caller.is(resident) => {
                let limits = match caller.delegation {
                    Some(delegation) => self.identity.limits(ctx, delegation).await?,
                    None => Limits::default(),
                };
                Ok(Ground { delegation: caller.delegation, limits })
            }
            (Party::Resident(_), Some(_)) if caller.is(resident) => {
                let delegation = caller.delegation.ok_or(SchedulingError::NoDelegation)?;
                let limits = self.identity.check_caller(ctx, delegation, resident, Action::Book).await?;
                Ok(Ground { delegation: Some(delegation), limits })
            }
            // In their own name.
            (party, None) => {
                let delegation = named.ok_or(SchedulingError::NoDelegation)?;
                let limits = self.identity.check_delegate(ctx, delegation, resident, party, Action::Book).await?;
                Ok(Ground { delegation: Some(delegation), limits })
            }
            // Somebody who acts for one resident does not thereby act for another.
            (_, Some(_)) => Err(SchedulingError::NoDelegation),
        }
    }
}
