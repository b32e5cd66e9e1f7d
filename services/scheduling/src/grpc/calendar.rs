//! `CalendarService`: who works when, and what becomes of those who had a place.

mod told;

use chassis::{Context, error::invalid};
use chrono::NaiveTime;
use postgres::{Call, paging};
use prost::Message as _;
use proto::{
    anjia::{
        common::v1::PageRequest,
        scheduling::v1::{self as wire, calendar_service_server::CalendarService},
    },
    convert::{self, FieldError},
};
use serde::{Serialize, de::DeserializeOwned};
use tonic::{Request, Response, Status};
use types::{
    ids::{OrganisationId, ResourceId, TemplateId},
    place::Place,
    tier::Tier,
};

use self::told::{
    to_changed, to_created, to_declared, to_exception, to_generated, to_ladder, to_registered, to_set, to_template,
    to_withdrawn,
};
use super::{
    convert::{pool, resource_kind, said},
    sessions::{capabilities, kinds, pools, slot_length, terms},
    unreadable,
};
use crate::{
    app::{Declared, LadderWish, Scheduling, SessionChange},
    domain::{
        calendar::{Resource, Scope, Template},
        ladder::Step,
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

    async fn get_template(
        &self,
        request: Request<wire::GetTemplateRequest>,
    ) -> Result<Response<wire::GetTemplateResponse>, Status> {
        let ctx = Context::of(&request)?;
        let id = convert::id("template_id", &request.get_ref().template_id).map_err(invalid)?;
        let template = self.0.template(&ctx, id).await?;
        Ok(Response::new(wire::GetTemplateResponse { template: Some(to_template(&template)) }))
    }

    async fn list_templates(
        &self,
        request: Request<wire::ListTemplatesRequest>,
    ) -> Result<Response<wire::ListTemplatesResponse>, Status> {
        let ctx = Context::of(&request)?;
        let message = request.into_inner();
        let organisation = whose(&message.provider_organisation_id).map_err(invalid)?;
        let page = page(message.page.as_ref(), &wire::ListTemplatesRequest { page: None, ..message.clone() })
            .map_err(invalid)?;
        let listed = self.0.templates(&ctx, organisation, &page).await?;
        let templates = listed.items.iter().map(to_template).collect();
        Ok(Response::new(wire::ListTemplatesResponse { templates, next_page_token: listed.next_page_token }))
    }

    async fn get_exception(
        &self,
        request: Request<wire::GetExceptionRequest>,
    ) -> Result<Response<wire::GetExceptionResponse>, Status> {
        let ctx = Context::of(&request)?;
        let id = convert::id("exception_id", &request.get_ref().exception_id).map_err(invalid)?;
        let exception = self.0.exception(&ctx, id).await?;
        Ok(Response::new(wire::GetExceptionResponse { exception: Some(to_exception(&exception)) }))
    }

    async fn list_exceptions(
        &self,
        request: Request<wire::ListExceptionsRequest>,
    ) -> Result<Response<wire::ListExceptionsResponse>, Status> {
        let ctx = Context::of(&request)?;
        let message = request.into_inner();
        let organisation = whose(&message.provider_organisation_id).map_err(invalid)?;
        let from = convert::optional_timestamp("from", message.from.as_ref()).map_err(invalid)?;
        let until = convert::optional_timestamp("until", message.until.as_ref()).map_err(invalid)?;
        let page = page(message.page.as_ref(), &wire::ListExceptionsRequest { page: None, ..message.clone() })
            .map_err(invalid)?;
        let listed = self.0.exceptions(&ctx, organisation, (from, until), &page).await?;
        let exceptions = listed.items.iter().map(to_exception).collect();
        Ok(Response::new(wire::ListExceptionsResponse { exceptions, next_page_token: listed.next_page_token }))
    }

    async fn get_release_ladder(
        &self,
        request: Request<wire::GetReleaseLadderRequest>,
    ) -> Result<Response<wire::GetReleaseLadderResponse>, Status> {
        let ctx = Context::of(&request)?;
        let message = request.into_inner();
        let organisation = whose(&message.provider_organisation_id).map_err(invalid)?;
        let department = convert::optional_id("department_id", &message.department_id).map_err(invalid)?;
        let ladder = self.0.ladder(&ctx, organisation, department).await?;
        Ok(Response::new(wire::GetReleaseLadderResponse { ladder: Some(to_ladder(&ladder)) }))
    }

    async fn list_release_ladders(
        &self,
        request: Request<wire::ListReleaseLaddersRequest>,
    ) -> Result<Response<wire::ListReleaseLaddersResponse>, Status> {
        let ctx = Context::of(&request)?;
        let message = request.into_inner();
        let organisation = whose(&message.provider_organisation_id).map_err(invalid)?;
        let page = page(message.page.as_ref(), &wire::ListReleaseLaddersRequest { page: None, ..message.clone() })
            .map_err(invalid)?;
        let listed = self.0.ladders(&ctx, organisation, &page).await?;
        let ladders = listed.items.iter().map(to_ladder).collect();
        Ok(Response::new(wire::ListReleaseLaddersResponse { ladders, next_page_token: listed.next_page_token }))
    }
}

fn whose(id: &str) -> Result<OrganisationId, FieldError> {
    convert::id("provider_organisation_id", id)
}

/// `query` is the request without its page.
fn page<K: Serialize + DeserializeOwned>(
    page: Option<&PageRequest>,
    query: &impl prost::Message,
) -> Result<paging::PageRequest<K>, FieldError> {
    let PageRequest { page_size, page_token } = page.cloned().unwrap_or_default();
    paging::PageRequest::parse(page_size, &page_token, &query.encode_to_vec()).map_err(|error| error.within("page"))
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
        terms: terms(template.cancel_notice, &template.expected_lines)?,
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
