//! Several places as one: in a row of one session, or of several sessions at one time (SC-10).

use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, TimeDelta, Utc};
use types::{
    care::CareKind,
    ids::{DepartmentId, OrganisationId, PractitionerId, SessionId},
};

use super::{
    error::SchedulingError,
    offer::OpenSlot,
    pool::Pool,
    session::{Slot, Span},
};

/// Places that one appointment has at most.
pub const SLOTS_MAX: usize = 12;
pub const PARTIES_MAX: usize = 8;

/// Somebody whose places are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Party {
    pub organisation: OrganisationId,
    pub department: Option<DepartmentId>,
    pub practitioner: Option<PractitionerId>,
}

/// What is sought.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Query {
    pub parties: Vec<Party>,
    pub kind: CareKind,
    pub pool: Pool,
    /// Places in a row of each, at least one,
    pub consecutive: usize,
    /// and as many as it takes for so long.
    pub lasts: TimeDelta,
    /// Starts at or after this,
    pub from: DateTime<Utc>,
    /// and not after this.
    pub until: DateTime<Utc>,
    pub limit: usize,
}

/// Places in a row of one session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    /// Which of the parties they are of.
    pub party: usize,
    pub slots: Vec<Slot>,
    pub department: Option<DepartmentId>,
    pub practitioner: Option<PractitionerId>,
    /// How often it can be booked: as often as the fullest of its places.
    pub free_places: u32,
}

/// A time at which everybody is free.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offer {
    pub span: Span,
    /// How many such bookings fit.
    pub free_places: u32,
    pub runs: Vec<Run>,
}

impl Party {
    fn is_met_by(&self, open: &OpenSlot) -> bool {
        (self.department.is_none() || self.department == open.department)
            && (self.practitioner.is_none() || self.practitioner == open.practitioner)
    }

    /// Whether one and the same place may meet both.
    fn overlaps(&self, other: &Self) -> bool {
        let is_department =
            self.department.is_none() || other.department.is_none() || self.department == other.department;
        let is_practitioner =
            self.practitioner.is_none() || other.practitioner.is_none() || self.practitioner == other.practitioner;
        self.organisation == other.organisation && is_department && is_practitioner
    }
}

impl Query {
    /// No two may compete for the same places: what is free for one would not be for both.
    pub fn check(&self) -> Result<(), SchedulingError> {
        for (index, party) in self.parties.iter().enumerate() {
            if self.parties.iter().take(index).any(|earlier| earlier.overlaps(party)) {
                let field = format!("parties[{index}]");
                return Err(SchedulingError::field(field, "may be met by the places of another; name who is meant"));
            }
        }
        Ok(())
    }

    /// When everybody is free, the earliest first. `open` are the free places of each party's provider.
    pub fn offers(&self, open: &[impl AsRef<[OpenSlot]>], now: DateTime<Utc>) -> Vec<Offer> {
        let runs = self.parties.iter().zip(open).enumerate();
        let by_party: Vec<BTreeMap<DateTime<Utc>, Vec<Run>>> =
            runs.map(|(number, (party, open))| self.runs(number, party, open.as_ref(), now)).collect();
        let Some((first, others)) = by_party.split_first() else { return vec![] };
        let together = first.iter().filter_map(|(start, runs)| {
            let mut all = vec![runs];
            for other in others {
                all.push(other.get(start)?);
            }
            offer(*start, &all)
        });
        together.take(self.limit).collect()
    }

    /// Every run of one party, by its start.
    fn runs(
        &self,
        number: usize,
        party: &Party,
        open: &[OpenSlot],
        now: DateTime<Utc>,
    ) -> BTreeMap<DateTime<Utc>, Vec<Run>> {
        let mut by_session: HashMap<SessionId, Vec<&OpenSlot>> = HashMap::new();
        for slot in open.iter().filter(|slot| slot.free_places > 0 && !slot.is_for_symptoms && party.is_met_by(slot)) {
            by_session.entry(slot.session).or_default().push(slot);
        }
        let mut runs: BTreeMap<DateTime<Utc>, Vec<Run>> = BTreeMap::new();
        for slots in by_session.values_mut() {
            slots.sort_by_key(|slot| slot.starts_at);
            for begin in 0..slots.len() {
                let run = slots.get(begin..).and_then(|slots| self.run(number, slots));
                if let Some((start, run)) = run.filter(|(start, _)| self.is_in_time(*start, now)) {
                    runs.entry(start).or_default().push(run);
                }
            }
        }
        for runs in runs.values_mut() {
            runs.sort_by_key(|run| run.slots.first().map(|slot| slot.id));
        }
        runs
    }

    fn is_in_time(&self, start: DateTime<Utc>, now: DateTime<Utc>) -> bool {
        start > now && start >= self.from && start <= self.until
    }

    /// The shortest run that begins with the first of these; none where they do not last, or have a gap.
    fn run(&self, party: usize, slots: &[&OpenSlot]) -> Option<(DateTime<Utc>, Run)> {
        let first = slots.first()?;
        let (mut run, mut free): (Vec<Slot>, u16) = (vec![], first.free_places);
        for open in slots.iter().take(SLOTS_MAX) {
            if run.last().is_some_and(|last| last.ends_at != open.starts_at) {
                return None;
            }
            free = free.min(open.free_places);
            run.push(Slot { id: open.slot, session: open.session, starts_at: open.starts_at, ends_at: open.ends_at });
            if run.len() >= self.consecutive && open.ends_at - first.starts_at >= self.lasts {
                let OpenSlot { department, practitioner, .. } = **first;
                let run = Run { party, slots: run, department, practitioner, free_places: free.into() };
                return Some((first.starts_at, run));
            }
        }
        None
    }
}

fn offer(start: DateTime<Utc>, by_party: &[&Vec<Run>]) -> Option<Offer> {
    let runs: Vec<Run> = by_party.iter().flat_map(|runs| runs.iter().cloned()).collect();
    let ends_at = runs.iter().filter_map(|run| run.slots.last()).map(|slot| slot.ends_at).max()?;
    let free = by_party.iter().map(|runs| runs.iter().map(|run| run.free_places).sum::<u32>());
    Some(Offer { span: (start, ends_at), free_places: free.min()?, runs })
}

/// The time of all of them, which are either in a row or begin together: of each session a row without a gap, and all rows begin at once.
pub fn whole(slots: &[Slot]) -> Result<Span, SchedulingError> {
    let wrong = |description: &str| Err(SchedulingError::field("slot_ids", description));
    let mut by_session: BTreeMap<SessionId, Vec<&Slot>> = BTreeMap::new();
    for slot in slots {
        by_session.entry(slot.session).or_default().push(slot);
    }
    let mut spans: Vec<Span> = vec![];
    for row in by_session.values_mut() {
        row.sort_by_key(|slot| slot.starts_at);
        let is_row = row.windows(2).all(|pair| matches!(pair, [one, next] if one.ends_at == next.starts_at));
        if !is_row {
            return wrong("must be places in a row, each once");
        }
        if let (Some(first), Some(last)) = (row.first(), row.last()) {
            spans.push((first.starts_at, last.ends_at));
        }
    }
    let Some((start, _)) = spans.first().copied() else { return wrong("must be at least one") };
    if spans.iter().any(|(other, _)| *other != start) {
        return wrong("must begin together, or be places in a row of one session");
    }
    let end = spans.iter().map(|(_, end)| *end).max().unwrap_or(start);
    Ok((start, end))
}

#[cfg(test)]
#[path = "together_tests.rs"]
mod tests;
