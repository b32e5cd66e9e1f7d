//! A row of `sagas` and the machine it stands for.

use chrono::{DateTime, Utc};
use postgres::Error;
use rust_decimal::Decimal;
use sqlx::{FromRow, types::Json};
use types::{
    expected::ExpectedLine,
    ids::{AppointmentId, BillId, QuoteId, SagaId, SlotId},
    money::Money,
    region::RegionCode,
};
use uuid::Uuid;

use super::Loaded;
use crate::domain::{
    acceptance::{Arranged, HeldPlace, Plan, State, Step, Undo},
    referral::Referral,
    refusal::Refusal,
};

const TABLE: &str = "sagas";

#[derive(FromRow)]
pub(super) struct Row {
    id: Uuid,
    slot_id: Uuid,
    care_kind: String,
    expected_lines: Json<Vec<ExpectedLine>>,
    appointment_id: Uuid,
    quote_id: Uuid,
    bill_id: Uuid,
    started_at: DateTime<Utc>,
    deadline: DateTime<Utc>,
    hold_until: DateTime<Utc>,
    traceparent: Option<String>,
    state: String,
    step: Option<String>,
    place_from: Option<DateTime<Utc>>,
    place_until: Option<DateTime<Utc>>,
    priced: bool,
    own_share: Option<Decimal>,
    authorised: bool,
    refusal: Option<String>,
    tries: i32,
}

impl Row {
    pub(super) fn loaded(self, region: RegionCode, referral: &Referral) -> Result<Loaded, Error> {
        let state = self.state()?;
        let plan = Plan {
            saga: SagaId::from_uuid(self.id),
            region,
            referral: referral.id,
            resident: referral.resident,
            target: referral.to,
            journey: referral.journey,
            slot: SlotId::from_uuid(self.slot_id),
            kind: self.care_kind.parse().map_err(|_| self.invalid("care_kind"))?,
            lines: to_price(self.expected_lines.0),
            mandate: referral.mandate.clone(),
            appointment: AppointmentId::from_uuid(self.appointment_id),
            quote: QuoteId::from_uuid(self.quote_id),
            bill: BillId::from_uuid(self.bill_id),
            deadline: self.deadline,
            hold_until: self.hold_until,
        };
        let tries = u32::try_from(self.tries).unwrap_or_default();
        Ok(Loaded { plan, state, tries, started_at: self.started_at, traceparent: self.traceparent })
    }

    fn invalid(&self, column: &'static str) -> Error {
        Error::row_invalid(TABLE, column, self.id)
    }

    fn place(&self) -> Result<HeldPlace, Error> {
        match (self.place_from, self.place_until) {
            (Some(from), Some(until)) => Ok(HeldPlace { from, until }),
            _ => Err(self.invalid("place_from")),
        }
    }

    fn own_share(&self) -> Result<Option<Money>, Error> {
        self.own_share.map(Money::from_decimal).transpose().map_err(|_| self.invalid("own_share"))
    }

    fn arranged(&self) -> Result<Arranged, Error> {
        Ok(Arranged {
            place: self.place()?,
            quoted: self.priced,
            own_share: self.own_share()?,
            authorised: self.authorised,
        })
    }

    fn refusal(&self) -> Result<Refusal, Error> {
        self.refusal.as_deref().and_then(|text| text.parse().ok()).ok_or_else(|| self.invalid("refusal"))
    }

    fn state(&self) -> Result<State, Error> {
        Ok(match (self.state.as_str(), self.step.as_deref()) {
            ("RUNNING", Some("CONSENT")) => State::Running(Step::Consent),
            ("RUNNING", Some("PLACE")) => State::Running(Step::Place),
            ("RUNNING", Some("PRICE")) => State::Running(Step::Price { place: self.place()? }),
            ("RUNNING", Some("CREDIT")) => State::Running(Step::Credit {
                place: self.place()?,
                own_share: self.own_share()?.ok_or_else(|| self.invalid("own_share"))?,
            }),
            ("RUNNING", Some("CONFIRM")) => State::Running(Step::Confirm(self.arranged()?)),
            ("RUNNING", Some("INSPECT")) => State::Running(Step::Inspect(self.arranged()?)),
            ("COMPENSATING", Some("UNDO_CREDIT")) => {
                State::Compensating { undo: Undo::Credit, refusal: self.refusal()? }
            }
            ("COMPENSATING", Some("UNDO_PLACE")) => State::Compensating { undo: Undo::Place, refusal: self.refusal()? },
            ("COMPLETED", None) => State::Completed(self.arranged()?),
            ("COMPENSATED", None) => State::Compensated { refusal: self.refusal()? },
            ("NEEDS_HUMAN", None) => State::NeedsHuman { refusal: self.refusal()? },
            _ => return Err(self.invalid("step")),
        })
    }
}

