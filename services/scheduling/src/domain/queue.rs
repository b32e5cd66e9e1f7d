//! Who is called next, and why (SC-11). By class; within a class by turn, and nobody of the same class is overtaken. Who was overtaken by
//! other classes often enough goes before them, whatever their class: all but emergencies wait for a bounded number of others.

use std::cmp::Reverse;

use chrono::{DateTime, TimeDelta, Utc};
use types::{
    caller::Party,
    ids::{OrganisationId, PractitionerId, ResidentId, SessionId, VisitId},
};
use uuid::Uuid;

use super::{error::SchedulingError, words};

/// From these ages on, in years.
const ELDERLY_AGES: [(u32, Class); 2] = [(80, Class::Elderly80), (65, Class::Elderly65)];
/// How many of those last seen say how long the next will take.
const OBSERVED_MAX: usize = 10;
/// What took longer was no visit to a doctor: somebody forgot to say that it was over.
const TAKES_MAX: TimeDelta = TimeDelta::hours(4);

words! {
    /// Why somebody goes before others, the most urgent first.
    #[derive(PartialOrd, Ord)]
    Class {
        Emergency = "EMERGENCY",
        Elderly80 = "ELDERLY_80",
        Disabled = "DISABLED",
        Pregnant = "PREGNANT",
        Elderly65 = "ELDERLY_65",
        Referral = "REFERRAL",
        /// Back with results on the same day (回诊).
        Returning = "RETURNING",
        Ordinary = "ORDINARY",
    }
}

/// What is known of somebody who checks in.
#[derive(Debug, Clone, Default)]
pub struct Known {
    pub is_emergency: bool,
    /// None where identity could not say.
    pub age_years: Option<u32>,
    pub is_disabled: bool,
    pub is_referred: bool,
    /// What the desk sees.
    pub seen: Vec<Class>,
}

impl Class {
    /// What a desk may say of its own; the rest follows from what is known.
    pub const fn is_seen(self) -> bool {
        matches!(self, Self::Emergency | Self::Disabled | Self::Pregnant | Self::Returning)
    }

    /// The first that applies.
    pub fn of(known: &Known) -> Self {
        let by_age = ELDERLY_AGES.into_iter().filter(|(age, _)| known.age_years.is_some_and(|years| years >= *age));
        let told = [
            (known.is_emergency, Self::Emergency),
            (known.is_disabled, Self::Disabled),
            (known.is_referred, Self::Referral),
        ];
        let told = told.into_iter().filter_map(|(applies, class)| applies.then_some(class));
        let all = known.seen.iter().copied().chain(told).chain(by_age.map(|(_, class)| class));
        all.min().unwrap_or(Self::Ordinary)
    }

    const fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::Emergency => ("急诊优先", "emergency"),
            Self::Elderly80 => ("80岁以上老人优先", "80 or older"),
            Self::Disabled => ("残疾人优先", "disabled"),
            Self::Pregnant => ("孕妇优先", "pregnant"),
            Self::Elderly65 => ("65岁以上老人优先", "65 or older"),
            Self::Referral => ("转诊优先", "referred"),
            Self::Returning => ("回诊优先", "back with results"),
            Self::Ordinary => ("普通", "no priority"),
        }
    }
}

/// A line: a session's, or a provider's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct LineId(pub Uuid);

impl LineId {
    pub const fn of(organisation: OrganisationId, session: Option<SessionId>) -> Self {
        match session {
            Some(session) => Self(session.uuid()),
            None => Self(organisation.uuid()),
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    pub id: LineId,
    pub organisation: OrganisationId,
    pub practitioner: Option<PractitionerId>,
    pub room: String,
    /// The line it is called with since its doctor moved.
    pub called_with: Option<LineId>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ticket {
    pub visit: VisitId,
    /// Order of checking in, which decides between equal turns.
    pub number: i64,
    pub resident: ResidentId,
    pub organisation: OrganisationId,
    pub line: LineId,
    pub class: Class,
    /// Start of the slot; none for a walk-in.
    pub due_at: Option<DateTime<Utc>>,
    pub joined_at: DateTime<Utc>,
    pub turn_at: DateTime<Utc>,
    pub calls: i32,
    pub passes: i32,
    pub state: State,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Called {
    pub at: DateTime<Utc>,
    pub by: Party,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    Waiting,
    Called(Called),
    /// Who is seen, or leaves, without having been called was not called.
    Served(Option<Called>, DateTime<Utc>),
    Left(Option<Called>, DateTime<Utc>),
}

impl State {
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Waiting => "WAITING",
            Self::Called(_) => "CALLED",
            Self::Served(..) => "SERVED",
            Self::Left(..) => "LEFT",
        }
    }

    pub const fn called(&self) -> Option<&Called> {
        match self {
            Self::Waiting => None,
            Self::Called(called) => Some(called),
            Self::Served(called, _) | Self::Left(called, _) => called.as_ref(),
        }
    }

    pub const fn ended_at(&self) -> Option<DateTime<Utc>> {
        if let Self::Served(_, at) | Self::Left(_, at) = self { Some(*at) } else { None }
    }

    pub const fn is_over(&self) -> bool {
        self.ended_at().is_some()
    }
}

/// Where somebody goes who comes after their slot has begun.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Late {
    /// Behind those of their class who are there at that time.
    BehindThoseThere,
    /// As who comes without an appointment.
    ByArrival,
}

#[derive(Debug, Clone, Copy)]
pub struct Rules {
    /// So long after the start of the slot nobody is late.
    pub late_grace: TimeDelta,
    pub late: Late,
    /// So often at most somebody is overtaken by other classes, emergencies apart.
    pub overtaken_max: usize,
    /// Who was called and did not come waits behind so many of their class,
    pub passed_behind: usize,
    /// and has left when it happens for this time.
    pub passes_max: i32,
}

impl Rules {
    pub const USUAL: Self = Self {
        late_grace: TimeDelta::minutes(15),
        late: Late::BehindThoseThere,
        overtaken_max: 5,
        passed_behind: 3,
        passes_max: 3,
    };

