//! Who may commit a resident's money.

use chassis::Context;
use types::caller::Party;

use super::App;
use crate::domain::error::PaymentError;
use crate::domain::shares::{Payer, Share};

impl App {
    /// Residents act for themselves; a service goes on under a mandate that identity checked when it issued the token; a person who
    /// acts for a resident is asked about at identity, live.
    pub(super) async fn may_act(&self, ctx: &Context) -> Result<(), PaymentError> {
        let Some(resident) = ctx.caller.resident() else { return Ok(()) };
        match &ctx.caller.actor {
            None | Some(Party::Service(_)) => Ok(()),
            Some(_) => {
                let delegation = ctx.caller.delegation.ok_or(PaymentError::NoDelegation)?;
                self.identity.check_pay(ctx, delegation, resident).await
            }
        }
    }

    /// As [`App::may_act`]; and the payee's own staff, who act for nobody, may collect or wait for the money, never take credit.
    pub(super) async fn may_name_payers(&self, ctx: &Context, payers: &[Share]) -> Result<(), PaymentError> {
        let takes_credit = payers.iter().any(|share| matches!(share.payer, Payer::Credit(_)));
        if ctx.caller.resident().is_none() && takes_credit {
            return Err(PaymentError::CreditOutsideScope);
        }
        self.may_act(ctx).await
    }
}
