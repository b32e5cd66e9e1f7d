//! The feed of a service's events: stored events in the words of the contracts, and back.
//!
//! Every package declares an `EventService` of its own with `EventCursor` and `EventBatch` inside; what is inside is the same.

mod source;

use std::time::Duration;

use postgres::{
    Database,
    consumer::{Asked, Pulled},
    events::{self, Batch, Event, Selection},
};
use proto::{
    anjia::common::v1 as wire,
    convert::{self, FieldError},
};
use serde_json::{Map, Value};
use tonic::{Code, Status};
use types::caller::Caller;
use types::ids::{OrganisationId, ResidentId};

pub use self::source::{identity_events, source};
use crate::{Context, Guarded, access::OUTSIDE_SCOPE, error};

const MAX_DEFAULT: u32 = 100;
const CONSUMER_LENGTH_MAX: usize = 64;
const TYPES_MAX: usize = 32;
const TYPE_LENGTH_MAX: usize = 100;
/// The version of the specification.
const SPECVERSION: &str = "1.0";
/// What `data` is.
const DATA_CONTENT_TYPE: &str = "application/json";

/// Answers `PullEvents`: to our own services the events of all regions, to everybody else those of their own region, of the types they are
/// registered for. `source` is `anjia/<service>`. Its entry in `access.toml` says `long_poll = true`: then a drain ends it.
pub async fn pull(
    db: &Database,
    ctx: &Context,
    source: &str,
    cursor: Option<&wire::EventCursor>,
) -> Result<wire::EventBatch, Status> {
    let cursor = convert::required("cursor", cursor).map_err(error::invalid)?;
    let (after, max, wait) = parse(cursor).map_err(error::invalid)?;
    let consumer = consumer(&ctx.caller, &cursor.consumer).map_err(error::invalid)?;
    let types = types(&cursor.types).map_err(error::invalid)?;
    let selection = selection(&ctx.caller, ctx.events(), types).ok_or_else(|| {
        let text = "the client is registered for none of these events";
        error::status(error::DOMAIN, Code::PermissionDenied, "EVENTS_NOT_IN_SCOPE", text)
    })?;
    // What it asks for comes after what it has dealt with: to pull is to confirm.
    events::confirm(db, &consumer, after).await.map_err(|cause| error::storage(&cause))?;
    // Never beyond the caller's deadline: an answer without events beats none.
    let wait = wait.min(ctx.remaining().saturating_sub(Duration::from_millis(200)));
    let batch = events::pull_of(db, &selection, after, max, wait).await.map_err(|cause| error::storage(&cause))?;
    Ok(answer(batch, source))
}

/// Answers `PullOwnEvents`: what was told of the caller's own organisation, as the provider that the data names. Nobody's progress is kept by
/// it: events are kept for their time, and a desk that comes later looks at its lists.
pub async fn pull_own(
    db: &Database,
    ctx: &Context,
    source: &str,
    cursor: Option<&wire::EventCursor>,
) -> Result<wire::EventBatch, Status> {
    let cursor = convert::required("cursor", cursor).map_err(error::invalid)?;
    let (after, max, wait) = parse(cursor).map_err(error::invalid)?;
    if !cursor.consumer.is_empty() {
        return Err(error::invalid(FieldError::new("cursor.consumer", "must be empty")));
    }
    let types = types(&cursor.types).map_err(error::invalid)?;
    let Some(own) = ctx.caller.organisation else {
        let text = "the caller belongs to no organisation";
        return Err(error::status(error::DOMAIN, Code::PermissionDenied, OUTSIDE_SCOPE, text));
    };
    ctx.permit(Own(own))?;
    let selection = Selection {
        region: Some(ctx.caller.region),
        kinds: (!types.is_empty()).then(|| types.to_vec()),
        provider: Some(own),
    };
    events::check(db, after).await.map_err(|cause| error::storage(&cause))?;
    let wait = wait.min(ctx.remaining().saturating_sub(Duration::from_millis(200)));
    let batch = events::pull_of(db, &selection, after, max, wait).await.map_err(|cause| error::storage(&cause))?;
    Ok(answer(batch, source))
}

