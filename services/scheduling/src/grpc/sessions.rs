//! `SessionService`: what can be booked.

use chassis::{Context, error::invalid};
use chrono::{DateTime, NaiveTime, TimeDelta, Utc};
use postgres::{Call, paging::PageRequest};
use prost::Message as _;
use prost_types::Timestamp;
use proto::{
    anjia::{
        common::v1 as common,
        scheduling::v1::{self as wire, session_service_server::SessionService},
    },
    convert::{self, FieldError},
};
use tonic::{Request, Response, Status};
use types::care::CareKind;

use super::{
    convert::{pool, said, to_offer, to_session, to_slot},
    unreadable,
};
use crate::{
    app::{Draft, Published, Scheduling, Search},
    domain::{
        notice::{self, CancelNotice},
        offer::{Query, Rank},
        pool::Pool,
        session::{PoolShare, SessionTerms, Span},
    },
};

const PUBLISH: &str = "anjia.scheduling.v1.SessionService/PublishSessions";
const SESSIONS_MAX: usize = 50;
const CAPABILITIES_MAX: usize = 50;
const RADIUS_DEFAULT_M: u32 = 10_000;
const OFFERS_DEFAULT: usize = 20;
const OFFERS_MAX: i32 = 100;
const SEARCH_DEFAULT: TimeDelta = TimeDelta::days(7);
const SEARCH_MAX: TimeDelta = TimeDelta::days(30);

pub(super) struct Sessions {
    pub(super) scheduling: Scheduling,
    pub(super) search: Search,
}

#[tonic::async_trait]
impl SessionService for Sessions {
    async fn publish_sessions(
        &self,
        request: Request<wire::PublishSessionsRequest>,
    ) -> Result<Response<wire::PublishSessionsResponse>, Status> {
        let ctx = Context::of(&request)?;
        let message = request.into_inner();
        let call =
            Call::new(&ctx.caller, PUBLISH, &message, |value| to_published(value).encode_to_vec()).map_err(invalid)?;
        let drafts = drafts(&message).map_err(invalid)?;
        let reply = self.scheduling.publish(&ctx, &call, drafts).await?;
        Ok(Response::new(reply.into_message(|value| to_published(&value)).map_err(unreadable)?))
    }

    async fn get_session(
        &self,
        request: Request<wire::GetSessionRequest>,
    ) -> Result<Response<wire::GetSessionResponse>, Status> {
        let ctx = Context::of(&request)?;
        let id = convert::id("session_id", &request.get_ref().session_id).map_err(invalid)?;
        let (session, slots) = self.scheduling.session(&ctx, id).await?;
        let slots = slots.into_iter().map(to_slot).collect();
        Ok(Response::new(wire::GetSessionResponse { session: Some(to_session(&session)), slots }))
    }

    async fn search_slots(
        &self,
        request: Request<wire::SearchSlotsRequest>,
    ) -> Result<Response<wire::SearchSlotsResponse>, Status> {
        let ctx = Context::of(&request)?;
        let message = request.into_inner();
        let query = query(&message, self.scheduling.now()).map_err(invalid)?;
        let page = page(message).map_err(invalid)?;
        let found = self.search.find(ctx.caller.region, &query, &page).await?;
        Ok(Response::new(wire::SearchSlotsResponse {
            offers: found.items.into_iter().map(to_offer).collect(),
            next_page_token: found.next_page_token,
        }))
    }
}

fn to_published(published: &Published) -> wire::PublishSessionsResponse {
    wire::PublishSessionsResponse {
        sessions: published.sessions.iter().map(to_session).collect(),
        slots: published.slots.iter().copied().map(to_slot).collect(),
    }
}

fn drafts(message: &wire::PublishSessionsRequest) -> Result<Vec<Draft>, FieldError> {
    if !(1..=SESSIONS_MAX).contains(&message.sessions.len()) {
        return Err(FieldError::new("sessions", format!("must be 1 to {SESSIONS_MAX}")));
    }
    message
        .sessions
        .iter()
        .enumerate()
        .map(|(index, session)| draft(session).map_err(|error| error.within(&format!("sessions[{index}]"))))
        .collect()
}

fn draft(session: &wire::Session) -> Result<Draft, FieldError> {
    Ok(Draft {
        id: convert::optional_id("session_id", &session.session_id)?,
        organisation: convert::id("provider_organisation_id", &session.provider_organisation_id)?,
        department: convert::optional_id("department_id", &session.department_id)?,
        practitioner: convert::optional_id("practitioner_id", &session.practitioner_id)?,
        kinds: kinds(&session.kinds)?,
        starts_at: convert::timestamp("starts_at", session.starts_at.as_ref())?,
        ends_at: convert::timestamp("ends_at", session.ends_at.as_ref())?,
        slot_length_minutes: slot_length(session.slot_length_minutes)?,
        pools: pools(&session.pools)?,
        capabilities: capabilities(&session.capabilities)?,
        terms: terms(session.cancel_notice, &session.expected_lines)?,
    })
}

pub(super) fn slot_length(minutes: i32) -> Result<u16, FieldError> {
    let minutes = u16::try_from(minutes).ok().filter(|minutes| (5..=480).contains(minutes));
    minutes.ok_or_else(|| FieldError::new("slot_length_minutes", "must be 5 to 480"))
}

pub(super) fn kinds(values: &[i32]) -> Result<Vec<CareKind>, FieldError> {
    let mut kinds = values.iter().map(|value| convert::care_kind("kinds", *value)).collect::<Result<Vec<_>, _>>()?;
    kinds.sort_unstable();
    kinds.dedup();
    if kinds.is_empty() { Err(FieldError::new("kinds", "must be at least one")) } else { Ok(kinds) }
}

