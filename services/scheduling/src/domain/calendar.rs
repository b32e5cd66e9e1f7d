//! Weekly templates, what stands against them, and the sessions that come of both.

use chrono::{DateTime, Datelike as _, NaiveDate, NaiveTime, TimeDelta, Utc};
use types::{
    care::CareKind,
    clock::start_of_local_day,
    ids::{DepartmentId, ExceptionId, OrganisationId, PractitionerId, ResourceId, SessionId, SlotId, TemplateId},
    place::Place,
    tier::Tier,
};

use super::{
    error::SchedulingError,
    session::{PoolShare, Session, SessionTerms, Slot, Span, slot_times},
    words,
};

/// How far ahead sessions may be made on demand.
pub const DAYS_AHEAD_MAX: u64 = 120;
/// How long something may stand against the calendar.
const EXCEPTION_MAX: TimeDelta = TimeDelta::days(400);

words! {
    /// What a session needs besides people.
    ResourceKind {
        Room = "ROOM",
        Equipment = "EQUIPMENT",
    }
}

/// A room, or a piece of equipment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resource {
    pub id: ResourceId,
    pub organisation: OrganisationId,
    pub kind: ResourceKind,
    pub name: String,
}

/// A session of every week.
#[derive(Debug, Clone, PartialEq)]
pub struct Template {
    pub id: TemplateId,
    pub organisation: OrganisationId,
    pub tier: Tier,
    pub place: Place,
    pub department: Option<DepartmentId>,
    pub practitioner: Option<PractitionerId>,
    pub resources: Vec<ResourceId>,
    /// 1 is Monday.
    pub weekday: u8,
    /// Of the region's day.
    pub starts_at: NaiveTime,
    pub ends_at: NaiveTime,
    pub kinds: Vec<CareKind>,
    pub slot_length_minutes: u16,
    pub pools: Vec<PoolShare>,
    pub capabilities: Vec<String>,
    pub terms: SessionTerms,
    pub valid_from: NaiveDate,
    /// The last day.
    pub valid_until: Option<NaiveDate>,
}

/// What an exception is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    Template(TemplateId),
    Practitioner(PractitionerId),
    Organisation(OrganisationId),
    Region,
}

/// Leave or a holiday.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exception {
    pub id: ExceptionId,
    pub scope: Scope,
    /// Whose calendar it stands against; none for the whole region.
    pub organisation: Option<OrganisationId>,
    pub span: Span,
    pub reason: String,
}

impl Exception {
    pub fn check_span((since, until): Span, now: DateTime<Utc>) -> Result<Span, SchedulingError> {
        if until <= since || until <= now || until - since > EXCEPTION_MAX {
            return Err(SchedulingError::field("until", "must be in the future and after since, by at most 400 days"));
        }
        Ok((since, until))
    }

    pub fn is_of_region(&self) -> bool {
        self.scope == Scope::Region
    }

    fn is_about(&self, template: &Template) -> bool {
        match self.scope {
            Scope::Template(id) => id == template.id,
            Scope::Practitioner(id) => template.practitioner == Some(id),
            Scope::Organisation(id) => template.organisation == id,
            Scope::Region => true,
        }
    }

    fn overlaps(&self, (from, until): Span) -> bool {
        self.span.0 < until && self.span.1 > from
    }
}

impl Template {
    /// What a template must be to make sessions at all.
    pub fn check(&self) -> Result<(), SchedulingError> {
        if self.valid_until.is_some_and(|until| until < self.valid_from) {
            return Err(SchedulingError::field("valid_until", "must not be before valid_from"));
        }
        self.times(self.valid_from).map(drop)
    }

    fn is_on(&self, day: NaiveDate) -> bool {
        day.weekday().number_from_monday() == u32::from(self.weekday)
            && day >= self.valid_from
            && self.valid_until.is_none_or(|until| day <= until)
    }

    fn times(&self, day: NaiveDate) -> Result<Vec<Span>, SchedulingError> {
        let at = |time: NaiveTime| start_of_local_day(day) + (time - NaiveTime::MIN);
        slot_times(at(self.starts_at), at(self.ends_at), self.slot_length_minutes)
    }

