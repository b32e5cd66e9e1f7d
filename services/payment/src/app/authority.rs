//! Who may commit a resident's money, and who may see it committed.

use chassis::Context;
use types::ids::{DelegationId, ResidentId};

use super::App;
use crate::domain::error::PaymentError;
use crate::domain::shares::{Payer, Share};

impl App {
    /// Residents act for themselves; a service goes on under a mandate that identity checked when it issued the token; a person who
    /// acts for a resident is asked about at identity, live.
    pub(super) async fn may_act(&self, ctx: &Context) -> Result<(), PaymentError> {
        match delegate(ctx)? {
            None => Ok(()),
            Some((delegation, resident)) => self.identity.check_pay(ctx, delegation, resident).await,
        }
    }

    /// As [`App::may_act`], of who only looks.
    pub async fn may_view(&self, ctx: &Context) -> Result<(), PaymentError> {
        match delegate(ctx)? {
            None => Ok(()),
            Some((delegation, resident)) => self.identity.check_view(ctx, delegation, resident).await,
        }
    }

    /// As [`App::may_act`]; and credit is taken in nobody's name but that of `resident`, whose bill it is. The payee's own staff may
    /// collect or wait for the money, also while they act for somebody else.
    pub(super) async fn may_name_payers(
        &self,
        ctx: &Context,
        resident: ResidentId,
        payers: &[Share],
    ) -> Result<(), PaymentError> {
        let takes_credit = payers.iter().any(|share| matches!(share.payer, Payer::Credit(_)));
        if takes_credit && ctx.caller.resident() != Some(resident) {
            return Err(PaymentError::CreditOutsideScope);
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
