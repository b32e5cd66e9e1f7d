//! A clinic's desk behind a bad wire: it writes down what it has to say and says it until it is answered.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use chassis::channel::Channel;
use chassis::{Context, Credentials};
use devstack::callers;
use prost::Message as _;
use proto::anjia::common::v1::{CareKind, Credential, Event, EventCursor, IdentifierKind};
use proto::anjia::scheduling::v1::appointment_service_client::AppointmentServiceClient;
use proto::anjia::scheduling::v1::own_event_service_client::OwnEventServiceClient;
use proto::anjia::scheduling::v1::visit_service_client::VisitServiceClient;
use proto::anjia::scheduling::v1::{
    BookItem, BookRequest, BookResponse, CancelAppointmentRequest, Channel as Way, CheckInRequest, EndVisitRequest,
    IdentityProof, Present, PullOwnEventsRequest, VisitOutcome, book_result,
};
use proto::convert::to_timestamp;
use sha2::{Digest as _, Sha256};
use tonic::{Code, Status};
use types::ids::{DelegationId, ResidentId};
use types::national_id::NationalId;

use super::journal::{Entry, Journal, Outcome, Work};

/// A call that is not answered by then is said again.
const CALL_LIMIT: Duration = Duration::from_secs(2);
const PAUSE: Duration = Duration::from_millis(200);
/// With the network back, everything is answered by then.
const PATIENCE: Duration = Duration::from_mins(1);

/// Whom the desk knows: their card lies in front of it, and they let it act for them.
#[derive(Debug, Clone)]
pub(super) struct Patient {
    pub(super) id: ResidentId,
    pub(super) card: NationalId,
    pub(super) delegation: DelegationId,
}

pub(super) struct Desk {
    pub(super) credentials: Credentials,
    pub(super) scheduling: Channel,
    pub(super) patients: BTreeMap<ResidentId, Patient>,
    pub(super) journal: Journal,
    /// Up to where it has heard what happened.
    pub(super) position: i64,
    pub(super) heard: Vec<Event>,
    /// How often something was said, answered or not.
    pub(super) said: usize,
}

/// What came of saying something.
#[derive(Debug)]
enum Said {
    Settled(Outcome),
    /// Nobody knows: to be said again.
    Unanswered,
}

impl Desk {
    /// Writes it down and says it once; whether it was answered.
    pub(super) async fn does(&mut self, work: Work) -> Result<bool> {
        let number = self.journal.note(work)?;
        self.say(number).await
    }

    /// Only written down: the wire is known to be cut.
    pub(super) fn queues(&mut self, work: Work) -> Result<()> {
        self.journal.note(work).map(drop)
    }

    async fn say(&mut self, number: usize) -> Result<bool> {
        let (entry, _) = self.journal.entries.get(number).context("no such entry")?.clone();
        match self.ask(&entry).await? {
            Said::Settled(outcome) => {
                self.journal.settle(number, outcome)?;
                Ok(true)
            }
            Said::Unanswered => Ok(false),
        }
    }

    /// Says everything that was not answered, in order: what comes later may rest on it.
    pub(super) async fn catch_up(&mut self) -> Result<()> {
        let begun_at = Instant::now();
        for number in self.journal.pending() {
            while !self.say(number).await? {
                if begun_at.elapsed() > PATIENCE {
                    bail!("not caught up after {} s", PATIENCE.as_secs());
                }
                tokio::time::sleep(PAUSE).await;
            }
        }
        Ok(())
    }

    /// Says everything once more that was done; answers how many were answered otherwise than the first time.
    pub(super) async fn say_all_again(&mut self) -> Result<(usize, usize)> {
        let (mut again, mut other) = (0, 0);
        for (entry, known) in self.journal.entries.clone() {
            let Some(known @ Outcome::Done { .. }) = known else { continue };
            let Said::Settled(outcome) = self.ask(&entry).await? else { bail!("the network is said to be back") };
            again += 1;
            other += usize::from(outcome != known);
        }
        Ok((again, other))
    }

    /// Hears what happened at the clinic since it last asked.
    pub(super) async fn hear(&mut self) -> Result<usize> {
        let before = self.heard.len();
        loop {
            let cursor = EventCursor { after_position: self.position, max_events: 100, ..EventCursor::default() };
            let context = self.context().await.map_err(|status| anyhow::anyhow!("no token: {status}"))?;
            let request = context.request(PullOwnEventsRequest { cursor: Some(cursor) });
            let answer = OwnEventServiceClient::new(self.scheduling.clone()).pull_own_events(request).await;
            let batch = answer.context("PullOwnEvents")?.into_inner().batch.context("no batch")?;
            let is_end = batch.position == self.position;
            self.position = batch.position;
            self.heard.extend(batch.events);
            if is_end {
                return Ok(self.heard.len() - before);
            }
        }
    }

