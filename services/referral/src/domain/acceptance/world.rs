//! Model participants: what identity, scheduling, adjudication and payment promise, and nothing more.

use std::collections::{BTreeMap, BTreeSet};

use chrono::TimeDelta;
use rust_decimal::Decimal;
use types::{
    caller::Party,
    care::CareKind,
    expected::ExpectedLine,
    ids::{
        AppointmentId, BillId, CreditLineId, DelegationId, JourneyId, MandateId, PractitionerId, QuoteId, ReferralId,
        RequestId, ResidentId, SagaId, SlotId,
    },
    region::RegionCode,
};

use super::*;
use crate::domain::mandate::{Mandate, Payment};

pub(super) const START: DateTime<Utc> = DateTime::UNIX_EPOCH;
pub(super) const DEADLINE_S: i64 = 60;
pub(super) const HOLD_S: i64 = 120;

/// The own share that the model quotes, and the most that the mandate allows.
pub(super) fn price() -> Money {
    Money::from_fen(4_369_464)
}

pub(super) fn plan(credit: bool, priced: bool) -> Plan {
    let line = ExpectedLine { item_code: "A1".to_owned(), quantity: Decimal::ONE, unit_price: Decimal::TEN };
    let payment =
        if credit { Payment::Credit { line: CreditLineId::generate(), own_share_max: price() } } else { Payment::Desk };
    Plan {
        saga: SagaId::generate(),
        region: RegionCode::BEIJING,
        referral: ReferralId::generate(),
        resident: ResidentId::generate(),
        target: OrganisationId::generate(),
        journey: JourneyId::generate(),
        slot: SlotId::generate(),
        kind: CareKind::Inpatient,
        lines: if priced { vec![line] } else { Vec::new() },
        mandate: Mandate {
            id: Some(MandateId::generate()),
            payment,
            delegation: Some(DelegationId::generate()),
            submitted_by: Party::Practitioner(PractitionerId::generate()),
        },
        appointment: AppointmentId::generate(),
        quote: QuoteId::generate(),
        bill: BillId::generate(),
        deadline: START + TimeDelta::seconds(DEADLINE_S),
        hold_until: START + TimeDelta::seconds(HOLD_S),
    }
}

/// What is behind an id that scheduling or payment has heard of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Thing {
    Held,
    Confirmed,
    Expired,
    Cancelled,
}

/// The four participants, with the memory that makes them idempotent.
#[derive(Debug)]
pub(super) struct World {
    pub(super) now_s: i64,
    pub(super) consent: bool,
    pub(super) slot_free: bool,
    pub(super) credit_enough: bool,
    pub(super) own_share: Money,
    pub(super) appointment: Option<Thing>,
    /// `Held` is authorised.
    pub(super) bill: Option<Thing>,
    answered: BTreeMap<RequestId, Answer>,
    /// How often each call took effect.
    pub(super) effects: BTreeMap<&'static str, u32>,
    pub(super) refusals: BTreeSet<&'static str>,
}

impl World {
    pub(super) fn new() -> Self {
        Self {
            now_s: 0,
            consent: true,
            slot_free: true,
            credit_enough: true,
            own_share: price(),
            appointment: None,
            bill: None,
            answered: BTreeMap::new(),
            effects: BTreeMap::new(),
            refusals: BTreeSet::new(),
        }
    }

    pub(super) fn pass(&mut self, seconds: i64) {
        self.now_s += seconds;
        if self.now_s >= HOLD_S && self.appointment == Some(Thing::Held) {
            self.appointment = Some(Thing::Expired);
        }
    }

    /// Handles one request, however late or often it arrives.
    pub(super) fn handle(&mut self, plan: &Plan, call: Call) -> Event {
        let key = request_id(plan.saga, call);
        if let Some(answer) = self.answered.get(&key) {
            return Event::Answered(*answer);
        }
        match self.decide(plan, call) {
            Ok(answer) => {
                // Reads are answered afresh each time.
                if !matches!(call, Call::CheckMandate | Call::Inspect) {
                    self.answered.insert(key, answer);
                    *self.effects.entry(call.key()).or_default() += 1;
                }
                Event::Answered(answer)
            }
            Err(refusal) => {
                self.refusals.insert(refusal.as_str());
                Event::Refused(refusal)
            }
        }
    }

    fn decide(&mut self, plan: &Plan, call: Call) -> Result<Answer, Refusal> {
        match call {
            Call::CheckMandate if self.consent => Ok(Answer::Permitted),
            Call::CheckMandate => Err(Refusal::NoConsent),
            Call::Hold => match self.appointment {
                Some(_) => Err(Refusal::AppointmentCancelled),
                None if !self.slot_free || self.now_s >= HOLD_S => Err(Refusal::SlotTaken),
                None => {
                    self.appointment = Some(Thing::Held);
                    let from = START + TimeDelta::days(1);
                    let place = HeldPlace { from, until: from + TimeDelta::hours(1) };
                    Ok(Answer::Held { place, provider: plan.target })
                }
            },
            Call::Quote { .. } => Ok(Answer::Quoted { own_share: Some(self.own_share) }),
            Call::Authorise { .. } => match self.bill {
                Some(_) => Err(Refusal::BillCancelled),
                None if !self.credit_enough => Err(Refusal::InsufficientCredit),
                None => {
                    self.bill = Some(Thing::Held);
                    Ok(Answer::Authorised)
                }
            },
            Call::Confirm => match self.appointment {
                Some(Thing::Held) => {
                    self.appointment = Some(Thing::Confirmed);
                    Ok(Answer::Confirmed)
                }
                Some(Thing::Expired) => Err(Refusal::HoldExpired),
                Some(Thing::Confirmed | Thing::Cancelled) | None => Err(Refusal::Unexpected),
            },
            Call::Inspect => match self.appointment {
                Some(Thing::Held) => Ok(Answer::Found(Whereabouts::Held)),
                Some(Thing::Confirmed) => Ok(Answer::Found(Whereabouts::Confirmed)),
                Some(Thing::Expired) => Ok(Answer::Found(Whereabouts::Expired)),
                Some(Thing::Cancelled) => Ok(Answer::Found(Whereabouts::Cancelled)),
                None => Err(Refusal::Unexpected),
            },
            Call::CancelBill => {
                self.bill = Some(Thing::Cancelled);
                Ok(Answer::Undone)
            }
            Call::CancelAppointment => {
                if self.appointment != Some(Thing::Expired) {
                    self.appointment = Some(Thing::Cancelled);
                }
                Ok(Answer::Undone)
            }
        }
    }
}
