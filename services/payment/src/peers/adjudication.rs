//! Adjudication: what is to be paid, and the confirmation that makes it so.

use chassis::channel::Channel;
use chassis::{Context, Credentials, error, feed};
use postgres::consumer::Source as Feed;
use proto::anjia::adjudication::v1::adjudication_service_client::AdjudicationServiceClient;
use proto::anjia::adjudication::v1::event_service_client::EventServiceClient;
use proto::anjia::adjudication::v1::{
    ChangeReason, ConfirmSettlementRequest, Division, GetQuoteRequest, GetSettlementRequest, PullEventsRequest,
    ReverseSettlementRequest, Settlement, SettlementState,
};
use proto::convert::{self, FieldError};
use sha2::{Digest as _, Sha256};
use tonic::{Code, Status};
use types::clock::start_of_local_day;
use types::ids::{BillId, QuoteId, RequestId, SagaId, SettlementId};
use types::money::Money;

use super::{broken, translate};
use crate::domain::bill::{Basis, Source};
use crate::domain::capture::{Event, Refusal};
use crate::domain::correction::{Kind, RefundReason, Verdict};
use crate::domain::error::PaymentError;
use crate::domain::shares::Due;

const PEER: &str = "adjudication";
/// The name of the saga's only step outside.
const STEP_CONFIRM: &str = "confirm";

#[derive(Debug, Clone)]
pub struct Adjudication(AdjudicationServiceClient<Channel>);

/// What came of asking for a confirmation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Confirmation {
    Confirmed(Due),
    /// Not confirmed, or not known; the reason is for the saga's row.
    Otherwise(Event, String),
}

impl Adjudication {
    pub fn new(channel: Channel) -> Self {
        Self(AdjudicationServiceClient::new(channel))
    }

    /// What a quote expects the person to pay.
    pub async fn quote(&self, ctx: &Context, id: QuoteId) -> Result<Basis, PaymentError> {
        let request = ctx.request(GetQuoteRequest { quote_id: id.to_string() });
        let answer =
            self.0.clone().get_quote(request).await.map_err(|status| match error::reason(&status).as_deref() {
                Some("QUOTE_NOT_FOUND") => PaymentError::QuoteNotFound,
                _ => translate(PEER, &status),
            })?;
        let quote = answer.into_inner().quote.ok_or_else(|| broken(PEER, "no quote"))?;
        // Nor has a quote any that says only what cover there is.
        let division = quote.division.ok_or(PaymentError::NoPrice)?;
        let read = || -> Result<Basis, FieldError> {
            let on = convert::date("on", quote.on.as_ref())?;
            Ok(Basis {
                resident: convert::id("resident_id", &quote.resident_id)?,
                payee: convert::id("provider_organisation_id", &quote.provider_organisation_id)?,
                source: Source::Quote {
                    id,
                    appointment: convert::optional_id("appointment_id", &quote.appointment_id)?,
                },
                due: Due { own: own(&division)?, ..Due::default() },
                journey: convert::optional_id("journey_id", &quote.journey_id)?,
                referral: convert::optional_id("referral_id", &quote.referral_id)?,
                not_before: start_of_local_day(on),
            })
        };
        read().map_err(|error| broken(PEER, error.to_string()))
    }

    async fn get(&self, ctx: &Context, id: SettlementId) -> Result<Settlement, PaymentError> {
        let request = ctx.request(GetSettlementRequest { settlement_id: id.to_string() });
        let answer =
            self.0.clone().get_settlement(request).await.map_err(|status| match error::reason(&status).as_deref() {
                Some("SETTLEMENT_NOT_FOUND") => PaymentError::SettlementNotFound,
                _ => translate(PEER, &status),
            })?;
        answer.into_inner().settlement.ok_or_else(|| broken(PEER, "no settlement"))
    }

    /// What a settlement that was corrected or taken back says is to be paid instead. Asked in our own name: it was told of by an event.
    pub async fn verdict(&self, own: &Context, id: SettlementId, kind: Kind) -> Result<Verdict, PaymentError> {
        let settlement = self.get(own, id).await?;
        let due = match kind {
            // What a desk took leaves the settlement as it is.
            Kind::Corrected | Kind::Collected => due(&settlement).map_err(|error| broken(PEER, error.to_string()))?,
            Kind::Reversed => Due::default(),
        };
        Ok(Verdict { kind, settlement: id, claim_version: settlement.claim_version, due })
    }

