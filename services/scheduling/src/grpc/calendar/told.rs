//! A calendar on the wire.

use chassis::Permitted;
use chrono::NaiveTime;
use proto::{
    anjia::scheduling::v1 as wire,
    convert::{self, to_date, to_timestamp},
};
use types::ids::{ExceptionId, TemplateId};

use crate::{
    app::{Affected, ChangedSession, Generated, Outcome},
    domain::{
        calendar::{Exception, Resource, Scope, Template},
        ladder::{Ladder, Step},
        session::{PoolShare, Session},
    },
    grpc::convert::{to_appointment, to_cancel_notice, to_pool, to_resource_kind, to_session, to_slot},
};

pub(super) fn to_registered(resource: &Permitted<Resource>) -> wire::RegisterResourceResponse {
    let resource = wire::Resource {
        resource_id: resource.id.to_string(),
        provider_organisation_id: resource.organisation.to_string(),
        kind: to_resource_kind(resource.kind),
        name: resource.name.clone(),
    };
    wire::RegisterResourceResponse { resource: Some(resource) }
}

pub(super) fn to_created(template: &Permitted<Template>) -> wire::CreateTemplateResponse {
    wire::CreateTemplateResponse { template: Some(to_template(template)) }
}

pub(super) fn to_template(template: &Template) -> wire::SessionTemplate {
    let share = |share: &PoolShare| wire::PoolShare { pool: to_pool(share.pool), places: share.places.into() };
    wire::SessionTemplate {
        template_id: template.id.to_string(),
        provider_organisation_id: template.organisation.to_string(),
        department_id: template.department.map(|id| id.to_string()).unwrap_or_default(),
        practitioner_id: template.practitioner.map(|id| id.to_string()).unwrap_or_default(),
        resource_ids: template.resources.iter().map(ToString::to_string).collect(),
        weekday: template.weekday.into(),
        from_minute: minutes(template.starts_at),
        until_minute: minutes(template.ends_at),
        kinds: template.kinds.iter().copied().map(convert::to_care_kind).collect(),
        slot_length_minutes: template.slot_length_minutes.into(),
        pools: template.pools.iter().map(share).collect(),
        capabilities: template.capabilities.clone(),
        cancel_notice: template.terms.cancel_notice.map(to_cancel_notice),
        expected_lines: convert::to_expected_lines(&template.terms.expected_lines),
        valid_from: Some(to_date(template.valid_from)),
        valid_until: template.valid_until.map(to_date),
    }
}

pub(super) fn to_declared(id: &ExceptionId) -> wire::DeclareExceptionResponse {
    wire::DeclareExceptionResponse { exception_id: id.to_string() }
}

pub(super) fn to_generated(generated: &Generated<Permitted<Session>>) -> wire::GenerateSessionsResponse {
    let clash = |(template, day): &(TemplateId, chrono::NaiveDate)| wire::TemplateClash {
        template_id: template.to_string(),
        day: Some(to_date(*day)),
    };
    wire::GenerateSessionsResponse {
        sessions: generated.sessions.iter().map(to_session).collect(),
        clashes: generated.clashes.iter().map(clash).collect(),
    }
}

fn to_affected(affected: &Affected) -> Vec<wire::AffectedAppointment> {
    let one = |(appointment, outcome): &(Permitted<_>, Outcome)| {
        let fate = match outcome {
            Outcome::Kept => wire::Fate::Kept,
            Outcome::Moved => wire::Fate::Moved,
            Outcome::Displaced => wire::Fate::Displaced,
            Outcome::Cancelled => wire::Fate::Cancelled,
        };
        wire::AffectedAppointment { appointment: Some(to_appointment(appointment)), fate: fate.into() }
    };
    affected.iter().map(one).collect()
}

pub(super) fn to_changed(changed: &ChangedSession) -> wire::ChangeSessionResponse {
    wire::ChangeSessionResponse {
        session: Some(to_session(&changed.session)),
        slots: changed.slots.iter().copied().map(to_slot).collect(),
        affected: to_affected(&changed.affected),
    }
}

pub(super) fn to_withdrawn(affected: &Affected) -> wire::WithdrawSessionResponse {
    wire::WithdrawSessionResponse { affected: to_affected(affected) }
}

pub(super) fn to_set(ladder: &Permitted<Ladder>) -> wire::SetReleaseLadderResponse {
    wire::SetReleaseLadderResponse { steps: ladder.steps.iter().map(to_step).collect() }
}

pub(super) fn to_ladder(ladder: &Ladder) -> wire::ReleaseLadder {
    wire::ReleaseLadder {
        provider_organisation_id: ladder.organisation.to_string(),
        department_id: ladder.department.map(|id| id.to_string()).unwrap_or_default(),
        steps: ladder.steps.iter().map(to_step).collect(),
    }
}

fn to_step(step: &Step) -> wire::ReleaseStep {
    wire::ReleaseStep {
        pool: to_pool(step.pool),
        hours_before: i32::try_from(step.hours_before).unwrap_or(i32::MAX),
        keep_percent: i32::try_from(step.keep_percent).unwrap_or(i32::MAX),
    }
}

pub(super) fn to_exception(exception: &Exception) -> wire::CalendarException {
    let (scope, subject_id) = match exception.scope {
        Scope::Template(id) => (wire::ExceptionScope::Template, id.to_string()),
        Scope::Practitioner(id) => (wire::ExceptionScope::Practitioner, id.to_string()),
        Scope::Organisation(id) => (wire::ExceptionScope::Organisation, id.to_string()),
        Scope::Region => (wire::ExceptionScope::Region, String::new()),
    };
    wire::CalendarException {
        exception_id: exception.id.to_string(),
        scope: scope.into(),
        subject_id,
        since: Some(to_timestamp(exception.span.0)),
        until: Some(to_timestamp(exception.span.1)),
        reason: exception.reason.clone(),
    }
}

fn minutes(time: NaiveTime) -> i32 {
    i32::try_from((time - NaiveTime::MIN).num_minutes()).unwrap_or_default()
}
