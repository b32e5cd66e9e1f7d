//! What `sessions` and `session_templates` say about every visit, and what that comes to for a place of `slots`.

use chrono::{DateTime, NaiveTime, Utc};
use sqlx::{FromRow, types::Json};
use types::expected::ExpectedLine;
use uuid::Uuid;

use super::invalid;
use crate::domain::{
    error::SchedulingError,
    notice::CancelNotice,
    session::{SessionTerms, VisitTerms},
};

/// Columns of a session or a template, beside those of a row.
#[derive(FromRow)]
pub(super) struct SessionTermsColumns {
    cancel_notice_minutes: i32,
    cancel_notice_time: Option<NaiveTime>,
    session_lines: Json<Vec<ExpectedLine>>,
}

impl SessionTermsColumns {
    pub(super) fn terms(self, table: &'static str, row: Uuid) -> Result<SessionTerms, SchedulingError> {
        // A CHECK keeps them in bounds.
        let minutes = u16::try_from(self.cancel_notice_minutes);
        let minutes = minutes.map_err(|_| invalid(table, "cancel_notice_minutes", row))?;
        let cancel_notice = match (minutes, self.cancel_notice_time) {
            (0, None) => None,
            (0, Some(time)) => Some(CancelNotice::PreviousWorkingDay(time)),
            (minutes, None) => Some(CancelNotice::MinutesBefore(minutes)),
            (_, Some(_)) => return Err(invalid(table, "cancel_notice_time", row)),
        };
        Ok(SessionTerms { cancel_notice, expected_lines: self.session_lines.0 })
    }
}

/// `cancel_notice_minutes` and `cancel_notice_time`.
pub(super) fn notice_columns(notice: Option<CancelNotice>) -> (i32, Option<NaiveTime>) {
    match notice {
        None => (0, None),
        Some(CancelNotice::MinutesBefore(minutes)) => (minutes.into(), None),
        Some(CancelNotice::PreviousWorkingDay(time)) => (0, Some(time)),
    }
}

/// Columns of a slot and its session, beside those of a row.
#[derive(FromRow)]
pub(super) struct VisitTermsColumns {
    cancel_until: Option<DateTime<Utc>>,
    /// Of the session: an appointment has lines of its own under the name that the column has.
    session_lines: Json<Vec<ExpectedLine>>,
}

impl VisitTermsColumns {
    pub(super) fn terms(self) -> VisitTerms {
        VisitTerms { cancel_until: self.cancel_until, expected_lines: self.session_lines.0 }
    }
}