    /// How a settlement divides what is billed. It must still be open.
    pub async fn settlement(&self, ctx: &Context, id: SettlementId) -> Result<Basis, PaymentError> {
        let settlement = self.get(ctx, id).await?;
        let basis = basis(id, &settlement).map_err(|error| broken(PEER, error.to_string()))?;
        if settlement.state() == SettlementState::Divided { Ok(basis) } else { Err(PaymentError::SettlementNotDivided) }
    }

    /// The point of no return of a capture. The same saga always asks under the same key, so asking again is safe.
    pub async fn confirm(&self, own: &Context, saga: SagaId, settlement: SettlementId, bill: BillId) -> Confirmation {
        let request = own.request(ConfirmSettlementRequest {
            request_id: key(saga, STEP_CONFIRM).to_string(),
            settlement_id: settlement.to_string(),
            bill_id: bill.to_string(),
        });
        match self.0.clone().confirm_settlement(request).await {
            Ok(answer) => match answer.into_inner().settlement.map(|confirmed| due(&confirmed)) {
                Some(Ok(due)) => Confirmation::Confirmed(due),
                // It is confirmed; what it says cannot be read.
                _ => Confirmation::Otherwise(Event::SettlementContradicts, "UNREADABLE".to_owned()),
            },
            Err(status) => refused(&status),
        }
    }

    /// Takes a settlement back from its bill: what is given back of the bill follows from that. Taking it back again is safe. Refused
    /// where a later version of the claim is in force: the bill follows that one first.
    pub async fn take_back(
        &self,
        own: &Context,
        (settlement, bill): (SettlementId, BillId),
        reason: RefundReason,
    ) -> Result<(), PaymentError> {
        let reason = match reason {
            RefundReason::ItemsReturned => ChangeReason::ItemsReturned,
            RefundReason::CareNotGiven => ChangeReason::CareNotGiven,
            RefundReason::BilledWrong => ChangeReason::BilledWrong,
            RefundReason::WrongPerson => ChangeReason::WrongPerson,
        };
        let request = own.request(ReverseSettlementRequest {
            // Whoever asks again may give another reason: what makes it safe is that a settlement is taken back once.
            request_id: RequestId::generate().to_string(),
            settlement_id: settlement.to_string(),
            bill_id: bill.to_string(),
            reason: reason.into(),
        });
        let answer = self.0.clone().reverse_settlement(request).await;
        answer.map(drop).map_err(|status| match error::reason(&status).as_deref() {
            Some("SETTLEMENT_NOT_FOUND") => PaymentError::SettlementNotFound,
            Some("SETTLEMENT_CORRECTED") => PaymentError::SettlementCorrected,
            _ => translate(PEER, &status),
        })
    }
}

fn refused(status: &Status) -> Confirmation {
    let reason = error::reason(status).unwrap_or_else(|| status.code().to_string());
    let event = match (reason.as_str(), status.code()) {
        ("STALE_DIVISION", _) => Event::SettlementRefused(Refusal::Stale),
        ("SETTLEMENT_LAPSED" | "SETTLEMENT_REVERSED", _) => Event::SettlementRefused(Refusal::Lapsed),
        (_, Code::NotFound | Code::InvalidArgument | Code::FailedPrecondition | Code::PermissionDenied) => {
            Event::SettlementRefused(Refusal::Final)
        }
        _ => Event::Unanswered,
    };
    Confirmation::Otherwise(event, reason)
}

/// The key of a saga's step, `saga:step`, in the form that request ids have.
fn key(saga: SagaId, step: &str) -> RequestId {
    let digest: [u8; 32] = Sha256::digest(format!("{saga}:{step}")).into();
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&digest[..16]);
    RequestId::from_uuid(uuid::Builder::from_custom_bytes(bytes).into_uuid())
}

