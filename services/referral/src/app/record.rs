//! What every change leaves behind in its transaction: the row, an event, an audit entry.

use chassis::telemetry;
use chrono::{DateTime, Utc};
use postgres::{
    Error, Transaction,
    audit::{self, Entry},
    events::{self, NewEvent},
};
use serde_json::json;
use types::caller::Caller;

use crate::{domain::referral::Referral, store::referrals};

/// One kind of change: its name in the audit and in the feed.
pub(super) struct Change {
    action: &'static str,
    event: &'static str,
}

macro_rules! changes {
    ($($name:ident = $verb:literal, $told:literal;)+) => {$(
        pub(super) const $name: Change = Change {
            action: concat!("referral.referral.", $verb),
            event: concat!("anjia.referral.referral.", $told, ".v1"),
        };
    )+};
}
changes! {
    SUBMIT = "submit", "submitted";
    ACCEPT = "accept", "accepted";
    RETURN = "return", "returned";
    CLOSE = "close", "closed";
    BOOK = "book", "booked";
    UNDO = "undo", "undone";
    GET_STUCK = "get_stuck", "stuck";
    WITHDRAW = "withdraw", "withdrawn";
    REOPEN = "reopen", "reopened";
    ATTEND = "attend", "attended";
    MISS = "miss", "not_attended";
}

impl Change {
    /// Done by a caller.
    pub(super) fn by(&self, caller: &Caller) -> Entry {
        Entry::new(caller, self.action)
    }

    /// Done by the service on its own: it follows a saga or another service's event.
    pub(super) fn by_itself(&self) -> Entry {
        Entry::by_service("referral", self.action)
    }

    /// Writes event and audit entry beside the changed row.
    pub(super) async fn record(
        &self,
        tx: &mut Transaction,
        entry: Entry,
        referral: &Referral,
        now: DateTime<Utc>,
    ) -> Result<(), Error> {
        telemetry::journey(referral.journey);
        let data = json!({
            "resident_id": referral.resident,
            "from_organisation_id": referral.from,
            "to_organisation_id": referral.to,
            "appointment_id": referral.state.booking().map(|booking| booking.appointment),
            "journey_id": referral.journey,
            "state": referral.state.name().as_str(),
        });
        let event = NewEvent::new(self.event, referral.id, data, now).traceparent(telemetry::current_traceparent());
        events::append(tx, event).await?;
        record(tx, entry, referral).await
    }
}

/// Records that the row was read or written.
pub(super) async fn record(tx: &mut Transaction, entry: Entry, referral: &Referral) -> Result<(), Error> {
    audit::record(tx, referrals::audited(entry, referral)).await
}
