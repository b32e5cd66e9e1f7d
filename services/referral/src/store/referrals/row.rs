//! A row of `referrals` and the referral it stands for.

use std::str::FromStr;

use chrono::{DateTime, Utc};
use postgres::{
    Error,
    audit::Entry,
    vault::{Cell, Keys},
};
use rust_decimal::Decimal;
use serde_json::{Value, json};
use sqlx::FromRow;
use types::{
    ids::{
        AppointmentId, BillId, CreditLineId, DelegationId, JourneyId, MandateId, OrganisationId, QuoteId, ReferralId,
        ResidentId, SagaId, VisitId,
    },
    money::Money,
    redacted::Redacted,
};
use uuid::Uuid;

use super::{ADVICE, DIAGNOSES, SUMMARY, TABLE};
use crate::domain::{
    care::Diagnosis,
    mandate::{Mandate, Payment},
    referral::{Booking, Duty, Referral, Returned, State, StateName},
};

#[derive(FromRow)]
pub(super) struct Row {
    pub(super) id: Uuid,
    pub(super) resident_id: Uuid,
    pub(super) direction: String,
    pub(super) kind: String,
    pub(super) from_organisation_id: Uuid,
    pub(super) to_organisation_id: Uuid,
    pub(super) diagnoses_sealed: Vec<u8>,
    pub(super) urgency: String,
    pub(super) clinical_summary_sealed: Vec<u8>,
    pub(super) payment: String,
    pub(super) credit_line_id: Option<Uuid>,
    pub(super) own_share_max: Option<Decimal>,
    pub(super) delegation_id: Option<Uuid>,
    pub(super) mandate_id: Option<Uuid>,
    pub(super) submitted_by: String,
    pub(super) submitted_at: DateTime<Utc>,
    pub(super) valid_until: DateTime<Utc>,
    pub(super) previous_referral_id: Option<Uuid>,
    pub(super) journey_id: Uuid,
    pub(super) state: String,
    pub(super) version: i64,
    pub(super) owner_id: Option<Uuid>,
    pub(super) deadline: Option<DateTime<Utc>>,
    pub(super) last_refusal: Option<String>,
    pub(super) saga_id: Option<Uuid>,
    pub(super) appointment_id: Option<Uuid>,
    pub(super) bill_id: Option<Uuid>,
    pub(super) quote_id: Option<Uuid>,
    pub(super) visit_id: Option<Uuid>,
    pub(super) return_reason: Option<String>,
    pub(super) return_advice_sealed: Option<Vec<u8>>,
    pub(super) suggested_id: Option<Uuid>,
    pub(super) key_version: i32,
}

impl Row {
    /// Everything sealed is sealed anew: one key version stands for all of the row.
    pub(super) fn of(referral: &Referral, keys: &Keys) -> Result<Self, Error> {
        let id = referral.id.uuid();
        let seal = |column, text: &str| keys.seal(cell(id, column), text);
        let state = &referral.state;
        let (duty, booking, returned) = (state.duty(), state.booking(), state.returned());
        let (payment, line, own_share_max) = match referral.mandate.payment {
            Payment::Desk => ("DESK", None, None),
            Payment::Credit { line, own_share_max } => ("CREDIT", Some(line.uuid()), Some(own_share_max.decimal())),
        };
        Ok(Self {
            id,
            resident_id: referral.resident.uuid(),
            direction: referral.direction.as_str().to_owned(),
            kind: referral.kind.as_str().to_owned(),
            from_organisation_id: referral.from.uuid(),
            to_organisation_id: referral.to.uuid(),
            diagnoses_sealed: seal(DIAGNOSES, &diagnoses(referral))?,
            urgency: referral.urgency.as_str().to_owned(),
            clinical_summary_sealed: seal(SUMMARY, referral.clinical_summary.expose())?,
            payment: payment.to_owned(),
            credit_line_id: line,
            own_share_max,
            delegation_id: referral.mandate.delegation.map(DelegationId::uuid),
            mandate_id: referral.mandate.id.map(MandateId::uuid),
            submitted_by: referral.mandate.submitted_by.to_string(),
            submitted_at: referral.submitted_at,
            valid_until: referral.valid_until,
            previous_referral_id: referral.previous.map(ReferralId::uuid),
            journey_id: referral.journey.uuid(),
            state: state.name().as_str().to_owned(),
            version: referral.version,
            owner_id: duty.map(|duty| duty.owner.uuid()),
            deadline: duty.map(|duty| duty.deadline),
            last_refusal: referral.last_refusal.map(|refusal| refusal.as_str().to_owned()),
            saga_id: state.saga().map(SagaId::uuid),
            appointment_id: booking.map(|booking| booking.appointment.uuid()),
            bill_id: booking.and_then(|booking| booking.bill).map(BillId::uuid),
            quote_id: booking.and_then(|booking| booking.quote).map(QuoteId::uuid),
            visit_id: state.visit().map(VisitId::uuid),
            return_reason: returned.map(|returned| returned.reason.as_str().to_owned()),
            return_advice_sealed: returned.map(|returned| seal(ADVICE, returned.advice.expose())).transpose()?,
            suggested_id: returned.and_then(|returned| returned.suggested).map(OrganisationId::uuid),
            key_version: keys.version(),
        })
    }

