//! `CalendarService`: who works when, and what becomes of those who had a place.

use chassis::{Context, Permitted, error::invalid};
use chrono::NaiveTime;
use postgres::Call;
use prost::Message as _;
use proto::{
    anjia::scheduling::v1::{self as wire, calendar_service_server::CalendarService},
    convert::{self, FieldError, to_date},
};
use tonic::{Request, Response, Status};
use types::{
    ids::{ExceptionId, ResourceId, TemplateId},
    place::Place,
    tier::Tier,
};

use super::{
    convert::{pool, resource_kind, said, to_appointment, to_pool, to_resource_kind, to_session, to_slot},
    sessions::{capabilities, kinds, pools, slot_length},
    unreadable,
};
use crate::{
    app::{Affected, ChangedSession, Declared, Generated, LadderWish, Outcome, Scheduling, SessionChange},
    domain::{
        calendar::{Resource, Scope, Template},
        ladder::{Ladder, Step},
        session::{PoolShare, Session},
    },
};

const REGISTER_RESOURCE: &str = "anjia.scheduling.v1.CalendarService/RegisterResource";
const CREATE_TEMPLATE: &str = "anjia.scheduling.v1.CalendarService/CreateTemplate";
const DECLARE_EXCEPTION: &str = "anjia.scheduling.v1.CalendarService/DeclareException";
const GENERATE: &str = "anjia.scheduling.v1.CalendarService/GenerateSessions";
const CHANGE: &str = "anjia.scheduling.v1.CalendarService/ChangeSession";
const WITHDRAW: &str = "anjia.scheduling.v1.CalendarService/WithdrawSession";
const SET_LADDER: &str = "anjia.scheduling.v1.CalendarService/SetReleaseLadder";
const NAME_LENGTH_MAX: usize = 60;
const REASON_LENGTH_MAX: usize = 200;
const RESOURCES_MAX: usize = 10;
const SECONDS_A_MINUTE: u32 = 60;

pub(super) struct Calendar(pub(super) Scheduling);

#[tonic::async_trait]
impl CalendarService for Calendar {
    async fn register_resource(
        &self,
        request: Request<wire::RegisterResourceRequest>,
    ) -> Result<Response<wire::RegisterResourceResponse>, Status> {
        let ctx = Context::of(&request)?;
        let message = request.into_inner();
        let call = Call::new(&ctx.caller, REGISTER_RESOURCE, &message, |value| to_registered(value).encode_to_vec())
            .map_err(invalid)?;
        let reply = self.0.register_resource(&ctx, &call, resource(&message).map_err(invalid)?).await?;
        Ok(Response::new(reply.into_message(|value| to_registered(&value)).map_err(unreadable)?))
    }

    async fn create_template(
        &self,
        request: Request<wire::CreateTemplateRequest>,
    ) -> Result<Response<wire::CreateTemplateResponse>, Status> {
        let ctx = Context::of(&request)?;
        let message = request.into_inner();
        let call = Call::new(&ctx.caller, CREATE_TEMPLATE, &message, |value| to_created(value).encode_to_vec())
            .map_err(invalid)?;
        let reply = self.0.create_template(&ctx, &call, template(&message).map_err(invalid)?).await?;
        Ok(Response::new(reply.into_message(|value| to_created(&value)).map_err(unreadable)?))
    }

    async fn declare_exception(
        &self,
        request: Request<wire::DeclareExceptionRequest>,
    ) -> Result<Response<wire::DeclareExceptionResponse>, Status> {
        let ctx = Context::of(&request)?;
        let message = request.into_inner();
        let call = Call::new(&ctx.caller, DECLARE_EXCEPTION, &message, |value| to_declared(value).encode_to_vec())
            .map_err(invalid)?;
        let reply = self.0.declare_exception(&ctx, &call, declared(&message).map_err(invalid)?).await?;
        Ok(Response::new(reply.into_message(|value| to_declared(&value)).map_err(unreadable)?))
    }

    async fn generate_sessions(
        &self,
        request: Request<wire::GenerateSessionsRequest>,
    ) -> Result<Response<wire::GenerateSessionsResponse>, Status> {
        let ctx = Context::of(&request)?;
        let message = request.into_inner();
        let call =
            Call::new(&ctx.caller, GENERATE, &message, |value| to_generated(value).encode_to_vec()).map_err(invalid)?;
        let organisation = convert::id("provider_organisation_id", &message.provider_organisation_id);
        let until = convert::date("until", message.until.as_ref()).map_err(invalid)?;
        let reply = self.0.generate_sessions(&ctx, &call, (organisation.map_err(invalid)?, until)).await?;
        Ok(Response::new(reply.into_message(|value| to_generated(&value)).map_err(unreadable)?))
    }