fn answer(batch: Batch, source: &str) -> wire::EventBatch {
    wire::EventBatch {
        events: batch.events.into_iter().map(|event| to_wire(event, source)).collect(),
        head_position: batch.head_position,
        position: batch.position,
    }
}

/// Whose events a desk asks for.
struct Own(OrganisationId);

impl Guarded for Own {
    fn resident(&self) -> Option<ResidentId> {
        None
    }

    fn organisations(&self) -> Vec<OrganisationId> {
        vec![self.0]
    }
}

/// The cursor of one of our own consumers, named as its [`source`].
fn cursor(name: &str, asked: Asked) -> wire::EventCursor {
    wire::EventCursor {
        after_position: asked.after,
        max_events: i32::try_from(asked.max).unwrap_or(i32::MAX),
        wait_ms: i32::try_from(asked.wait.as_millis()).unwrap_or(i32::MAX),
        consumer: name.split_once('/').map(|(_, purpose)| purpose.to_owned()).unwrap_or_default(),
        types: asked.kinds.iter().map(|kind| (*kind).to_owned()).collect(),
    }
}

/// By which name the caller's progress is kept. Only our own services have several; anybody else registers another client.
fn consumer(caller: &Caller, purpose: &str) -> Result<String, FieldError> {
    let wrong = |text: &str| FieldError::new("cursor.consumer", text);
    let acting = caller.acting();
    if purpose.is_empty() {
        return Ok(acting.to_string());
    }
    if caller.service().is_none() {
        return Err(wrong("must be empty: a client is one consumer"));
    }
    let is_name = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    if purpose.len() > CONSUMER_LENGTH_MAX || !purpose.bytes().all(is_name) {
        return Err(wrong("must be up to 64 lower-case letters, digits and hyphens"));
    }
    Ok(format!("{acting}/{purpose}"))
}

/// Of which types the caller asks.
fn types(asked: &[String]) -> Result<&[String], FieldError> {
    let is_long = |kind: &String| kind.is_empty() || kind.len() > TYPE_LENGTH_MAX;
    if asked.len() > TYPES_MAX || asked.iter().any(is_long) {
        return Err(FieldError::new("cursor.types", "must be up to 32, each of 1 to 100 characters"));
    }
    Ok(asked)
}

/// What the caller is told of: what they may hear and ask for. `None` if nothing.
fn selection(caller: &Caller, registered: &[String], asked: &[String]) -> Option<Selection> {
    if caller.service().is_some() {
        return Some(Selection { kinds: (!asked.is_empty()).then(|| asked.to_vec()), ..Selection::default() });
    }
    let kinds = if asked.is_empty() { registered.to_vec() } else { in_both(registered, asked) };
    let is_told = !kinds.is_empty();
    is_told.then_some(Selection { region: Some(caller.region), kinds: Some(kinds), provider: None })
}

/// Types, or what they begin with up to a full stop, that are in both lists.
fn in_both(one: &[String], other: &[String]) -> Vec<String> {
    let covers = |wide: &String, narrow: &String| wide == narrow || wide.ends_with('.') && narrow.starts_with(wide);
    let within = |list: &[String], in_which: &[String]| -> Vec<String> {
        list.iter().filter(|narrow| in_which.iter().any(|wide| covers(wide, narrow))).cloned().collect()
    };
    let mut both = within(one, other);
    both.extend(within(other, one));
    both.sort_unstable();
    both.dedup();
    both
}