/// A state in columns.
#[derive(Default)]
pub(super) struct Columns {
    pub(super) state: &'static str,
    pub(super) step: Option<&'static str>,
    pub(super) place: Option<HeldPlace>,
    pub(super) priced: bool,
    pub(super) own_share: Option<Decimal>,
    pub(super) authorised: bool,
    pub(super) refusal: Option<&'static str>,
}

impl Columns {
    pub(super) fn of(state: State) -> Self {
        match state {
            State::Running(step) => Self::of_step(step),
            State::Compensating { undo, refusal } => Self {
                state: "COMPENSATING",
                step: Some(match undo {
                    Undo::Credit => "UNDO_CREDIT",
                    Undo::Place => "UNDO_PLACE",
                }),
                refusal: Some(refusal.as_str()),
                ..Self::default()
            },
            State::Completed(arranged) => Self { state: "COMPLETED", step: None, ..Self::of_arranged(arranged) },
            State::Compensated { refusal } => {
                Self { state: "COMPENSATED", refusal: Some(refusal.as_str()), ..Self::default() }
            }
            State::NeedsHuman { refusal } => {
                Self { state: "NEEDS_HUMAN", refusal: Some(refusal.as_str()), ..Self::default() }
            }
        }
    }

    fn of_step(step: Step) -> Self {
        let running = Self { state: "RUNNING", ..Self::default() };
        match step {
            Step::Consent => Self { step: Some("CONSENT"), ..running },
            Step::Place => Self { step: Some("PLACE"), ..running },
            Step::Price { place } => Self { step: Some("PRICE"), place: Some(place), ..running },
            Step::Credit { place, own_share } => Self {
                step: Some("CREDIT"),
                place: Some(place),
                priced: true,
                own_share: Some(own_share.decimal()),
                ..running
            },
            Step::Confirm(arranged) => Self { step: Some("CONFIRM"), ..Self::of_arranged(arranged) },
            Step::Inspect(arranged) => Self { step: Some("INSPECT"), ..Self::of_arranged(arranged) },
        }
    }

    fn of_arranged(arranged: Arranged) -> Self {
        Self {
            state: "RUNNING",
            place: Some(arranged.place),
            priced: arranged.quoted,
            own_share: arranged.own_share.map(Money::decimal),
            authorised: arranged.authorised,
            ..Self::default()
        }
    }
}

/// What an acceptance once might state and comes to nothing is not asked the price of: adjudication would refuse it.
fn to_price(mut lines: Vec<ExpectedLine>) -> Vec<ExpectedLine> {
    lines.retain(|line| !line.comes_to_nothing());
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rf_04_a_stored_line_that_comes_to_nothing_stops_no_acceptance() {
        let line = |unit_price: i64| ExpectedLine {
            item_code: "110200001".to_owned(),
            quantity: Decimal::ONE,
            unit_price: Decimal::from(unit_price),
        };
        assert_eq!(to_price(vec![line(0), line(60)]), [line(60)]);
        assert_eq!(to_price(vec![line(0)]), []);
    }

    #[test]
    fn every_state_has_its_own_columns() {
        let place = HeldPlace { from: DateTime::UNIX_EPOCH, until: DateTime::UNIX_EPOCH };
        let arranged = Arranged { place, quoted: true, own_share: Some(Money::ZERO), authorised: true };
        let refusal = Refusal::SlotTaken;
        let states = [
            State::Running(Step::Consent),
            State::Running(Step::Place),
            State::Running(Step::Price { place }),
            State::Running(Step::Credit { place, own_share: Money::ZERO }),
            State::Running(Step::Confirm(arranged)),
            State::Running(Step::Inspect(arranged)),
            State::Compensating { undo: Undo::Credit, refusal },
            State::Compensating { undo: Undo::Place, refusal },
            State::Completed(arranged),
            State::Compensated { refusal },
            State::NeedsHuman { refusal },
        ];
        for state in states {
            let columns = Columns::of(state);
            let row = Row {
                id: Uuid::nil(),
                slot_id: Uuid::nil(),
                care_kind: "INPATIENT".to_owned(),
                expected_lines: Json(Vec::new()),
                appointment_id: Uuid::nil(),
                quote_id: Uuid::nil(),
                bill_id: Uuid::nil(),
                started_at: DateTime::UNIX_EPOCH,
                deadline: DateTime::UNIX_EPOCH,
                hold_until: DateTime::UNIX_EPOCH,
                traceparent: None,
                state: columns.state.to_owned(),
                step: columns.step.map(str::to_owned),
                place_from: columns.place.map(|place| place.from),
                place_until: columns.place.map(|place| place.until),
                priced: columns.priced,
                own_share: columns.own_share,
                authorised: columns.authorised,
                refusal: columns.refusal.map(str::to_owned),
                tries: 0,
            };
            assert_eq!(row.state().unwrap(), state);
        }
    }
}