    async fn change_session(
        &self,
        request: Request<wire::ChangeSessionRequest>,
    ) -> Result<Response<wire::ChangeSessionResponse>, Status> {
        let ctx = Context::of(&request)?;
        let message = request.into_inner();
        let call =
            Call::new(&ctx.caller, CHANGE, &message, |value| to_changed(value).encode_to_vec()).map_err(invalid)?;
        let reply = self.0.change_session(&ctx, &call, change(&message).map_err(invalid)?).await?;
        Ok(Response::new(reply.into_message(|value| to_changed(&value)).map_err(unreadable)?))
    }

    async fn withdraw_session(
        &self,
        request: Request<wire::WithdrawSessionRequest>,
    ) -> Result<Response<wire::WithdrawSessionResponse>, Status> {
        let ctx = Context::of(&request)?;
        let message = request.into_inner();
        let call =
            Call::new(&ctx.caller, WITHDRAW, &message, |value| to_withdrawn(value).encode_to_vec()).map_err(invalid)?;
        let id = convert::id("session_id", &message.session_id).map_err(invalid)?;
        let reason = convert::text("reason", &message.reason, REASON_LENGTH_MAX).map_err(invalid)?;
        let reply = self.0.withdraw_session(&ctx, &call, (id, reason)).await?;
        Ok(Response::new(reply.into_message(|value| to_withdrawn(&value)).map_err(unreadable)?))
    }

    async fn set_release_ladder(
        &self,
        request: Request<wire::SetReleaseLadderRequest>,
    ) -> Result<Response<wire::SetReleaseLadderResponse>, Status> {
        let ctx = Context::of(&request)?;
        let message = request.into_inner();
        let call =
            Call::new(&ctx.caller, SET_LADDER, &message, |value| to_set(value).encode_to_vec()).map_err(invalid)?;
        let reply = self.0.set_ladder(&ctx, &call, ladder(&message).map_err(invalid)?).await?;
        Ok(Response::new(reply.into_message(|value| to_set(&value)).map_err(unreadable)?))
    }
}

fn resource(message: &wire::RegisterResourceRequest) -> Result<Resource, FieldError> {
    let resource = convert::required("resource", message.resource.as_ref())?;
    let parse = || {
        Ok(Resource {
            id: convert::optional_id("resource_id", &resource.resource_id)?.unwrap_or_else(ResourceId::generate),
            organisation: convert::id("provider_organisation_id", &resource.provider_organisation_id)?,
            kind: said("kind", resource_kind("kind", resource.kind)?)?,
            name: convert::text("name", &resource.name, NAME_LENGTH_MAX)?,
        })
    };
    parse().map_err(|error: FieldError| error.within("resource"))
}

fn template(message: &wire::CreateTemplateRequest) -> Result<Template, FieldError> {
    let template = convert::required("template", message.template.as_ref())?;
    described(template).map_err(|error| error.within("template"))
}

fn described(template: &wire::SessionTemplate) -> Result<Template, FieldError> {
    let weekday = u8::try_from(template.weekday)
        .ok()
        .filter(|weekday| (1..=7).contains(weekday))
        .ok_or_else(|| FieldError::new("weekday", "must be 1 (Monday) to 7"))?;
    if template.resource_ids.len() > RESOURCES_MAX {
        return Err(FieldError::new("resource_ids", format!("must be at most {RESOURCES_MAX}")));
    }
    let mut resources: Vec<ResourceId> =
        template.resource_ids.iter().map(|id| convert::id("resource_ids", id)).collect::<Result<_, _>>()?;
    resources.sort_unstable();
    resources.dedup();
    Ok(Template {
        id: TemplateId::generate(),
        organisation: convert::id("provider_organisation_id", &template.provider_organisation_id)?,
        // Identity says these.
        tier: Tier::Community,
        place: Place { latitude: 0.0, longitude: 0.0 },
        department: convert::optional_id("department_id", &template.department_id)?,
        practitioner: convert::optional_id("practitioner_id", &template.practitioner_id)?,
        resources,
        weekday,
        starts_at: time("from_minute", template.from_minute)?,
        ends_at: time("until_minute", template.until_minute)?,
        kinds: kinds(&template.kinds)?,
        slot_length_minutes: slot_length(template.slot_length_minutes)?,
        pools: pools(&template.pools)?,
        capabilities: capabilities(&template.capabilities)?,
        valid_from: convert::date("valid_from", template.valid_from.as_ref())?,
        valid_until: convert::optional_date("valid_until", template.valid_until.as_ref())?,
    })
}

/// A time of the day from minutes after midnight.
fn time(field: &str, minutes: i32) -> Result<NaiveTime, FieldError> {
    let seconds = u32::try_from(minutes).ok().and_then(|minutes| minutes.checked_mul(SECONDS_A_MINUTE));
    let time = seconds.and_then(|seconds| NaiveTime::from_num_seconds_from_midnight_opt(seconds, 0));
    time.ok_or_else(|| FieldError::new(field, "must be 0 to 1439"))
}