fn parse(cursor: &wire::EventCursor) -> Result<(i64, u32, Duration), FieldError> {
    let wrong = |field: &str, text: &str| FieldError::new(format!("cursor.{field}"), text);
    if cursor.after_position < 0 {
        return Err(wrong("after_position", "must not be negative"));
    }
    let max = match u32::try_from(cursor.max_events) {
        Ok(0) => MAX_DEFAULT,
        Ok(max) if max <= events::BATCH_MAX => max,
        _ => return Err(wrong("max_events", "must be 0 to 500")),
    };
    let wait = u64::try_from(cursor.wait_ms).map(Duration::from_millis);
    match wait {
        Ok(wait) if wait <= events::WAIT_MAX => Ok((cursor.after_position, max, wait)),
        _ => Err(wrong("wait_ms", "must be 0 to 20000")),
    }
}

/// One event on the wire.
pub fn to_wire(event: Event, source: &str) -> wire::Event {
    let data = match event.data {
        Value::Object(fields) => Some(to_struct(fields)),
        _ => None,
    };
    wire::Event {
        id: event.id.to_string(),
        source: source.to_owned(),
        r#type: event.kind,
        subject: event.subject,
        time: Some(convert::to_timestamp(event.occurred_at)),
        position: event.position,
        region_code: event.region.to_string(),
        traceparent: event.traceparent.unwrap_or_default(),
        data,
        specversion: SPECVERSION.to_owned(),
        datacontenttype: DATA_CONTENT_TYPE.to_owned(),
    }
}

/// What a consumer pulled, as its inbox takes it.
fn from_wire(batch: wire::EventBatch) -> Result<Pulled, FieldError> {
    let events = batch.events.into_iter().map(event).collect::<Result<_, _>>()?;
    Ok(Pulled { events, position: batch.position })
}

fn event(event: wire::Event) -> Result<Event, FieldError> {
    Ok(Event {
        id: convert::id("id", &event.id)?,
        position: event.position,
        region: convert::region("region_code", &event.region_code)?,
        kind: event.r#type,
        subject: event.subject,
        data: Value::Object(event.data.map(from_struct).unwrap_or_default()),
        traceparent: Some(event.traceparent).filter(|traceparent| !traceparent.is_empty()),
        occurred_at: convert::timestamp("time", event.time.as_ref())?,
    })
}

fn to_struct(fields: Map<String, Value>) -> prost_types::Struct {
    prost_types::Struct { fields: fields.into_iter().map(|(name, value)| (name, to_value(value))).collect() }
}

fn to_value(value: Value) -> prost_types::Value {
    use prost_types::value::Kind;
    let kind = match value {
        Value::Null => Kind::NullValue(0),
        Value::Bool(value) => Kind::BoolValue(value),
        Value::Number(number) => Kind::NumberValue(number.as_f64().unwrap_or_default()),
        Value::String(text) => Kind::StringValue(text),
        Value::Array(values) => {
            Kind::ListValue(prost_types::ListValue { values: values.into_iter().map(to_value).collect() })
        }
        Value::Object(fields) => Kind::StructValue(to_struct(fields)),
    };
    prost_types::Value { kind: Some(kind) }
}

fn from_struct(data: prost_types::Struct) -> Map<String, Value> {
    data.fields.into_iter().map(|(name, value)| (name, from_value(value))).collect()
}