    /// The days among these, both included, on which it is.
    pub fn days(&self, first: NaiveDate, last: NaiveDate) -> impl Iterator<Item = NaiveDate> + '_ {
        first.iter_days().take_while(move |day| *day <= last).filter(|day| self.is_on(*day))
    }

    /// The session of a day with those of its slots that nothing stands against and that are yet to come; none if there are none.
    pub fn session(
        &self,
        (id, day): (SessionId, NaiveDate),
        exceptions: &[Exception],
        now: DateTime<Utc>,
        mut slot_id: impl FnMut() -> SlotId,
    ) -> Result<Option<(Session, Vec<Slot>)>, SchedulingError> {
        let against: Vec<&Exception> = exceptions.iter().filter(|exception| exception.is_about(self)).collect();
        let is_open = |span: &Span| span.0 > now && !against.iter().any(|exception| exception.overlaps(*span));
        let open: Vec<Span> = self.times(day)?.into_iter().filter(is_open).collect();
        let (Some(first), Some(last)) = (open.first(), open.last()) else { return Ok(None) };
        let session = Session {
            id,
            organisation: self.organisation,
            tier: self.tier,
            place: self.place,
            department: self.department,
            practitioner: self.practitioner,
            kinds: self.kinds.clone(),
            starts_at: first.0,
            ends_at: last.1,
            slot_length_minutes: self.slot_length_minutes,
            pools: self.pools.clone(),
            capabilities: self.capabilities.clone(),
            terms: self.terms.clone(),
        };
        let slots =
            open.into_iter().map(|(starts_at, ends_at)| Slot { id: slot_id(), session: id, starts_at, ends_at });
        Ok(Some((session, slots.collect())))
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::domain::{notice::CancelNotice, pool::Pool};

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    fn instant(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    fn time(hour: u32) -> NaiveTime {
        NaiveTime::from_hms_opt(hour, 0, 0).unwrap()
    }

    /// Mondays, 9 to 12.
    fn template() -> Template {
        let id = Uuid::from_u128(7);
        Template {
            id: TemplateId::from_uuid(id),
            organisation: OrganisationId::from_uuid(id),
            tier: Tier::Community,
            place: Place { latitude: 39.9, longitude: 116.3 },
            department: None,
            practitioner: Some(PractitionerId::from_uuid(id)),
            resources: vec![],
            weekday: 1,
            starts_at: time(9),
            ends_at: time(12),
            kinds: vec![CareKind::Outpatient],
            slot_length_minutes: 60,
            pools: vec![PoolShare { pool: Pool::Public, places: 2 }],
            capabilities: vec![],
            terms: SessionTerms { cancel_notice: Some(CancelNotice::MinutesBefore(120)), expected_lines: vec![] },
            valid_from: day("2026-03-02"),
            valid_until: Some(day("2026-03-20")),
        }
    }

    fn against(scope: Scope, since: &str, until: &str) -> Exception {
        let id = ExceptionId::from_uuid(Uuid::from_u128(9));
        let span = (instant(since), instant(until));
        Exception { id, scope, organisation: None, span, reason: "leave".to_owned() }
    }

    fn hours(template: &Template, exceptions: &[Exception]) -> Vec<String> {
        let now = instant("2026-03-01T00:00:00Z");
        let id = (SessionId::from_uuid(Uuid::from_u128(1)), day("2026-03-09"));
        let made = template.session(id, exceptions, now, || SlotId::from_uuid(Uuid::from_u128(2))).unwrap();
        made.into_iter().flat_map(|(_, slots)| slots).map(|slot| slot.starts_at.format("%H").to_string()).collect()
    }

    #[test]
    fn sc_01_a_template_is_on_its_weekday_within_its_time() {
        let days: Vec<NaiveDate> = template().days(day("2026-02-20"), day("2026-04-01")).collect();
        assert_eq!(days, [day("2026-03-02"), day("2026-03-09"), day("2026-03-16")]);
        let open_ended = Template { valid_until: None, ..template() };
        assert_eq!(open_ended.days(day("2026-03-20"), day("2026-04-01")).count(), 2);
    }

    #[test]
    fn sc_01_leave_and_holidays_take_the_slots_they_overlap_and_no_others() {
        // Nine in the morning is one o'clock UTC.
        assert_eq!(hours(&template(), &[]), ["01", "02", "03"]);
        let doctor = Scope::Practitioner(template().practitioner.unwrap());
        let leave = against(doctor, "2026-03-09T02:30:00Z", "2026-03-09T03:00:00Z");
        assert_eq!(hours(&template(), &[leave]), ["01", "03"]);
        let holiday = against(Scope::Region, "2026-03-08T16:00:00Z", "2026-03-09T16:00:00Z");
        assert_eq!(hours(&template(), &[holiday]), [""; 0]);
        let other = PractitionerId::from_uuid(Uuid::from_u128(8));
        let others = against(Scope::Practitioner(other), "2026-03-08T16:00:00Z", "2026-03-09T16:00:00Z");
        assert_eq!(hours(&template(), &[others]).len(), 3);
        for scope in [Scope::Template(template().id), Scope::Organisation(template().organisation)] {
            assert_eq!(
                hours(&template(), &[against(scope, "2026-03-09T01:00:00Z", "2026-03-09T02:00:00Z")]),
                ["02", "03"]
            );
        }
    }

    #[test]
    fn sc_01_a_template_that_makes_no_sessions_is_refused() {
        let field = |template: Template| match template.check() {
            Err(SchedulingError::Field { field, .. }) => field,
            other => panic!("{other:?}"),
        };
        assert_eq!(field(Template { slot_length_minutes: 50, ..template() }), "slot_length_minutes");
        assert_eq!(field(Template { ends_at: time(9), ..template() }), "ends_at");
        assert_eq!(field(Template { valid_until: Some(day("2026-03-01")), ..template() }), "valid_until");
        assert!(template().check().is_ok());
        let now = instant("2026-03-01T00:00:00Z");
        assert!(Exception::check_span((now, now), now).is_err());
        assert!(Exception::check_span((now, now + TimeDelta::days(401)), now).is_err());
        assert!(Exception::check_span((now, now + TimeDelta::days(1)), now).is_ok());
    }
}
