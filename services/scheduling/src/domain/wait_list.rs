//! Who waits for a place (候补), in which order, and what they are told about it. First those
//! whose confirmed place a provider took back, then in the order of joining (SC-07).

use chrono::{DateTime, TimeDelta, Utc};
use types::{
    caller::Party,
    care::CareKind,
    ids::{AppointmentId, DelegationId, DepartmentId, OrganisationId, ResidentId, WaitListEntryId},
};

use super::{error::SchedulingError, session::Span};

/// Lines in which one person may stand at a time.
pub const LINES_MAX: i64 = 8;
/// How far ahead a place may be waited for.
const AHEAD_MAX: TimeDelta = TimeDelta::days(90);
/// Shorter than this nobody gets there: such a place is free for whoever asks.
const NOTICE_MIN: TimeDelta = TimeDelta::minutes(30);

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    pub id: WaitListEntryId,
    pub resident: ResidentId,
    pub organisation: OrganisationId,
    pub department: Option<DepartmentId>,
    pub kind: CareKind,
    /// Places that start in it.
    pub span: Span,
    pub joined_by: Party,
    pub delegation: Option<DelegationId>,
    /// How many bookings the delegation allows altogether.
    pub uses_max: Option<u32>,
    pub joined_at: DateTime<Utc>,
    pub state: State,
    /// How many are before them in the line.
    pub before: i64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    Waiting,
    Offered(AppointmentId),
    Left,
    /// Nothing came in time.
    Lapsed,
}

impl State {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "WAITING",
            Self::Offered(_) => "OFFERED",
            Self::Left => "LEFT",
            Self::Lapsed => "LAPSED",
        }
    }
}

/// Chinese and English.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explanation {
    pub zh: String,
    pub en: String,
}

/// The span that is waited for.
pub fn span(from: Option<DateTime<Utc>>, until: DateTime<Utc>, now: DateTime<Utc>) -> Result<Span, SchedulingError> {
    let from = from.unwrap_or(now).max(now);
    if until <= from || until > now + AHEAD_MAX {
        return Err(SchedulingError::field("until", "must be after from, at most 90 days ahead"));
    }
    Ok((from, until))
}

/// Until when an offer of a place stands; none if there is no time left to make one.
pub fn offer_end(starts_at: DateTime<Utc>, stands_for: TimeDelta, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    (starts_at - now >= NOTICE_MIN).then(|| starts_at.min(now + stands_for))
}

impl Entry {
    /// From 1; none once not in the line.
    pub fn position(&self) -> Option<i64> {
        (self.state == State::Waiting).then_some(self.before + 1)
    }

    pub fn explanation(&self) -> Explanation {
        let (zh, en) = match self.state {
            State::Waiting => (
                format!(
                    "号源被医院收回者优先，其余按登记先后排队，您前面还有{}人；有号源释放时依次为您保留。",
                    self.before
                ),
                format!(
                    "Those whose place was taken back come first, then the order of joining; {} before you. A place that frees up is held for each in turn.",
                    self.before
                ),
            ),
            State::Offered(_) => (
                "轮到您了：已为您保留一个号源，请在到期前确认，逾期将顺延给下一位。".to_owned(),
                "It is your turn: a place is held for you. Confirm it in time, or it goes to the next in the line."
                    .to_owned(),
            ),
            State::Left => ("您已退出候补。".to_owned(), "You have left the line.".to_owned()),
            State::Lapsed => (
                "候补的时间已过，期间没有可用的号源；如仍需要，请重新登记。".to_owned(),
                "The time you waited for is over, and no place came free for you. Join again if you still need one."
                    .to_owned(),
            ),
        };
        Explanation { zh, en }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn instant(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    fn entry(state: State, before: i64) -> Entry {
        let now = instant("2026-03-02T00:00:00Z");
        Entry {
            id: WaitListEntryId::generate(),
            resident: ResidentId::generate(),
            organisation: OrganisationId::generate(),
            department: None,
            kind: CareKind::Outpatient,
            span: (now, now + TimeDelta::days(1)),
            joined_by: Party::Service("scheduling".to_owned()),
            delegation: None,
            uses_max: None,
            joined_at: now,
            state,
            before,
        }
    }

    #[test]
    fn sc_07_the_place_in_the_line_is_explained_in_both_languages() {
        let waiting = entry(State::Waiting, 2);
        assert_eq!(waiting.position(), Some(3));
        let Explanation { zh, en } = waiting.explanation();
        assert!(zh.contains("2人") && en.contains("2 before you"));
        let offered = entry(State::Offered(AppointmentId::generate()), 2);
        assert_eq!(offered.position(), None);
        assert_ne!(offered.explanation(), entry(State::Left, 0).explanation());
        let lapsed = entry(State::Lapsed, 0);
        assert_eq!(lapsed.position(), None);
        assert_ne!(lapsed.explanation(), entry(State::Left, 0).explanation());
    }

    #[test]
    fn sc_07_an_offer_ends_before_its_place_begins() {
        let now = instant("2026-03-02T00:00:00Z");
        let quarter = TimeDelta::minutes(15);
        assert_eq!(offer_end(now + TimeDelta::hours(2), quarter, now), Some(now + quarter));
        assert_eq!(
            offer_end(now + TimeDelta::minutes(40), TimeDelta::hours(1), now),
            Some(now + TimeDelta::minutes(40))
        );
        assert_eq!(offer_end(now + TimeDelta::minutes(29), quarter, now), None);
    }

    #[test]
    fn what_is_waited_for_lies_ahead_and_not_too_far() {
        let now = instant("2026-03-02T00:00:00Z");
        let (past, day) = (now - TimeDelta::days(1), now + TimeDelta::days(1));
        assert_eq!(span(Some(past), day, now).unwrap(), (now, day));
        assert!(span(None, now, now).is_err());
        assert!(span(Some(day), day, now).is_err());
        assert!(span(None, now + TimeDelta::days(91), now).is_err());
    }
}