fn minutes(time: NaiveTime) -> i32 {
    i32::try_from((time - NaiveTime::MIN).num_minutes()).unwrap_or_default()
}

fn declared(message: &wire::DeclareExceptionRequest) -> Result<Declared, FieldError> {
    use wire::ExceptionScope as S;
    let subject = &message.subject_id;
    let about = match S::try_from(message.scope) {
        Ok(S::Template) => Scope::Template(convert::id("subject_id", subject)?),
        Ok(S::Practitioner) => Scope::Practitioner(convert::id("subject_id", subject)?),
        Ok(S::Organisation) => Scope::Organisation(convert::id("subject_id", subject)?),
        Ok(S::Region) if subject.is_empty() => Scope::Region,
        Ok(S::Region) => return Err(FieldError::new("subject_id", "must be empty for the region")),
        Ok(S::Unspecified) => return Err(FieldError::new("scope", "is required")),
        Err(_) => return Err(FieldError::new("scope", "is not a value of this enumeration")),
    };
    Ok(Declared {
        about,
        since: convert::timestamp("since", message.since.as_ref())?,
        until: convert::timestamp("until", message.until.as_ref())?,
        reason: convert::text("reason", &message.reason, REASON_LENGTH_MAX)?,
    })
}

fn change(message: &wire::ChangeSessionRequest) -> Result<SessionChange, FieldError> {
    Ok(SessionChange {
        session: convert::id("session_id", &message.session_id)?,
        practitioner: convert::optional_id("practitioner_id", &message.practitioner_id)?,
        starts_at: convert::timestamp("starts_at", message.starts_at.as_ref())?,
        ends_at: convert::timestamp("ends_at", message.ends_at.as_ref())?,
        slot_length_minutes: slot_length(message.slot_length_minutes)?,
        kinds: kinds(&message.kinds)?,
        pools: pools(&message.pools)?,
        reason: convert::text("reason", &message.reason, REASON_LENGTH_MAX)?,
    })
}

fn ladder(message: &wire::SetReleaseLadderRequest) -> Result<LadderWish, FieldError> {
    let number =
        |field: &str, value: i32| u32::try_from(value).map_err(|_| FieldError::new(field, "must not be negative"));
    let step = |step: &wire::ReleaseStep| {
        Ok(Step {
            pool: said("steps.pool", pool("steps.pool", step.pool)?)?,
            hours_before: number("steps.hours_before", step.hours_before)?,
            keep_percent: number("steps.keep_percent", step.keep_percent)?,
        })
    };
    Ok(LadderWish {
        organisation: convert::id("provider_organisation_id", &message.provider_organisation_id)?,
        department: convert::optional_id("department_id", &message.department_id)?,
        steps: message.steps.iter().map(step).collect::<Result<_, FieldError>>()?,
    })
}

fn to_registered(resource: &Permitted<Resource>) -> wire::RegisterResourceResponse {
    let resource = wire::Resource {
        resource_id: resource.id.to_string(),
        provider_organisation_id: resource.organisation.to_string(),
        kind: to_resource_kind(resource.kind),
        name: resource.name.clone(),
    };
    wire::RegisterResourceResponse { resource: Some(resource) }
}

fn to_created(template: &Permitted<Template>) -> wire::CreateTemplateResponse {
    let share = |share: &PoolShare| wire::PoolShare { pool: to_pool(share.pool), places: share.places.into() };
    let template = wire::SessionTemplate {
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
        valid_from: Some(to_date(template.valid_from)),
        valid_until: template.valid_until.map(to_date),
    };
    wire::CreateTemplateResponse { template: Some(template) }
}

fn to_declared(id: &ExceptionId) -> wire::DeclareExceptionResponse {
    wire::DeclareExceptionResponse { exception_id: id.to_string() }
}

fn to_generated(generated: &Generated<Permitted<Session>>) -> wire::GenerateSessionsResponse {
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

fn to_changed(changed: &ChangedSession) -> wire::ChangeSessionResponse {
    wire::ChangeSessionResponse {
        session: Some(to_session(&changed.session)),
        slots: changed.slots.iter().copied().map(to_slot).collect(),
        affected: to_affected(&changed.affected),
    }
}

fn to_withdrawn(affected: &Affected) -> wire::WithdrawSessionResponse {
    wire::WithdrawSessionResponse { affected: to_affected(affected) }
}

fn to_set(ladder: &Permitted<Ladder>) -> wire::SetReleaseLadderResponse {
    let step = |step: &Step| wire::ReleaseStep {
        pool: to_pool(step.pool),
        hours_before: i32::try_from(step.hours_before).unwrap_or(i32::MAX),
        keep_percent: i32::try_from(step.keep_percent).unwrap_or(i32::MAX),
    };
    wire::SetReleaseLadderResponse { steps: ladder.steps.iter().map(step).collect() }
}