pub(super) fn pools(shares: &[wire::PoolShare]) -> Result<Vec<PoolShare>, FieldError> {
    let mut pools: Vec<PoolShare> = Vec::with_capacity(shares.len());
    for share in shares {
        let pool = said("pools.pool", pool("pools.pool", share.pool)?)?;
        let places = u16::try_from(share.places)
            .ok()
            .filter(|places| (1..=500).contains(places))
            .ok_or_else(|| FieldError::new("pools.places", "must be 1 to 500"))?;
        if pools.iter().any(|other| other.pool == pool) {
            return Err(FieldError::new("pools", "must name each pool once"));
        }
        pools.push(PoolShare { pool, places });
    }
    if pools.is_empty() { Err(FieldError::new("pools", "must be at least one")) } else { Ok(pools) }
}

pub(super) fn capabilities(prefixes: &[String]) -> Result<Vec<String>, FieldError> {
    if prefixes.len() > CAPABILITIES_MAX {
        return Err(FieldError::new("capabilities", format!("must be at most {CAPABILITIES_MAX}")));
    }
    let prefix = |(index, prefix): (usize, &String)| convert::icd10_prefix(&format!("capabilities[{index}]"), prefix);
    prefixes.iter().enumerate().map(prefix).collect()
}

pub(super) fn terms(
    notice: Option<wire::CancelNotice>,
    lines: &[common::ExpectedLine],
) -> Result<SessionTerms, FieldError> {
    let cancel_notice = notice.map(cancel_notice).transpose()?;
    Ok(SessionTerms { cancel_notice, expected_lines: convert::expected_lines("expected_lines", lines)? })
}

fn cancel_notice(said: wire::CancelNotice) -> Result<CancelNotice, FieldError> {
    use wire::cancel_notice::Notice;
    let within = |field: &str, value: i32, (min, max): (u16, u16)| {
        let number = u16::try_from(value).ok().filter(|number| (min..=max).contains(number));
        number.ok_or_else(|| FieldError::new(field, format!("must be {min} to {max}")))
    };
    match said.notice {
        None => Err(FieldError::new("cancel_notice", "must say minutes_before or previous_working_day")),
        Some(Notice::MinutesBefore(minutes)) => {
            let minutes = within("cancel_notice.minutes_before", minutes, (1, notice::MINUTES_MAX))?;
            Ok(CancelNotice::MinutesBefore(minutes))
        }
        Some(Notice::PreviousWorkingDay(wire::WorkingDayNotice { hour, minute })) => {
            let hour = within("cancel_notice.previous_working_day.hour", hour, (0, 23))?;
            let minute = within("cancel_notice.previous_working_day.minute", minute, (0, 59))?;
            let after_midnight = TimeDelta::hours(hour.into()) + TimeDelta::minutes(minute.into());
            Ok(CancelNotice::PreviousWorkingDay(NaiveTime::MIN + after_midnight))
        }
    }
}

/// How many offers at most.
pub(super) fn limit(said: i32) -> Result<usize, FieldError> {
    match said {
        0 => Ok(OFFERS_DEFAULT),
        1..=OFFERS_MAX => Ok(usize::try_from(said).unwrap_or(OFFERS_DEFAULT)),
        _ => Err(FieldError::new("limit", format!("must be 1 to {OFFERS_MAX}"))),
    }
}

/// From when until when is searched.
pub(super) fn span(
    from: Option<&Timestamp>,
    until: Option<&Timestamp>,
    now: DateTime<Utc>,
) -> Result<Span, FieldError> {
    let from = convert::optional_timestamp("from", from)?.unwrap_or(now);
    let until = convert::optional_timestamp("until", until)?.unwrap_or(from + SEARCH_DEFAULT);
    if until < from || until > from + SEARCH_MAX {
        return Err(FieldError::new("until", "must not be before from, and at most 30 days after it"));
    }
    Ok((from, until))
}

fn query(message: &wire::SearchSlotsRequest, now: DateTime<Utc>) -> Result<Query, FieldError> {
    let radius_m = match u32::try_from(message.radius_m) {
        Ok(0) => RADIUS_DEFAULT_M,
        Ok(radius_m) if (100..=100_000).contains(&radius_m) => radius_m,
        _ => return Err(FieldError::new("radius_m", "must be 100 to 100000")),
    };
    let (from, until) = span(message.from.as_ref(), message.until.as_ref(), now)?;
    let capability = Some(message.capability.as_str()).filter(|code| !code.is_empty());
    Ok(Query {
        near: convert::place("near", message.near.as_ref())?,
        radius_m,
        kind: convert::care_kind("kind", message.kind)?,
        tier: convert::optional_tier("tier", message.tier)?,
        organisation: convert::optional_id("provider_organisation_id", &message.provider_organisation_id)?,
        department: convert::optional_id("department_id", &message.department_id)?,
        practitioner: convert::optional_id("practitioner_id", &message.practitioner_id)?,
        pool: pool("pool", message.pool)?.unwrap_or(Pool::Public),
        from,
        until,
        capability: capability.map(|code| convert::icd10_prefix("capability", code)).transpose()?,
    })
}

fn page(message: wire::SearchSlotsRequest) -> Result<PageRequest<Rank>, FieldError> {
    let size = i32::try_from(limit(message.limit)?).unwrap_or(OFFERS_MAX);
    let token = message.page_token.clone();
    let query = wire::SearchSlotsRequest { limit: 0, page_token: String::new(), ..message }.encode_to_vec();
    PageRequest::parse(size, &token, &query)
}