    fn invalid(&self, column: &'static str) -> Error {
        Error::row_invalid(TABLE, column, self.id)
    }

    fn word<T: FromStr>(&self, column: &'static str, text: &str) -> Result<T, Error> {
        text.parse().map_err(|_| self.invalid(column))
    }

    fn needed<T: Copy>(&self, column: &'static str, value: Option<T>) -> Result<T, Error> {
        value.ok_or_else(|| self.invalid(column))
    }

    fn duty(&self) -> Result<Duty, Error> {
        Ok(Duty {
            owner: OrganisationId::from_uuid(self.needed("owner_id", self.owner_id)?),
            deadline: self.needed("deadline", self.deadline)?,
        })
    }

    fn booking(&self) -> Result<Booking, Error> {
        Ok(Booking {
            appointment: AppointmentId::from_uuid(self.needed("appointment_id", self.appointment_id)?),
            bill: self.bill_id.map(BillId::from_uuid),
            quote: self.quote_id.map(QuoteId::from_uuid),
        })
    }

    fn saga(&self) -> Result<SagaId, Error> {
        self.needed("saga_id", self.saga_id).map(SagaId::from_uuid)
    }

    fn visit(&self) -> Result<VisitId, Error> {
        self.needed("visit_id", self.visit_id).map(VisitId::from_uuid)
    }

    fn returned(&self, keys: &Keys) -> Result<Returned, Error> {
        let reason = self.return_reason.as_deref().ok_or_else(|| self.invalid("return_reason"))?;
        Ok(Returned {
            reason: self.word("return_reason", reason)?,
            advice: self.open(keys, ADVICE, self.return_advice_sealed.as_deref().unwrap_or_default())?,
            suggested: self.suggested_id.map(OrganisationId::from_uuid),
        })
    }

    fn open(&self, keys: &Keys, column: &'static str, sealed: &[u8]) -> Result<Redacted<String>, Error> {
        keys.open(cell(self.id, column), self.key_version, sealed).map(Redacted::new)
    }

    fn state(&self, keys: &Keys) -> Result<State, Error> {
        Ok(match self.word("state", &self.state)? {
            StateName::Submitted => State::Submitted { duty: self.duty()? },
            StateName::InformationRequested => State::InformationRequested { duty: self.duty()? },
            StateName::Accepting => State::Accepting { duty: self.duty()?, saga: self.saga()? },
            StateName::NeedsHuman => State::NeedsHuman { duty: self.duty()?, saga: self.saga()? },
            StateName::Booked => State::Booked { duty: self.duty()?, booking: self.booking()? },
            StateName::Attended => {
                State::Attended { duty: self.duty()?, booking: self.booking()?, visit: self.visit()? }
            }
            StateName::Closed => State::Closed { booking: self.booking()?, visit: self.visit()? },
            StateName::Returned => State::Returned(self.returned(keys)?),
            StateName::Withdrawn => {
                let booking = self.appointment_id.map(|_| self.booking()).transpose()?;
                State::Withdrawn { booking }
            }
            StateName::NotAttended => State::NotAttended { booking: self.booking()? },
            StateName::Lapsed => State::Lapsed,
        })
    }

