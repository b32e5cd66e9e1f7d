//! Coming and going: check-in and end of a visit or stay, as the provider reports them.

use anyhow::{Context, Result};
use chrono::{DateTime, Utc};
use devstack::callers::RESIDENT;
use proto::anjia::common::v1::{CareKind, Credential, IdentifierKind};
use proto::anjia::scheduling::v1::{CheckInRequest, EndVisitRequest, IdentityProof, Present, Visit, VisitOutcome};
use proto::convert::to_timestamp;
use types::clock::{Clock, SystemClock};

use super::calendar::{Calendar, Span};
use super::callers::{Caller, Stage, request_id};
use super::cast;

/// A visit without an appointment, reported after it was over.
pub(crate) async fn earlier(
    stage: &Stage,
    provider: &Caller,
    kind: CareKind,
    when: Span,
    outcome: VisitOutcome,
) -> Result<Visit> {
    let request = CheckInRequest {
        resident_id: RESIDENT.to_string(),
        kind: kind.into(),
        provider_organisation_id: provider.client.organisation_id.clone().unwrap_or_default(),
        ..arrival(when.from)?
    };
    let visit = check_in(stage, provider, request).await?;
    end(stage, provider, &visit, when.until, outcome).await
}

/// Keeps an appointment, now.
pub(crate) async fn keep(stage: &Stage, provider: &Caller, appointment_id: &str) -> Result<Visit> {
    let request = CheckInRequest { appointment_id: appointment_id.to_owned(), ..arrival(SystemClock.now())? };
    check_in(stage, provider, request).await
}

/// Ends a visit, now.
pub(crate) async fn end_now(stage: &Stage, provider: &Caller, visit: &Visit, outcome: VisitOutcome) -> Result<Visit> {
    end(stage, provider, visit, SystemClock.now(), outcome).await
}

/// She came herself and her identity card was read.
fn arrival(at: DateTime<Utc>) -> Result<CheckInRequest> {
    let number = cast::national_id(Calendar::at(SystemClock.now()).birth_date())?;
    let card = Credential {
        kind: IdentifierKind::IdCard.into(),
        number: number.expose().to_owned(),
        country_code: String::new(),
    };
    Ok(CheckInRequest {
        request_id: request_id(),
        present: Present::Self_.into(),
        identity_proof: IdentityProof::IdCard.into(),
        credential: Some(card),
        occurred_at: Some(to_timestamp(at)),
        ..CheckInRequest::default()
    })
}

async fn check_in(stage: &Stage, provider: &Caller, request: CheckInRequest) -> Result<Visit> {
    let check_in = async |request| stage.visits().check_in(request).await;
    let answer = provider.call("CheckIn", request, check_in).await?;
    answer.visit.context("a check-in without a visit")
}

async fn end(
    stage: &Stage,
    provider: &Caller,
    visit: &Visit,
    at: DateTime<Utc>,
    outcome: VisitOutcome,
) -> Result<Visit> {
    let request = EndVisitRequest {
        request_id: request_id(),
        visit_id: visit.visit_id.clone(),
        outcome: outcome.into(),
        occurred_at: Some(to_timestamp(at)),
        reason: String::new(),
    };
    let end = async |request| stage.visits().end_visit(request).await;
    let answer = provider.call("EndVisit", request, end).await?;
    answer.visit.context("an end without a visit")
}
