//! What whole-mesh tests begin with: a city whose services, organisations, policy and places are there ([`City`]), its residents
//! ([`Patient`]), and the few calls that most journeys make.
//!
//! Everything panics with what went wrong: a test has nobody to hand an error to.

#![expect(clippy::expect_used, clippy::missing_panics_doc, reason = "a test that cannot be set up has failed")]

mod bills;
mod city;
mod patients;
mod programs;
mod referrals;
mod rest;
mod sessions;
mod signals;
mod snapshot;
mod visits;

pub use city::{City, TERMS};
pub use patients::Patient;
pub use programs::{anjia, ask_anjia, assert_invariants, assert_none_violated, run_anjia};
pub use rest::{Answer, Rest, RestCaller, document, envoy};
pub use signals::{Metric, Signals, SpanKind};
pub use snapshot::Snapshot;

/// Requests as a test would send them; each has a fresh `request_id`.
pub mod requests {
    pub use crate::bills::on_credit;
    pub use crate::patients::{consent, credit_line, resident};
    pub use crate::referrals::{acceptance, referral, referral_down};
    pub use crate::sessions::{hold, near_clinic};
    pub use crate::visits::{claim, walk_in};
}

use chrono::{DateTime, TimeDelta, Utc};
use prost_types::Timestamp;
use proto::anjia::common::v1::{Diagnosis, ExpectedLine, Place};
use types::clock::{Clock, SystemClock};

/// An item wholly in scope.
pub const ITEM_IN_SCOPE: &str = "T-A";
/// An item that is the patient's own.
pub const ITEM_OWN: &str = "T-C";
/// Coronary atherosclerosis: what the hospital of the city treats.
pub const ICD10: &str = "I25.103";

pub fn now() -> DateTime<Utc> {
    SystemClock.now()
}

/// Minutes from now, or ago.
pub fn in_minutes(minutes: i64) -> Timestamp {
    proto::convert::to_timestamp(now() + TimeDelta::minutes(minutes))
}

pub fn money(yuan: &str) -> Option<proto::google::r#type::Money> {
    let amount = yuan.parse().expect("a decimal number");
    Some(proto::convert::to_money(types::money::Money::from_decimal(amount).expect("whole fen")))
}

pub fn diagnoses() -> Vec<Diagnosis> {
    vec![Diagnosis { icd10_code: ICD10.to_owned(), name: "冠状动脉粥样硬化性心脏病".to_owned() }]
}

pub fn expected(yuan: &str) -> Vec<ExpectedLine> {
    let line =
        ExpectedLine { item_code: ITEM_IN_SCOPE.to_owned(), quantity: "1".to_owned(), unit_price: yuan.to_owned() };
    vec![line]
}

const fn place(latitude: f64, longitude: f64) -> Place {
    Place { latitude, longitude }
}