    fn mandate(&self) -> Result<Mandate, Error> {
        let payment = match self.payment.as_str() {
            "DESK" => Payment::Desk,
            _ => Payment::Credit {
                line: CreditLineId::from_uuid(self.needed("credit_line_id", self.credit_line_id)?),
                own_share_max: Money::from_decimal(self.needed("own_share_max", self.own_share_max)?)
                    .map_err(|_| self.invalid("own_share_max"))?,
            },
        };
        Ok(Mandate {
            id: self.mandate_id.map(MandateId::from_uuid),
            payment,
            delegation: self.delegation_id.map(DelegationId::from_uuid),
            submitted_by: self.word("submitted_by", &self.submitted_by)?,
        })
    }

    fn diagnoses(&self, keys: &Keys) -> Result<Vec<Diagnosis>, Error> {
        let invalid = || self.invalid(DIAGNOSES);
        let text = self.open(keys, DIAGNOSES, &self.diagnoses_sealed)?;
        let items: Vec<Value> = serde_json::from_str(text.expose()).map_err(|_| invalid())?;
        let text = |item: &Value, key: &str| item[key].as_str().map(str::to_owned).ok_or_else(invalid);
        items
            .iter()
            .map(|item| Ok(Diagnosis { code: text(item, "code")?, name: Redacted::new(text(item, "name")?) }))
            .collect()
    }
}

/// As JSON, the way it is sealed and digested.
fn diagnoses(referral: &Referral) -> String {
    let item = |diagnosis: &Diagnosis| json!({"code": diagnosis.code, "name": diagnosis.name.expose()});
    referral.diagnoses.iter().map(item).collect::<Value>().to_string()
}

const fn cell(row: Uuid, column: &'static str) -> Cell {
    Cell { table: TABLE, column, row }
}

/// Names the row, with the plain text of what is sealed in it.
pub fn audited(entry: Entry, referral: &Referral) -> Entry {
    let diagnoses = diagnoses(referral);
    let advice = referral.state.returned().map(|returned| returned.advice.expose().as_str());
    let sealed = [
        (DIAGNOSES, Some(diagnoses.as_str())),
        (SUMMARY, Some(referral.clinical_summary.expose().as_str())),
        (ADVICE, advice),
    ];
    entry.resident(referral.resident).sealed_row(TABLE, referral.id, sealed)
}

impl Row {
    pub(super) fn referral(self, keys: &Keys) -> Result<Referral, Error> {
        let row = self;
        Ok(Referral {
            id: ReferralId::from_uuid(row.id),
            resident: ResidentId::from_uuid(row.resident_id),
            direction: row.word("direction", &row.direction)?,
            kind: row.word("kind", &row.kind)?,
            from: OrganisationId::from_uuid(row.from_organisation_id),
            to: OrganisationId::from_uuid(row.to_organisation_id),
            diagnoses: row.diagnoses(keys)?,
            urgency: row.word("urgency", &row.urgency)?,
            mandate: row.mandate()?,
            state: row.state(keys)?,
            submitted_at: row.submitted_at,
            valid_until: row.valid_until,
            previous: row.previous_referral_id.map(ReferralId::from_uuid),
            version: row.version,
            last_refusal: row.last_refusal.as_deref().map(|text| row.word("last_refusal", text)).transpose()?,
            journey: JourneyId::from_uuid(row.journey_id),
            clinical_summary: row.open(keys, SUMMARY, &row.clinical_summary_sealed)?,
        })
    }
}
