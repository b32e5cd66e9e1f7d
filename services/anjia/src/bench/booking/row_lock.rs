//! Booking as public systems do it, behind the same gRPC stack: the row is locked first, then everything is looked at and written, one
//! statement after the other. Nobody has to prove who they are, which only makes it faster.

use anyhow::{Context as _, Result};
use chassis::channel::{Channel, connect};
use chrono::{DateTime, TimeDelta, Utc};
use devstack::Mesh;
use postgres::audit::{self, AuditConfig, Entry};
use postgres::events::{self, NewEvent};
use postgres::vault::VaultConfig;
use postgres::{Begun, Call, Database, PostgresConfig, Transaction};
use prost::Message as _;
use proto::anjia::scheduling::v1::appointment_service_server::{AppointmentService, AppointmentServiceServer};
use proto::anjia::scheduling::v1::{self as wire, book_result};
use serde_json::json;
use tokio::net::TcpListener;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::{Request, Response, Status};
use types::caller::{Caller, Party};
use types::clock::{Clock as _, SystemClock};
use types::ids::ResidentId;
use types::region::RegionCode;
use uuid::Uuid;

const CONNECTIONS: u32 = 32;
const BOOK: &str = "anjia.scheduling.v1.AppointmentService/Book";

struct RowLock(Database);

/// Where it is served.
pub(super) async fn serve(mesh: &Mesh) -> Result<Channel> {
    let record = mesh.record(true)?;
    let service = record.services.get("scheduling").context("scheduling is not up")?;
    let database = Database::connect(&PostgresConfig {
        database_url: service.database_url.clone(),
        worker_database_url: Some(service.worker_database_url.clone()),
        pool_size: CONNECTIONS,
        statement_timeout_ms: 60_000,
        vault: VaultConfig { wrapping_key_file: Some(record.keys.join("wrapping.key")), ..VaultConfig::default() },
        audit: AuditConfig::default(),
        events: events::EventsConfig::default(),
    })
    .await?;
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let url = format!("http://{}", listener.local_addr()?);
    let server = tonic::transport::Server::builder().add_service(AppointmentServiceServer::new(RowLock(database)));
    tokio::spawn(server.serve_with_incoming(TcpListenerStream::new(listener)));
    Ok(connect(&url)?)
}

#[tonic::async_trait]
impl AppointmentService for RowLock {
    async fn book(&self, request: Request<wire::BookRequest>) -> Result<Response<wire::BookResponse>, Status> {
        let item = request.into_inner().items.into_iter().next().ok_or_else(|| Status::invalid_argument("items"))?;
        let appointment = self.book_one(item).await.map_err(|error| Status::internal(format!("{error:#}")))?;
        let result = wire::BookResult { result: Some(book_result::Result::Appointment(appointment)) };
        Ok(Response::new(wire::BookResponse { results: vec![result] }))
    }

    async fn hold_slot(&self, _: Request<wire::HoldSlotRequest>) -> Result<Response<wire::HoldSlotResponse>, Status> {
        Err(Status::unimplemented("only what is measured"))
    }

    async fn confirm_appointment(
        &self,
        _: Request<wire::ConfirmAppointmentRequest>,
    ) -> Result<Response<wire::ConfirmAppointmentResponse>, Status> {
        Err(Status::unimplemented("only what is measured"))
    }

    async fn cancel_appointment(
        &self,
        _: Request<wire::CancelAppointmentRequest>,
    ) -> Result<Response<wire::CancelAppointmentResponse>, Status> {
        Err(Status::unimplemented("only what is measured"))
    }

    async fn reschedule_appointment(
        &self,
        _: Request<wire::RescheduleAppointmentRequest>,
    ) -> Result<Response<wire::RescheduleAppointmentResponse>, Status> {
        Err(Status::unimplemented("only what is measured"))
    }

    async fn mark_no_show(
        &self,
        _: Request<wire::MarkNoShowRequest>,
    ) -> Result<Response<wire::MarkNoShowResponse>, Status> {
        Err(Status::unimplemented("only what is measured"))
    }

    async fn get_appointment(
        &self,
        _: Request<wire::GetAppointmentRequest>,
    ) -> Result<Response<wire::GetAppointmentResponse>, Status> {
        Err(Status::unimplemented("only what is measured"))
    }

    async fn list_appointments(
        &self,
        _: Request<wire::ListAppointmentsRequest>,
    ) -> Result<Response<wire::ListAppointmentsResponse>, Status> {
        Err(Status::unimplemented("only what is measured"))
    }
}

/// A slot and its session.
#[derive(sqlx::FromRow)]
struct Wanted {
    session_id: Uuid,
    organisation_id: Uuid,
    starts_at: DateTime<Utc>,
    ends_at: DateTime<Utc>,
}

