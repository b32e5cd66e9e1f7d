//! Who may commit a resident's money, how much of it, and who may see it committed.

use chassis::Context;
use postgres::Transaction;
use types::caller::Party;
use types::delegation::Limits;
use types::ids::{DelegationId, MandateId, OrganisationId, ResidentId};

use super::App;
use crate::domain::bill::{Basis, Bill, Word};
use crate::domain::error::PaymentError;
use crate::domain::mandate;
use crate::domain::shares::{Payer, Share};
use crate::store::delegated;

/// On what ground somebody commits the money.
#[derive(Debug, Clone)]
pub(super) struct Ground {
    pub(super) word: Word,
    /// Under which a service goes on, in the resident's name.
    pub(super) mandate: Option<MandateId>,
    /// Those of the delegation, if there is one.
    limits: Limits,
}

impl Ground {
    /// Refuses providers that the delegation is not for.
    pub(super) fn check_reach(&self, payee: OrganisationId) -> Result<(), PaymentError> {
        if self.limits.admits_organisation(payee) { Ok(()) } else { Err(PaymentError::OrganisationNotDelegated) }
    }

    /// Refuses services every bill that they did not arrange themselves.
    pub(super) fn check_arranged(&self, bill: &Bill) -> Result<(), PaymentError> {
        match &self.word.by {
            by @ Party::Service(_) => mandate::check_arranged(bill, by, self.mandate),
            _ => Ok(()),
        }
    }

    /// Refuses a bill with which more of the resident's money would be committed under the delegation than it allows. Whoever else
    /// commits under it waits until this transaction ends.
    pub(super) async fn check_amount(&self, tx: &mut Transaction, bill: &Bill) -> Result<(), PaymentError> {
        let (Some(delegation), Some(max)) = (self.word.delegation, self.limits.amount_max) else { return Ok(()) };
        let region = tx.region()?;
        delegated::lock(tx, region, delegation).await?;
        let committed = delegated::committed_besides(tx, delegation, bill.id).await?;
        match committed.checked_add(bill.own_share()) {
            Some(all) if self.limits.admits_amount(all) => Ok(()),
            _ => Err(PaymentError::AmountNotDelegated { remaining: max.less_at_most(committed) }),
        }
    }
}

impl App {
    /// Residents act for themselves; a service goes on under a mandate that identity checked when it issued the token, within the limits of
    /// the delegation it rests on; a person who acts for a resident is asked about at identity, live.
    pub(super) async fn may_act(&self, ctx: &Context) -> Result<Ground, PaymentError> {
        let word = Word { by: ctx.caller.acting().clone(), delegation: ctx.caller.delegation };
        let limits = match (delegate(ctx)?, &ctx.caller.actor, ctx.caller.delegation) {
            (Some((delegation, resident)), _, _) => self.identity.check_pay(ctx, delegation, resident).await?,
            (None, Some(Party::Service(_)), Some(delegation)) => {
                let own = self.credentials.own_in(ctx.caller.region).await;
                let own = own.map_err(|_| PaymentError::PeerUnavailable { peer: "identity" })?;
                self.identity.limits(&own, delegation).await?
            }
            (None, _, _) => Limits::default(),
        };
        let terms = ctx.caller.terms().map_err(|_| PaymentError::OutsideMandate)?;
        Ok(Ground { word, mandate: terms.map(|terms| terms.id), limits })
    }

    /// As [`App::may_act`], of who only looks.
    pub async fn may_view(&self, ctx: &Context) -> Result<(), PaymentError> {
        match delegate(ctx)? {
            None => Ok(()),
            Some((delegation, resident)) => self.identity.check_view(ctx, delegation, resident).await,
        }
    }

    /// As [`App::may_act`]; and credit is taken in nobody's name but that of the resident whose bill it is, by a service as its mandate
    /// says. The payee's own staff may collect or wait for the money, also while they act for somebody else.
    pub(super) async fn may_name_payers(
        &self,
        ctx: &Context,
        basis: &Basis,
        payers: &[Share],
    ) -> Result<Ground, PaymentError> {
        let takes_credit = payers.iter().any(|share| matches!(share.payer, Payer::Credit(_)));
        if takes_credit && !ctx.caller.is(basis.resident) {
            return Err(PaymentError::CreditOutsideScope);
        }
        if let Some(terms) = ctx.caller.terms().map_err(|_| PaymentError::OutsideMandate)? {
            mandate::check(terms, basis, payers)?;
        }
        self.may_act(ctx).await
    }
}

/// For whom a person acts, and on what ground; none for whoever comes in their own name, and for services.
fn delegate(ctx: &Context) -> Result<Option<(DelegationId, ResidentId)>, PaymentError> {
    let Some(resident) = ctx.caller.acted_for() else { return Ok(None) };
    let delegation = ctx.caller.delegation.ok_or(PaymentError::NoDelegation)?;
    Ok(Some((delegation, resident)))
}