fn from_value(value: prost_types::Value) -> Value {
    use prost_types::value::Kind;
    match value.kind {
        None | Some(Kind::NullValue(_)) => Value::Null,
        Some(Kind::BoolValue(value)) => Value::Bool(value),
        Some(Kind::NumberValue(number)) => serde_json::Number::from_f64(number).map_or(Value::Null, Value::Number),
        Some(Kind::StringValue(text)) => Value::String(text),
        Some(Kind::ListValue(list)) => Value::Array(list.values.into_iter().map(from_value).collect()),
        Some(Kind::StructValue(fields)) => Value::Object(from_struct(fields)),
    }
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use serde_json::json;
    use types::{caller::Party, ids::EventId, region::RegionCode};

    use super::*;

    #[test]
    fn an_event_comes_back_as_it_was_told() {
        let event = Event {
            id: EventId::generate(),
            position: 7,
            region: RegionCode::BEIJING,
            kind: "anjia.identity.coverage.changed.v1".to_owned(),
            subject: "s".to_owned(),
            data: json!({"resident_id": "r", "from": "2026-01-01", "ids": ["a", "b"], "first": true, "none": null}),
            traceparent: None,
            occurred_at: DateTime::UNIX_EPOCH,
        };
        let batch =
            wire::EventBatch { events: vec![to_wire(event.clone(), "anjia/identity")], head_position: 7, position: 7 };
        assert_eq!(batch.events[0].source, "anjia/identity");
        assert_eq!(from_wire(batch), Ok(Pulled { events: vec![event], position: 7 }));
    }

    #[test]
    fn a_cursor_out_of_bounds_is_refused_by_name() {
        let field = |after_position, max_events, wait_ms| {
            let cursor = wire::EventCursor { after_position, max_events, wait_ms, ..Default::default() };
            parse(&cursor).map(|(_, max, _)| max).map_err(|error| error.field)
        };
        assert_eq!(field(0, 0, 0), Ok(100));
        assert_eq!(field(-1, 0, 0), Err("cursor.after_position".to_owned()));
        assert_eq!(field(0, 501, 0), Err("cursor.max_events".to_owned()));
        assert_eq!(field(0, 1, 20_001), Err("cursor.wait_ms".to_owned()));
    }

    fn caller(party: Party) -> Caller {
        Caller::new(party, RegionCode::BEIJING)
    }

    #[test]
    fn pl_04_a_service_has_consumers_by_purpose_and_a_client_is_one() {
        let (service, app) = (caller(Party::Service("payment".to_owned())), caller(Party::Client("app".to_owned())));
        let asked = Asked { after: 0, max: 1, wait: Duration::ZERO, kinds: &[] };
        let named = |caller, name| consumer(caller, &cursor(name, asked).consumer);
        assert_eq!(named(&service, "identity"), Ok("service:payment".to_owned()));
        assert_eq!(named(&service, "identity/erasures"), Ok("service:payment/erasures".to_owned()));
        assert_eq!(consumer(&app, ""), Ok("client:app".to_owned()));
        for (caller, purpose) in [(&app, "second"), (&service, "Second"), (&service, &*"x".repeat(65))] {
            assert_eq!(consumer(caller, purpose).map_err(|error| error.field), Err("cursor.consumer".to_owned()));
        }
    }

    #[test]
    fn pl_04_a_client_is_told_of_its_own_region_and_types_and_a_service_of_all() {
        let (service, app) = (caller(Party::Service("payment".to_owned())), caller(Party::Client("app".to_owned())));
        let kinds = vec!["anjia.referral.".to_owned()];
        assert_eq!(selection(&service, &[], &[]), Some(Selection::default()));
        assert_eq!(
            selection(&service, &[], &kinds),
            Some(Selection { region: None, kinds: Some(kinds.clone()), provider: None })
        );
        assert_eq!(selection(&app, &[], &[]), None);
        let of_app = |kinds| Some(Selection { region: Some(RegionCode::BEIJING), kinds: Some(kinds), provider: None });
        assert_eq!(selection(&app, &kinds, &[]), of_app(kinds.clone()));
        let one = vec!["anjia.referral.referral.changed.v1".to_owned()];
        let asked = [one[0].clone(), "anjia.payment.".to_owned()];
        assert_eq!(selection(&app, &kinds, &asked), of_app(one.clone()), "no more than it is registered for");
        assert_eq!(selection(&app, &one, &["anjia.".to_owned()]), of_app(one.clone()));
        assert_eq!(selection(&app, &kinds, &asked[1..]), None);
    }

    #[test]
    fn types_without_end_are_refused_by_name() {
        let field = |asked: &[String]| types(asked).map(<[_]>::len).map_err(|error| error.field);
        assert_eq!(field(&vec!["anjia.".to_owned(); 32]), Ok(32));
        for wrong in [vec!["anjia.".to_owned(); 33], vec![String::new()], vec!["a".repeat(101)]] {
            assert_eq!(field(&wrong), Err("cursor.types".to_owned()));
        }
    }
}
