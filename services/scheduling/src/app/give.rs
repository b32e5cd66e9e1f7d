//! Gives places to all who asked meanwhile, in one transaction of their region: places, answers, events and audit of each, or its refusal.

use chassis::Permitted;
use chrono::{DateTime, Utc};
use postgres::{
    Answered, Call, Database, Reply, Transaction, audit,
    gather::{Lost, Together},
    replay_all,
    together::{LeftBehind, conclude},
};
use types::{caller::Caller, region::RegionCode};

use super::records::{Change, told};
use crate::{
    domain::{appointment::Appointment, error::SchedulingError, limits::Bound},
    store::bookings::{self, Prepared, Verdict, Wish},
};

/// Batches stay small beside the time a place may be kept waiting for.
const BATCH_MAX: usize = 128;

/// A place wished for: all that can be known of it without the places themselves has been decided.
pub(super) struct Wished {
    pub(super) call: Call<Permitted<Appointment>>,
    /// As it will stand.
    pub(super) appointment: Permitted<Appointment>,
    pub(super) is_id_chosen: bool,
    pub(super) uses_max: Option<u32>,
    pub(super) heeds_suspension: bool,
    pub(super) bounds: Vec<Bound>,
    /// What becomes of it at once, in order.
    pub(super) changes: &'static [Change],
    pub(super) caller: Caller,
    pub(super) traceparent: Option<String>,
    pub(super) now: DateTime<Utc>,
}

/// A wish that a batch only has to hand on.
pub(super) struct Ready {
    wished: Wished,
    asked: Prepared,
}

/// An answer, or why there is no place.
pub(super) type Given = Result<Reply<Permitted<Appointment>>, SchedulingError>;

pub(super) struct Giving {
    pub(super) db: Database,
}

impl From<Lost> for SchedulingError {
    fn from(_: Lost) -> Self {
        Self::Lost
    }
}

impl Together for Giving {
    type Ask = Ready;
    type Answer = Given;
    type Error = SchedulingError;
    type Group = RegionCode;

    const BATCH_MAX: usize = BATCH_MAX;

    fn group(ready: &Ready) -> RegionCode {
        ready.wished.call.region()
    }

    async fn run(&self, ready: &[Ready]) -> Result<Vec<Option<Given>>, SchedulingError> {
        let Some(first) = ready.first() else { return Ok(vec![]) };
        let wishes: Vec<&Wished> = ready.iter().map(|ready| &ready.wished).collect();
        let mut outcomes: Vec<Option<Given>> = wishes.iter().map(|_| None).collect();
        let mut tx = self.db.begin_together(first.wished.call.region()).await?;

        let once = once_each(&wishes);
        // Of those who come together it was looked up a moment ago who was answered before. Whoever was since then is refused below, or has
        // a key that is taken: then nothing of this is done, and each comes alone.
        let fresh = match ready {
            [_] => replayed(&mut tx, &wishes, &once, &mut outcomes).await?,
            _ => once,
        };
        let asked: Vec<&Prepared> =
            fresh.iter().filter_map(|place| ready.get(*place)).map(|ready| &ready.asked).collect();
        let verdicts = if asked.is_empty() { vec![] } else { bookings::give(&mut tx, &asked).await? };

        let (mut won, mut refused) = (vec![], vec![]);
        for (place, verdict) in fresh.into_iter().zip(verdicts) {
            match verdict {
                Verdict::Given => won.push(place),
                Verdict::Again => {}
                Verdict::Refused(refusal) => {
                    refused.push(place);
                    set(&mut outcomes, place, Err(refusal));
                }
            }
        }
        // What stood in the way may be the first effect of the very same request, committed by another replica meanwhile.
        replayed(&mut tx, &wishes, &refused, &mut outcomes).await?;
        if won.is_empty() {
            tx.rollback().await?;
        } else {
            let won: Vec<&Wished> = won.iter().filter_map(|place| wishes.get(*place)).copied().collect();
            record(tx, &won).await?;
        }
        for place in won {
            if let Some(wished) = wishes.get(place) {
                set(&mut outcomes, place, Ok(Reply::Done(wished.appointment.clone())));
            }
        }
        Ok(outcomes)
    }
}

impl Wished {
    /// To be asked together with others'.
    pub(super) fn ready(self) -> Result<Ready, SchedulingError> {
        Ok(Ready { asked: Prepared::of(&self.wish())?, wished: self })
    }

    pub(super) fn wish(&self) -> Wish<'_> {
        let Self { appointment, is_id_chosen, uses_max, heeds_suspension, bounds, .. } = self;
        Wish {
            appointment,
            is_id_chosen: *is_id_chosen,
            is_moved: false,
            heeds_suspension: *heeds_suspension,
            uses_max: *uses_max,
            bounds,
        }
    }
}

fn set(outcomes: &mut [Option<Given>], place: usize, outcome: Given) {
    if let Some(unset) = outcomes.get_mut(place) {
        *unset = Some(outcome);
    }
}

/// The places of all but those that repeat a request of the same batch: these find its answer with the next.
fn once_each(wishes: &[&Wished]) -> Vec<usize> {
    let mut first: Vec<usize> = vec![];
    for (place, wished) in wishes.iter().enumerate() {
        let is_repeated = wishes.iter().take(place).any(|earlier| earlier.call.has_key_of(&wished.call));
        if !is_repeated {
            first.push(place);
        }
    }
    first
}

/// Sets the outcome of those that were answered before; answers the places of the others.
async fn replayed(
    tx: &mut Transaction,
    wishes: &[&Wished],
    places: &[usize],
    outcomes: &mut [Option<Given>],
) -> Result<Vec<usize>, SchedulingError> {
    if places.is_empty() {
        return Ok(vec![]);
    }
    let calls: Vec<&Call<_>> =
        places.iter().filter_map(|place| wishes.get(*place)).map(|wished| &wished.call).collect();
    let mut fresh = vec![];
    for (place, reply) in places.iter().zip(replay_all(tx, &calls).await?) {
        match reply {
            Ok(None) => fresh.push(*place),
            Ok(Some(reply)) => set(outcomes, *place, Ok(reply)),
            Err(error) => set(outcomes, *place, Err(error.into())),
        }
    }
    Ok(fresh)
}

/// That a caller chose the id of an appointment.
pub(super) fn chosen(wished: &Wished) -> Option<audit::Entry> {
    let entry = audit::Entry::new(&wished.caller, "scheduling.appointment.choose_id");
    let entry = entry.resident(wished.appointment.resident).row("chosen_appointment_ids", wished.appointment.id);
    wished.is_id_chosen.then_some(entry)
}

/// Writes what each given place leaves behind, and commits.
async fn record(tx: Transaction, won: &[&Wished]) -> Result<(), SchedulingError> {
    let (mut events, mut entries) = (vec![], vec![]);
    for wished in won {
        entries.extend(chosen(wished));
        for change in wished.changes {
            let (event, entry) = told(&wished.caller, *change, &wished.appointment, wished.now);
            events.extend(event.map(|event| event.traceparent(wished.traceparent.clone())));
            entries.push(entry);
        }
    }
    let answered: Vec<Answered<'_, Permitted<Appointment>>> = won
        .iter()
        .map(|wished| Answered {
            call: &wished.call,
            answer: &wished.appointment,
            resident: Some(wished.appointment.resident),
        })
        .collect();
    Ok(conclude(tx, LeftBehind { events, entries, answered }).await?)
}