    pub(super) async fn context(&self) -> Result<Context, Status> {
        Ok(self.credentials.own().await?.with_call_limit(CALL_LIMIT))
    }

    async fn ask(&mut self, entry: &Entry) -> Result<Said> {
        self.said += 1;
        let answer = match self.context().await {
            Ok(context) => self.call(&context, entry).await,
            Err(status) => Err(status),
        };
        match answer {
            Ok(answer) => Ok(Said::Settled(Outcome::Done { answer: hex::encode(Sha256::digest(answer)) })),
            Err(status) if is_unanswered(&status) => Ok(Said::Unanswered),
            Err(status) => match chassis::error::reason(&status) {
                Some(reason) => Ok(Said::Settled(Outcome::Refused { reason })),
                None => bail!("{status:?}"),
            },
        }
    }

    /// The encoded answer.
    async fn call(&self, context: &Context, entry: &Entry) -> Result<Vec<u8>, Status> {
        let request_id = entry.request_id.to_string();
        let mut appointments = AppointmentServiceClient::new(self.scheduling.clone());
        let mut visits = VisitServiceClient::new(self.scheduling.clone());
        match &entry.work {
            Work::Book { .. } => {
                let request = BookRequest { items: vec![self.booking(request_id, &entry.work)] };
                booked(appointments.book(context.request(request)).await?.into_inner())
            }
            Work::Cancel { appointment } => {
                let appointment_id = appointment.to_string();
                let message = CancelAppointmentRequest { request_id, appointment_id, ..Default::default() };
                Ok(appointments.cancel_appointment(context.request(message)).await?.into_inner().encode_to_vec())
            }
            Work::CheckIn { .. } => {
                let message = self.check_in(request_id, &entry.work);
                Ok(visits.check_in(context.request(message)).await?.into_inner().encode_to_vec())
            }
            Work::EndVisit { visit, at } => {
                let message = EndVisitRequest {
                    request_id,
                    visit_id: visit.to_string(),
                    outcome: VisitOutcome::Completed.into(),
                    occurred_at: Some(to_timestamp(*at)),
                    reason: String::new(),
                };
                Ok(visits.end_visit(context.request(message)).await?.into_inner().encode_to_vec())
            }
        }
    }

    fn booking(&self, request_id: String, work: &Work) -> BookItem {
        let Work::Book { appointment, resident, slot } = work else { return BookItem::default() };
        let delegation = self.patients.get(resident).map(|patient| patient.delegation.to_string());
        BookItem {
            request_id,
            appointment_id: appointment.to_string(),
            resident_id: resident.to_string(),
            slot_id: slot.to_string(),
            kind: CareKind::Outpatient.into(),
            channel: Way::Desk.into(),
            delegation_id: delegation.unwrap_or_default(),
            ..BookItem::default()
        }
    }

    fn check_in(&self, request_id: String, work: &Work) -> CheckInRequest {
        let Work::CheckIn { visit, resident, appointment, at } = work else { return CheckInRequest::default() };
        let credential = self.patients.get(resident).map(|patient| Credential {
            kind: IdentifierKind::IdCard.into(),
            number: patient.card.expose().to_owned(),
            country_code: String::new(),
        });
        let kept = CheckInRequest {
            request_id,
            visit_id: visit.to_string(),
            appointment_id: appointment.map(|id| id.to_string()).unwrap_or_default(),
            resident_id: resident.to_string(),
            present: Present::Self_.into(),
            identity_proof: IdentityProof::IdCard.into(),
            credential,
            occurred_at: Some(to_timestamp(*at)),
            ..CheckInRequest::default()
        };
        if appointment.is_some() {
            return kept;
        }
        let provider_organisation_id = callers::CLINIC.to_string();
        CheckInRequest { kind: CareKind::Outpatient.into(), provider_organisation_id, ..kept }
    }
}

/// A refusal within the answer, as one of the call.
fn booked(answer: BookResponse) -> Result<Vec<u8>, Status> {
    match answer.results.into_iter().next().and_then(|result| result.result) {
        Some(book_result::Result::Appointment(appointment)) => Ok(appointment.encode_to_vec()),
        Some(book_result::Result::Refusal(refusal)) => {
            let details = refusal.encode_to_vec().into();
            Err(Status::with_details(Code::from_i32(refusal.code), refusal.message, details))
        }
        None => Err(Status::internal("no result")),
    }
}

/// Whether it may have been done, or not: what a network does, and a service that is busy.
fn is_unanswered(status: &Status) -> bool {
    let reason = chassis::error::reason(status);
    match status.code() {
        Code::Unavailable | Code::DeadlineExceeded | Code::Cancelled => true,
        Code::Aborted => reason.as_deref() == Some("REQUEST_IN_PROGRESS"),
        Code::ResourceExhausted => reason.as_deref() == Some("OVERLOADED"),
        Code::Unknown => reason.is_none(),
        _ => false,
    }
}
