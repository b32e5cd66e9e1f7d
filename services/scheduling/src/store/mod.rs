//! Rows. One table a file; takes a connection, never begins or commits. The region of what is written is the transaction's own.

pub mod appointments;
pub mod bookings;
pub mod chosen_ids;
pub mod exceptions;
pub mod exclusion;
pub mod known;
pub mod ladders;
pub mod obligations;
pub mod patients;
pub mod places;
pub mod pool_moves;
pub mod prices;
pub mod queue_lines;
pub mod queue_tickets;
pub mod resources;
pub mod revoked_delegations;
pub mod rooms;
pub mod sessions;
pub mod slot_cache;
pub mod slot_refusals;
pub mod slots;
pub mod statistics;
pub mod surges;
pub mod suspensions;
pub mod suspicions;
pub mod templates;
mod terms;
pub mod visits;
pub mod wait_list;

use postgres::personal::PersonalTable;

use std::str::FromStr;

use uuid::Uuid;

use crate::domain::error::SchedulingError;

/// Every table with data about residents, in the order in which a person reads them.
pub const PERSONAL: &[PersonalTable] = &[
    PersonalTable {
        key: "t.resident_id::text",
        ..PersonalTable::new("patients", &[], ["预约登记", "That you have booked"], "booking")
    },
    PersonalTable {
        of: "t.resident_id = ANY ((SELECT one_person($1))::uuid[]) AND t.state <> 'KEPT' AND t.referral_id IS NULL",
        ..PersonalTable::new("appointments", &[], ["未就诊的预约", "Appointments that led to no visit"], "booking")
            .over("CASE WHEN t.state IN ('EXPIRED', 'CANCELLED', 'NO_SHOW') AND t.referral_id IS NULL THEN t.ends_at END")
            .dated("t.ends_at")
    },
    PersonalTable {
        of: "t.resident_id = ANY ((SELECT one_person($1))::uuid[]) AND (t.state = 'KEPT' OR t.referral_id IS NOT NULL)",
        unreferred: "NOT EXISTS (SELECT FROM visits v WHERE v.appointment_id = t.id)",
        ..PersonalTable::new("appointments", &[], ["就诊或转诊的预约", "Appointments of visits and referrals"], "outpatient_record")
            .over("CASE WHEN t.state IN ('KEPT', 'EXPIRED', 'CANCELLED', 'NO_SHOW') AND (t.state = 'KEPT' OR t.referral_id IS NOT NULL) \
                THEN greatest(t.ends_at, (SELECT max(v.ended_at) FROM visits v WHERE v.resident_id = t.resident_id)) END")
            .dated("t.ends_at")
    },
    PersonalTable {
        of: "t.resident_id = ANY ((SELECT one_person($1))::uuid[]) AND t.kind <> 'INPATIENT'",
        ..PersonalTable::new("visits", &[], ["门（急）诊就诊", "Your outpatient visits"], "outpatient_record")
            .over("CASE WHEN t.kind <> 'INPATIENT' AND t.ended_at IS NOT NULL \
                THEN (SELECT max(v.ended_at) FROM visits v WHERE v.resident_id = t.resident_id) END")
            .dated("t.ended_at")
    },
    PersonalTable {
        of: "t.resident_id = ANY ((SELECT one_person($1))::uuid[]) AND t.kind = 'INPATIENT'",
        ..PersonalTable::new("visits", &[], ["住院", "Your stays"], "inpatient_record")
            .over("CASE WHEN t.kind = 'INPATIENT' AND t.ended_at IS NOT NULL \
                THEN (SELECT max(v.ended_at) FROM visits v WHERE v.resident_id = t.resident_id AND v.kind = 'INPATIENT') END")
            .dated("t.ended_at")
    },
    PersonalTable::new("wait_list_entries", &[], ["候补登记", "Places that you waited for"], "booking")
        .over("t.until")
        .dated("t.until"),
    PersonalTable::new("queue_tickets", &[], ["候诊排队", "Your places in queues"], "booking")
        .over("t.joined_at")
        .dated("t.joined_at"),
    PersonalTable::new("suspensions", &[], ["暂停预约与申诉", "When booking was suspended, and what you objected"], "booking")
        .over("t.until")
        .dated("t.until"),
    PersonalTable::new("suspicions", &[], ["异常预约线索", "Reports that you booked for many and let places go"], "booking")
        .over("t.noticed_at")
        .dated("t.noticed_at"),
    PersonalTable {
        unreferred: "NOT EXISTS (SELECT FROM appointments a WHERE a.id = t.id)",
        ..PersonalTable::new("chosen_appointment_ids", &[], ["预约编号", "Numbers chosen for appointments"], "booking")
            .over("t.claimed_at")
            .dated("t.claimed_at")
    },
];

impl From<sqlx::Error> for SchedulingError {
    fn from(error: sqlx::Error) -> Self {
        Self::Storage(error.into())
    }
}

/// The domain's refusal where a constraint says so, else a storage failure.
fn refused(error: sqlx::Error, refusal: impl FnOnce(&str) -> Option<SchedulingError>) -> SchedulingError {
    let error = postgres::Error::from(error);
    error.constraint().and_then(refusal).unwrap_or(SchedulingError::Storage(error))
}

/// A word of a closed vocabulary; another word is a row that no code of ours has written.
fn word<T: FromStr>(table: &'static str, column: &'static str, row: Uuid, text: &str) -> Result<T, SchedulingError> {
    text.parse().map_err(|_| invalid(table, column, row))
}

fn invalid(table: &'static str, column: &'static str, row: Uuid) -> SchedulingError {
    postgres::Error::row_invalid(table, column, row).into()
}