    /// What somebody is ordered by who comes now.
    pub fn turn(
        self,
        due_at: Option<DateTime<Utc>>,
        joined_at: DateTime<Utc>,
        class: Class,
        line: &[Ticket],
    ) -> DateTime<Utc> {
        let Some(due_at) = due_at else { return joined_at };
        if joined_at <= due_at + self.late_grace {
            return due_at;
        }
        let there = line.iter().filter(|ticket| ticket.class == class && ticket.state == State::Waiting);
        match self.late {
            Late::ByArrival => joined_at,
            Late::BehindThoseThere => {
                there.map(|ticket| ticket.turn_at).max().map_or(joined_at, |last| last.max(joined_at))
            }
        }
    }
}

impl Ticket {
    const fn turn(&self) -> (DateTime<Utc>, i64) {
        (self.turn_at, self.number)
    }

    #[must_use]
    pub fn call(self, by: Party, now: DateTime<Utc>) -> Self {
        Self { calls: self.calls.saturating_add(1), state: State::Called(Called { at: now, by }), ..self }
    }

    /// Once more; whoever called first goes on being who called.
    pub fn recall(self) -> Result<Self, SchedulingError> {
        match self.state {
            State::Called(_) => Ok(Self { calls: self.calls.saturating_add(1), ..self }),
            _ => Err(SchedulingError::TicketNotCalled),
        }
    }

    /// They did not come.
    pub fn pass(self, line: &[Self], rules: Rules, now: DateTime<Utc>) -> Result<Self, SchedulingError> {
        let State::Called(called) = &self.state else { return Err(SchedulingError::TicketNotCalled) };
        let passes = self.passes.saturating_add(1);
        if passes >= rules.passes_max {
            return Ok(Self { passes, state: State::Left(Some(called.clone()), now), ..self });
        }
        let mut next: Vec<&Self> =
            line.iter().filter(|other| other.class == self.class && other.state == State::Waiting).collect();
        next.sort_by_key(|other| other.turn());
        let behind = next.get(rules.passed_behind.saturating_sub(1)).or(next.last());
        // The last one's turn is shared by nobody who is before it.
        let turn_at = behind.map_or(self.turn_at, |last| (last.turn_at + TimeDelta::microseconds(1)).max(self.turn_at));
        Ok(Self { passes, turn_at, state: State::Waiting, ..self })
    }

