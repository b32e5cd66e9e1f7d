use chassis::{Context, Mandate};

use super::App;
use crate::{
    domain::{
        acceptance::{Answer, Call, Event, Plan},
        refusal::Refusal,
    },
    peers::{Adjudication, Identity, Payment, Scheduling, Setback, setback},
};

impl App {
    /// Makes one call of an acceptance and says what came of it.
    pub(super) async fn perform(&self, plan: &Plan, call: Call) -> Event {
        match self.attempt(plan, call).await {
            Ok(answer) => Event::Answered(answer),
            Err(Setback::Refused(refusal)) => Event::Refused(refusal),
            Err(Setback::Lost) => Event::Lost,
        }
    }

    async fn attempt(&self, plan: &Plan, call: Call) -> Result<Answer, Setback> {
        let ctx = self.authority(plan, call).await?;
        match call {
            Call::CheckMandate => self.identity.check_mandate(&ctx, plan).await,
            Call::Hold => self.scheduling.hold(&ctx, plan).await,
            Call::Quote { on } => self.adjudication.quote(&ctx, plan, on).await,
            Call::Authorise { own_share } => self.payment.authorise(&ctx, plan, own_share).await,
            Call::Confirm => self.scheduling.confirm(&ctx, plan).await,
            Call::Inspect => self.scheduling.inspect(&ctx, plan).await,
            Call::CancelBill => self.payment.cancel(&ctx, plan).await,
            Call::CancelAppointment => self.scheduling.cancel(&ctx, plan).await,
        }
    }

    /// In whose name a call is made: the resident's, under the mandate and for this call alone. Identity checks mandate and delegation
    /// again each time. Past the point of no return and for undoing what became of them must not stop the saga: then it acts in its own
    /// name, which scheduling and payment let it do with what it arranged itself.
    async fn authority(&self, plan: &Plan, call: Call) -> Result<Context, Setback> {
        let ctx = match (self.continuation(plan, call).await, is_owed(call)) {
            (Ok(ctx), _) => ctx,
            (Err(Setback::Refused(_)), true) => {
                self.credentials.own_in(plan.region).await.map_err(|status| setback(&status))?
            }
            (Err(setback), _) => return Err(setback),
        };
        Ok(ctx.with_call_limit(self.limits.call))
    }

    async fn continuation(&self, plan: &Plan, call: Call) -> Result<Context, Setback> {
        let mandate = Mandate {
            id: plan.mandate.id.ok_or(Setback::Refused(Refusal::NoMandate))?,
            region: plan.region,
            methods: methods(call).iter().map(|method| (*method).to_owned()).collect(),
        };
        self.credentials.continuation(&mandate).await.map_err(|status| setback(&status))
    }
}

/// Calls that the saga owes, whatever became of the mandate.
const fn is_owed(call: Call) -> bool {
    match call {
        Call::CheckMandate | Call::Hold | Call::Quote { .. } | Call::Authorise { .. } => false,
        Call::Confirm | Call::Inspect | Call::CancelBill | Call::CancelAppointment => true,
    }
}

const fn methods(call: Call) -> &'static [&'static str] {
    match call {
        Call::CheckMandate => &[Identity::CHECK_CONSENT, Identity::CHECK_DELEGATION],
        Call::Hold => &[Scheduling::HOLD],
        Call::Quote { .. } => &[Adjudication::QUOTE],
        // Payment reads the quote with the token it was shown.
        Call::Authorise { .. } => &[Payment::AUTHORISE, Adjudication::GET_QUOTE],
        Call::Confirm => &[Scheduling::CONFIRM],
        Call::Inspect => &[Scheduling::GET],
        Call::CancelBill => &[Payment::CANCEL],
        Call::CancelAppointment => &[Scheduling::CANCEL],
    }
}

#[cfg(test)]
mod tests {
    use chassis::methods::Methods;
    use chrono::DateTime;
    use types::money::Money;

    use super::*;

    #[test]
    fn every_method_of_a_continuation_is_in_the_contracts() {
        let calls = [
            Call::CheckMandate,
            Call::Hold,
            Call::Quote { on: DateTime::UNIX_EPOCH },
            Call::Authorise { own_share: Money::ZERO },
            Call::Confirm,
            Call::Inspect,
            Call::CancelBill,
            Call::CancelAppointment,
        ];
        for method in calls.into_iter().flat_map(methods) {
            assert!(Methods::declared().shape(method).is_some(), "{method}");
        }
    }
}