impl RowLock {
    async fn book_one(&self, item: wire::BookItem) -> Result<wire::Appointment> {
        let (resident, slot): (ResidentId, Uuid) = (item.resident_id.parse()?, item.slot_id.parse()?);
        let caller = caller(resident);
        let call = Call::new(&caller, BOOK, &item, |value: &wire::Appointment| value.encode_to_vec())?;
        let Begun::Fresh(mut tx) = self.0.begin_call(&call).await? else {
            anyhow::bail!("a fresh key was used before")
        };
        let (places, taken): (i32, i32) =
            sqlx::query_as("SELECT places, taken FROM slot_pools WHERE slot_id = $1 AND pool = 'PUBLIC' FOR UPDATE")
                .bind(slot)
                .fetch_one(&mut *tx)
                .await?;
        anyhow::ensure!(taken < places, "there are too few places");
        let wanted = look(&mut tx, slot, resident).await?;
        let id = write(&mut tx, slot, resident, &wanted).await?;
        tell(&mut tx, &caller, resident, id).await?;
        let appointment = wire::Appointment {
            appointment_id: id.to_string(),
            resident_id: item.resident_id,
            provider_organisation_id: wanted.organisation_id.to_string(),
            ..wire::Appointment::default()
        };
        call.commit(tx, appointment.clone()).await?;
        Ok(appointment)
    }
}

async fn look(tx: &mut Transaction, slot: Uuid, resident: ResidentId) -> Result<Wanted> {
    let wanted: Wanted = sqlx::query_as(
        "SELECT slots.session_id, sessions.organisation_id, slots.starts_at, slots.ends_at \
         FROM slots JOIN sessions ON sessions.id = slots.session_id WHERE slots.id = $1",
    )
    .bind(slot)
    .fetch_one(&mut **tx)
    .await?;
    sqlx::query(
        "INSERT INTO patients (region, resident_id) VALUES (current_setting('anjia.region'), $1) \
         ON CONFLICT (region, resident_id) DO UPDATE SET resident_id = excluded.resident_id",
    )
    .bind(resident.uuid())
    .execute(&mut **tx)
    .await?;
    let (overlaps, _): (bool, i64) = sqlx::query_as(
        "SELECT coalesce(bool_or(starts_at < $3 AND ends_at > $2), false), count(*) FROM appointments \
         WHERE resident_id = $1 AND state IN ('HELD', 'CONFIRMED') AND starts_at > $2 - interval '90 days' AND starts_at < $3 + interval '90 days'",
    )
    .bind(resident.uuid())
    .bind(wanted.starts_at)
    .bind(wanted.ends_at)
    .fetch_one(&mut **tx)
    .await?;
    anyhow::ensure!(!overlaps, "booked at that time");
    Ok(wanted)
}

async fn write(tx: &mut Transaction, slot: Uuid, resident: ResidentId, wanted: &Wanted) -> Result<Uuid> {
    let (id, now) = (Uuid::now_v7(), SystemClock.now());
    sqlx::query("UPDATE slot_pools SET taken = taken + 1 WHERE slot_id = $1 AND pool = 'PUBLIC'")
        .bind(slot)
        .execute(&mut **tx)
        .await?;
    sqlx::query(
        "INSERT INTO appointments (id, region, resident_id, slot_id, pool, session_id, organisation_id, starts_at, ends_at, kind, channel, \
         booked_by, journey_id, expected_lines, state, held_at, hold_expires_at, confirmed_at) \
         VALUES ($1, current_setting('anjia.region'), $2, $3, 'PUBLIC', $4, $5, $6, $7, 'OUTPATIENT', 'APP', $8, $1, '[]', 'CONFIRMED', $9, $10, $9)",
    )
    .bind(id)
    .bind(resident.uuid())
    .bind(slot)
    .bind(wanted.session_id)
    .bind(wanted.organisation_id)
    .bind(wanted.starts_at)
    .bind(wanted.ends_at)
    .bind(Party::Resident(resident).to_string())
    .bind(now)
    .bind(now + TimeDelta::minutes(5))
    .execute(&mut **tx)
    .await?;
    Ok(id)
}

async fn tell(tx: &mut Transaction, caller: &Caller, resident: ResidentId, id: Uuid) -> Result<()> {
    let kinds = ["anjia.scheduling.appointment.held.v1", "anjia.scheduling.appointment.confirmed.v1"];
    for kind in kinds {
        events::append(tx, NewEvent::new(kind, id, json!({ "resident_id": resident }), SystemClock.now())).await?;
    }
    for action in ["scheduling.appointment.hold", "scheduling.appointment.confirm"] {
        audit::record(tx, Entry::new(caller, action).resident(resident).row("appointments", id)).await?;
    }
    Ok(())
}

fn caller(resident: ResidentId) -> Caller {
    Caller::new(Party::Resident(resident), RegionCode::BEIJING)
}