    /// The visit is over; one that is over already stays as it is.
    #[must_use]
    pub fn end(self, is_seen: bool, now: DateTime<Utc>) -> Self {
        let state = match self.state {
            State::Served(..) | State::Left(..) => self.state,
            State::Waiting if is_seen => State::Served(None, now),
            State::Waiting => State::Left(None, now),
            State::Called(called) if is_seen => State::Served(Some(called), now),
            State::Called(called) => State::Left(Some(called), now),
        };
        Self { state, ..self }
    }
}

/// Those who wait, in the order in which they will be called if nobody else comes.
pub fn order(line: &[Ticket], rules: Rules) -> Vec<&Ticket> {
    let mut waiting: Vec<(&Ticket, usize)> = line
        .iter()
        .filter(|ticket| ticket.state == State::Waiting)
        .map(|ticket| (ticket, overtaken(ticket, line)))
        .collect();
    waiting.sort_by_key(|(ticket, _)| (ticket.class, ticket.turn()));
    let mut ordered = Vec::with_capacity(waiting.len());
    while let Some(index) = next(&waiting, rules) {
        let (called, _) = waiting.remove(index);
        if called.class != Class::Emergency {
            for (other, overtaken) in &mut waiting {
                *overtaken += usize::from(other.turn() < called.turn());
            }
        }
        ordered.push(called);
    }
    ordered
}

/// How often others, emergencies apart, were called before somebody whose turn was earlier and who was there.
fn overtaken(ticket: &Ticket, line: &[Ticket]) -> usize {
    let overtook = |other: &&Ticket| {
        other.class != Class::Emergency
            && other.turn() > ticket.turn()
            && other.state.called().is_some_and(|called| called.at >= ticket.joined_at)
    };
    line.iter().filter(overtook).count()
}

/// Of those who wait, in the order of class and turn.
fn next(waiting: &[(&Ticket, usize)], rules: Rules) -> Option<usize> {
    let (first, _) = waiting.first()?;
    if first.class == Class::Emergency {
        return Some(0);
    }
    // Who was overtaken often enough goes before other classes, but behind the earlier ones of their own.
    let has_waited =
        |class: Class| waiting.iter().any(|(it, times)| it.class == class && *times >= rules.overtaken_max);
    let is_head = |index: usize| {
        index == 0 || waiting.get(index - 1).map(|(it, _)| it.class) != waiting.get(index).map(|(it, _)| it.class)
    };
    let heads = waiting.iter().enumerate().filter(|(index, (it, _))| is_head(*index) && has_waited(it.class));
    heads.min_by_key(|(_, (it, _))| it.turn()).map(|(index, _)| index).or(Some(0))
}

/// How long one takes: half of those seen last took longer. `usual` where nobody was seen yet.
pub fn pace(line: &[Ticket], usual: TimeDelta) -> TimeDelta {
    let mut seen: Vec<(DateTime<Utc>, TimeDelta)> = line
        .iter()
        .filter_map(|ticket| match &ticket.state {
            State::Served(Some(called), ended_at) => Some((*ended_at, *ended_at - called.at)),
            _ => None,
        })
        .filter(|(_, took)| (TimeDelta::zero()..=TAKES_MAX).contains(took))
        .collect();
    seen.sort_by_key(|(ended_at, _)| Reverse(*ended_at));
    let mut took: Vec<TimeDelta> = seen.into_iter().take(OBSERVED_MAX).map(|(_, took)| took).collect();
    took.sort_unstable();
    took.get(took.len() / 2).copied().unwrap_or(usual)
}

/// How long somebody will wait with so many before them: those inside finish first, as many at a time as there are who call.
pub fn expected_wait(
    line: &[Ticket],
    before: usize,
    pace: TimeDelta,
    begins_at: DateTime<Utc>,
    now: DateTime<Utc>,
) -> TimeDelta {
    let inside: Vec<&Called> = line
        .iter()
        .filter_map(|ticket| if let State::Called(called) = &ticket.state { Some(called) } else { None })
        .collect();
    let desks = i32::try_from(inside.len().max(1)).unwrap_or(i32::MAX);
    let before = i32::try_from(before).unwrap_or(i32::MAX);
    let until_next = inside.iter().map(|called| (called.at + pace - now).max(TimeDelta::zero())).min();
    let until_next = until_next.unwrap_or_else(|| (begins_at - now).max(TimeDelta::zero()));
    until_next + pace * (before / desks)
}

/// Where somebody stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    pub ticket: Ticket,
    /// How many are called before; none once called.
    pub before: Option<usize>,
    /// Of those, how many of a more urgent class.
    pub urgent: usize,
    pub wait: TimeDelta,
    pub room: String,
    pub practitioner: Option<PractitionerId>,
}

impl Standing {
    /// Chinese and English.
    pub fn explanation(&self) -> (String, String) {
        let (zh, en) = self.ticket.class.words();
        let Some(before) = self.before else {
            return match self.ticket.state {
                State::Waiting | State::Called(_) => {
                    let (zh, en) = if self.room.is_empty() {
                        ("诊室", "the consulting room")
                    } else {
                        (&*self.room, &*self.room)
                    };
                    (format!("请到{zh}就诊。"), format!("You are called: {en}."))
                }
                State::Served(..) => ("已就诊。".to_owned(), "You were seen.".to_owned()),
                State::Left(..) => (
                    "已过号，请到服务台重新签到。".to_owned(),
                    "You were called and did not come: ask at the desk.".to_owned(),
                ),
            };
        };
        let (by_zh, by_en) = match self.ticket.due_at {
            None => ("按到达先后", "in the order of coming"),
            Some(due_at) if due_at == self.ticket.turn_at => ("按预约时间", "by the time of the appointment"),
            Some(_) => ("迟到或过号，排在已到者之后", "late or passed over, behind those who were there"),
        };
        let urgent = self.urgent;
        (
            format!("{zh}，{by_zh}；您前面还有{before}人，其中{urgent}人优先级更高。"),
            format!("Class: {en}; {by_en}. {before} before you, {urgent} of them of a more urgent class."),
        )
    }
}

#[cfg(test)]
#[path = "queue_tests.rs"]
mod tests;
