//! Books for all who asked meanwhile, in one transaction: what `Book` writes of each, with or without its audit entries.

use anyhow::{Result, ensure};
use chrono::{DateTime, TimeDelta, Utc};
use postgres::audit::Entry;
use postgres::events::NewEvent;
use postgres::gather::Together;
use postgres::together::{LeftBehind, conclude};
use postgres::{Answered, Call, Database, Transaction, replay_all};
use proto::anjia::scheduling::v1::BookItem;
use serde_json::{Value, json};
use sqlx::types::Json;
use types::caller::{Caller, Party};
use types::clock::{Clock as _, SystemClock};
use types::ids::ResidentId;
use types::region::RegionCode;
use uuid::Uuid;

use crate::bench::town::request_id;

const METHOD: &str = "anjia.scheduling.v1.AppointmentService/Book";
/// Of each booking, which is held and confirmed in one.
const EVENTS: [&str; 2] = ["anjia.scheduling.appointment.held.v1", "anjia.scheduling.appointment.confirmed.v1"];
const ACTIONS: [&str; 2] = ["scheduling.appointment.hold", "scheduling.appointment.confirm"];
/// As long as an encoded appointment.
const ANSWER_BYTES: usize = 400;

pub(super) struct Giving(pub(super) Database);

/// A place that somebody asks for.
pub(super) struct Booking {
    call: Call<Uuid>,
    caller: Caller,
    resident: ResidentId,
    id: Uuid,
    wish: Value,
    is_audited: bool,
}

impl Booking {
    pub(super) fn draft(
        resident: ResidentId,
        slot: Uuid,
        session: Uuid,
        starts_at: DateTime<Utc>,
        is_audited: bool,
    ) -> Result<Self> {
        let (id, now, caller) =
            (Uuid::now_v7(), SystemClock.now(), Caller::new(Party::Resident(resident), RegionCode::BEIJING));
        let item = BookItem {
            request_id: request_id(),
            resident_id: resident.to_string(),
            slot_id: slot.to_string(),
            ..BookItem::default()
        };
        let call = Call::new(&caller, METHOD, &item, |id: &Uuid| id.as_bytes().repeat(ANSWER_BYTES / 16))?;
        let appointment = json!({
            "id": id, "resident_id": resident, "slot_id": slot, "pool": "PUBLIC", "session_id": session, "organisation_id": session,
            "starts_at": starts_at, "ends_at": starts_at + TimeDelta::minutes(1), "kind": "OUTPATIENT", "channel": "APP",
            "booked_by": caller.subject.to_string(), "journey_id": id, "expected_lines": [], "revision": 1, "state": "CONFIRMED",
            "held_at": now, "hold_expires_at": now + TimeDelta::minutes(5), "confirmed_at": now,
        });
        let wish = json!({"appointment": appointment, "is_id_chosen": false, "uses_max": null, "bounds": []});
        Ok(Self { call, caller, resident, id, wish, is_audited })
    }
}

impl Together for Giving {
    type Ask = Booking;
    /// Whether there was a place.
    type Answer = bool;
    type Error = anyhow::Error;
    type Group = bool;

    const BATCH_MAX: usize = 128;

    fn group(booking: &Booking) -> bool {
        booking.is_audited
    }

    async fn run(&self, bookings: &[Booking]) -> Result<Vec<Option<bool>>> {
        let mut tx = self.0.begin_together(RegionCode::BEIJING).await?;
        let calls: Vec<&Call<Uuid>> = bookings.iter().map(|booking| &booking.call).collect();
        for reply in replay_all(&mut tx, &calls).await? {
            ensure!(reply?.is_none(), "a fresh key was used before");
        }
        let wishes: Vec<&Value> = bookings.iter().map(|booking| &booking.wish).collect();
        let verdicts: Vec<Option<String>> = sqlx::query_scalar("SELECT refusal FROM give_places($1) ORDER BY place")
            .bind(Json(wishes))
            .fetch_all(&mut *tx)
            .await?;
        let given: Vec<&Booking> = bookings
            .iter()
            .zip(&verdicts)
            .filter(|(_, refusal)| refusal.is_none())
            .map(|(booking, _)| booking)
            .collect();
        record(tx, &given).await?;
        let outcome = |refusal: &Option<String>| match refusal.as_deref() {
            None => Some(true),
            Some("AGAIN") => None,
            Some(_) => Some(false),
        };
        Ok(verdicts.iter().map(outcome).collect())
    }
}

async fn record(tx: Transaction, given: &[&Booking]) -> Result<()> {
    let now = SystemClock.now();
    let (mut told, mut entries) = (vec![], vec![]);
    for booking in given {
        let Booking { caller, resident, id, .. } = booking;
        let data = json!({
            "resident_id": resident, "provider_organisation_id": id, "referral_id": "", "journey_id": id,
            "booked_by": caller.subject.to_string(), "delegation_id": "",
        });
        told.extend(EVENTS.map(|kind| NewEvent::new(kind, id, data.clone(), now)));
        if booking.is_audited {
            entries
                .extend(ACTIONS.map(|action| Entry::new(caller, action).resident(*resident).row("appointments", id)));
        }
    }
    let answered: Vec<Answered<'_, Uuid>> = given
        .iter()
        .map(|booking| Answered { call: &booking.call, answer: &booking.id, resident: Some(booking.resident) })
        .collect();
    Ok(conclude(tx, LeftBehind { events: told, entries, answered }).await?)
}
