use chassis::telemetry;
use postgres::{
    Scope,
    consumer::{Advanced, Failure, Inbox},
    events::Event,
};
use tracing::Instrument as _;
use types::ids::{AppointmentId, VisitId};

use super::{
    App,
    record::{ATTEND, Change, MISS, REOPEN, WITHDRAW},
};
use crate::{
    domain::{ReferralError, referral::Referral},
    store::{referrals, sagas},
};

const CANCELLED: &str = "anjia.scheduling.appointment.cancelled.v1";
const NO_SHOW: &str = "anjia.scheduling.appointment.no_show.v1";
const VISIT_OPENED: &str = "anjia.scheduling.visit.opened.v1";
/// Scheduling's events that referral follows.
pub const HEARD: [&str; 3] = [CANCELLED, NO_SHOW, VISIT_OPENED];

/// What scheduling told of a booked place.
#[derive(Debug, Clone, Copy)]
enum News {
    GivenUpByPatient,
    GivenUpByProvider,
    Missed,
    Attended(VisitId),
}

impl App {
    /// After BOOKED scheduling is the truth: takes in one of its events.
    pub async fn follow(&self, event: &Event, inbox: Inbox) -> Result<Advanced, Failure> {
        let Some((appointment, news)) = read(event)? else { return Ok(inbox.skip()) };
        let age = (self.clock.now() - event.occurred_at).to_std().unwrap_or_default();
        let span = telemetry::taking_in(&event.kind, event, age);
        self.take_in(event, appointment, news, inbox).instrument(span).await
    }

    async fn take_in(
        &self,
        event: &Event,
        appointment: AppointmentId,
        news: News,
        inbox: Inbox,
    ) -> Result<Advanced, Failure> {
        let mut tx = inbox.begin(Scope::Region(event.region)).await?;
        // An event that meets ACCEPTING waits for the saga, which may be about to book this very place. Asked first: a saga that
        // ended after this has booked its referral before that is looked for.
        if sagas::is_running_for(&mut tx, appointment).await? {
            return Err(Failure::not_now("the acceptance is under way"));
        }
        let Some(referral) = referrals::lock_by_appointment(&mut tx, appointment).await? else {
            return Ok(inbox.skip());
        };
        let now = self.clock.now();
        match apply(referral, news, now) {
            Ok((referral, change)) => {
                referrals::update(&mut tx, &referral, now).await?;
                change.record(&mut tx, change.by_itself(), &referral, now).await?;
                inbox.commit(tx).await.map_err(Failure::from)
            }
            // It has moved on since; nothing to follow.
            Err(ReferralError::NotBooked) => Ok(inbox.skip()),
            Err(error) => Err(Failure::refused(error)),
        }
    }
}

fn apply(
    referral: Referral,
    news: News,
    now: chrono::DateTime<chrono::Utc>,
) -> Result<(Referral, Change), ReferralError> {
    Ok(match news {
        News::GivenUpByPatient => (referral.withdrawn()?, WITHDRAW),
        News::GivenUpByProvider => (referral.reopened(now)?, REOPEN),
        News::Missed => (referral.not_attended()?, MISS),
        News::Attended(visit) => (referral.attended(visit, now)?, ATTEND),
    })
}

/// The appointment an event is about, if it matters here.
fn read(event: &Event) -> Result<Option<(AppointmentId, News)>, Failure> {
    let subject = || event.subject.parse().map_err(|_| Failure::refused("the subject is not an appointment's id"));
    Ok(match event.kind.as_str() {
        CANCELLED => match event.data["by"].as_str() {
            Some("PATIENT") => Some((subject()?, News::GivenUpByPatient)),
            Some("PROVIDER" | "OPERATOR") => Some((subject()?, News::GivenUpByProvider)),
            _ => return Err(Failure::refused("`by` names nobody")),
        },
        NO_SHOW => Some((subject()?, News::Missed)),
        VISIT_OPENED => match event.data["appointment_id"].as_str() {
            None | Some("") => None,
            Some(appointment) => {
                let appointment = appointment.parse().map_err(|_| Failure::refused("`appointment_id` is not an id"))?;
                let visit = event.subject.parse().map_err(|_| Failure::refused("the subject is not a visit's id"))?;
                Some((appointment, News::Attended(visit)))
            }
        },
        _ => None,
    })
}