fn basis(id: SettlementId, settlement: &Settlement) -> Result<Basis, FieldError> {
    Ok(Basis {
        resident: convert::id("resident_id", &settlement.resident_id)?,
        payee: convert::id("provider_organisation_id", &settlement.provider_organisation_id)?,
        source: Source::Settlement { id, quote: convert::optional_id("quote_id", &settlement.quote_id)? },
        due: due(settlement)?,
        journey: convert::optional_id("journey_id", &settlement.journey_id)?,
        referral: None,
        not_before: convert::timestamp("divided_at", settlement.divided_at.as_ref())?,
    })
}

/// The shares of a settlement, if they make up its total.
fn due(settlement: &Settlement) -> Result<Due, FieldError> {
    let division = convert::required("division", settlement.division.as_ref())?;
    let due = Due {
        pooled_fund: amount("pooled_fund", division.pooled_fund.as_ref())?,
        large_amount_fund: amount("large_amount_fund", division.large_amount_fund.as_ref())?,
        critical_illness_fund: amount("critical_illness_fund", division.critical_illness_fund.as_ref())?,
        assistance_fund: amount("assistance_fund", division.assistance_fund.as_ref())?,
        top_up: amount("top_up", division.top_up.as_ref())?,
        voucher: amount("voucher", division.voucher.as_ref())?,
        personal_account: amount("personal_account", division.personal_account.as_ref())?,
        mutual_aid: amount("mutual_aid", division.mutual_aid.as_ref())?,
        own: own(division)?,
    };
    let total = convert::money("total", division.total.as_ref())?;
    if due.total() == Some(total) { Ok(due) } else { Err(FieldError::new("total", "is not the sum of the shares")) }
}

fn own(division: &Division) -> Result<Money, FieldError> {
    // Of who knows no other means yet, all of it is in money.
    convert::money("person_cash", division.person_cash.as_ref().or(division.person_total.as_ref()))
}

/// An amount that may be left out for nothing.
fn amount(field: &str, value: Option<&proto::google::r#type::Money>) -> Result<Money, FieldError> {
    value.map_or(Ok(Money::ZERO), |value| convert::money(field, Some(value)))
}

/// Adjudication's events, pulled in payment's own name: what becomes of settlements, and what findings withhold.
pub fn events(channel: Channel, credentials: Credentials) -> impl Feed {
    let client = EventServiceClient::new(channel);
    feed::source(PEER, credentials, move |asked| {
        let mut client = client.clone();
        async move {
            let request = asked.map(|cursor| PullEventsRequest { cursor: Some(cursor) });
            Ok(client.pull_events(request).await?.into_inner().batch)
        }
    })
}

chassis::watched! {
    /// Adjudication's audit, looked at in payment's own name.
    AdjudicationAudit, adjudication by payment
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_always_has_the_same_key_and_no_other_step_has_it() {
        let saga = SagaId::generate();
        assert_eq!(key(saga, "confirm"), key(saga, "confirm"));
        assert_ne!(key(saga, "confirm"), key(saga, "other"));
        assert_ne!(key(saga, "confirm"), key(SagaId::generate(), "confirm"));
        assert_eq!(key(saga, "confirm").to_string().parse(), Ok(key(saga, "confirm")));
    }

    #[test]
    fn only_an_explicit_refusal_is_taken_for_one() {
        let event = |code, reason| match refused(&error::status("adjudication.anjia", code, reason, "")) {
            Confirmation::Otherwise(event, _) => event,
            Confirmation::Confirmed(_) => panic!("a refusal confirms nothing"),
        };
        assert_eq!(event(Code::FailedPrecondition, "STALE_DIVISION"), Event::SettlementRefused(Refusal::Stale));
        assert_eq!(event(Code::FailedPrecondition, "SETTLEMENT_LAPSED"), Event::SettlementRefused(Refusal::Lapsed));
        assert_eq!(event(Code::NotFound, "SETTLEMENT_NOT_FOUND"), Event::SettlementRefused(Refusal::Final));
        for code in [Code::Unavailable, Code::DeadlineExceeded, Code::Internal, Code::Aborted, Code::Unauthenticated] {
            assert_eq!(event(code, "ANY"), Event::Unanswered);
        }
    }
}
