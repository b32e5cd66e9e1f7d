//! The places that can be booked: a family doctor today, the hospital's ward today, a follow-up in a week.

use anyhow::Result;
use chrono::{DateTime, TimeDelta, Utc};
use devstack::callers::{self, DOCTOR, SPECIALIST};
use proto::anjia::common::v1::CareKind;
use proto::anjia::scheduling::v1::cancel_notice::Notice;
use proto::anjia::scheduling::v1::{CancelNotice, Pool, PoolShare, PublishSessionsRequest, Session, WorkingDayNotice};
use proto::convert::to_timestamp;
use uuid::Uuid;

use super::calendar::Calendar;
use super::callers::{Caller, Stage, request_id};
use super::cast::{CAPABILITY, CARDIAC_SURGERY, GENERAL_PRACTICE};
use super::lines;
use super::story::Story;

const FAMILY_DOCTOR_IN_MINUTES: i64 = 4;
/// After the family doctor's first place, so that she is not in two places at once.
const WARD_IN_MINUTES: i64 = 20;
const FOLLOW_UP_IN: TimeDelta = TimeDelta::days(7);
const WARD_MINUTES: i32 = 480;

pub(crate) async fn publish(stage: &Stage, story: &mut Story, calendar: &Calendar) -> Result<()> {
    let doctor_at = calendar.soon(FAMILY_DOCTOR_IN_MINUTES);
    let today = Session {
        provider_organisation_id: callers::CLINIC.to_string(),
        department_id: GENERAL_PRACTICE.to_string(),
        practitioner_id: DOCTOR.to_string(),
        expected_lines: lines::expected(lines::CLINIC_FEE),
        ..session(CareKind::Outpatient, Pool::Public, doctor_at, 10, 6)
    };
    let follow_up = Session {
        provider_organisation_id: callers::CLINIC.to_string(),
        department_id: GENERAL_PRACTICE.to_string(),
        practitioner_id: DOCTOR.to_string(),
        expected_lines: lines::expected(lines::CLINIC_FEE),
        // By the published rules of the Beijing appointment platform: until 14:00 on the previous working day.
        cancel_notice: Some(CancelNotice {
            notice: Some(Notice::PreviousWorkingDay(WorkingDayNotice { hour: 14, minute: 0 })),
        }),
        ..session(CareKind::Outpatient, Pool::Referral, doctor_at + FOLLOW_UP_IN, 20, 6)
    };
    story.act(&stage.clinic, "opens a session of family medicine today, and places for referred patients in a week");
    publish_of(stage, &stage.clinic, vec![today, follow_up]).await?;

    let ward = Session {
        department_id: CARDIAC_SURGERY.to_string(),
        capabilities: vec![CAPABILITY.to_owned()],
        ..hospital_session(
            session(CareKind::Inpatient, Pool::Referral, calendar.soon(WARD_IN_MINUTES), WARD_MINUTES, 1),
            None,
        )
    };
    let consultations = Session {
        expected_lines: lines::expected(lines::SPECIALIST_FEE),
        ..hospital_session(session(CareKind::Outpatient, Pool::Public, doctor_at, 15, 4), Some(SPECIALIST))
    };
    story.act(&stage.hospital, "opens consultations, and beds of the cardiac ward for referred patients only");
    publish_of(stage, &stage.hospital, vec![ward, consultations]).await
}

fn hospital_session(session: Session, practitioner: Option<Uuid>) -> Session {
    Session {
        provider_organisation_id: callers::HOSPITAL.to_string(),
        department_id: CARDIAC_SURGERY.to_string(),
        practitioner_id: practitioner.map(|id| id.to_string()).unwrap_or_default(),
        ..session
    }
}

/// So many slots of two places each.
fn session(kind: CareKind, pool: Pool, starts_at: DateTime<Utc>, slot_minutes: i32, slots: i32) -> Session {
    let ends_at = starts_at + TimeDelta::minutes(i64::from(slot_minutes * slots));
    Session {
        kinds: vec![kind.into()],
        starts_at: Some(to_timestamp(starts_at)),
        ends_at: Some(to_timestamp(ends_at)),
        slot_length_minutes: slot_minutes,
        pools: vec![PoolShare { pool: pool.into(), places: 2 }],
        ..Session::default()
    }
}

async fn publish_of(stage: &Stage, provider: &Caller, sessions: Vec<Session>) -> Result<()> {
    let request = PublishSessionsRequest { request_id: request_id(), sessions };
    let publish = async |request| stage.sessions().publish_sessions(request).await;
    provider.call("PublishSessions", request, publish).await?;
    Ok(())
}
