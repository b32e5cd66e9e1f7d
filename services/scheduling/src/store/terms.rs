//! What `sessions` and `session_templates` say about every visit.

use sqlx::{FromRow, types::Json};
use types::expected::ExpectedLine;
use uuid::Uuid;

use super::invalid;
use crate::domain::{error::SchedulingError, session::VisitTerms};

/// Columns of either table, beside those of a row.
#[derive(FromRow)]
pub(super) struct TermsColumns {
    cancel_notice_minutes: i32,
    /// Of the session: an appointment has lines of its own under the name that the column has.
    session_lines: Json<Vec<ExpectedLine>>,
}

impl TermsColumns {
    pub(super) fn terms(self, table: &'static str, row: Uuid) -> Result<VisitTerms, SchedulingError> {
        // A CHECK keeps them in bounds.
        let minutes = u16::try_from(self.cancel_notice_minutes);
        Ok(VisitTerms {
            cancel_notice_minutes: minutes.map_err(|_| invalid(table, "cancel_notice_minutes", row))?,
            expected_lines: self.session_lines.0,
        })
    }
}
