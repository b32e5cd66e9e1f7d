//! Places held and confirmed a second, two calls each, beside rows that are only inserted.

use std::sync::Arc;

use anyhow::{Context, Result};
use devstack::Mesh;
use proto::anjia::common::v1::CareKind;
use proto::anjia::scheduling::v1::appointment_service_client::AppointmentServiceClient;
use proto::anjia::scheduling::v1::{Channel, ConfirmAppointmentRequest, HoldSlotRequest};
use sqlx::PgPool;
use sqlx::postgres::PgPoolOptions;
use uuid::Uuid;

use super::figure::Figure;
use super::progress;
use super::rate::{CALLERS, rate};
use super::town::{Resident, Town, refused, request_id};

pub(super) async fn measure(town: &Town, mesh: &Mesh) -> Result<Figure> {
    progress("booking");
    let workers = town.residents.iter().take(CALLERS).map(|resident| {
        let (client, resident) = (AppointmentServiceClient::new(town.scheduling.clone()), Arc::new(resident.clone()));
        move |times| book(client.clone(), Arc::clone(&resident), times)
    });
    let ours = rate(workers.collect()).await?;
    progress("inserting bare rows");
    let reference = bare_inserts(&mesh.record(true)?.postgres_url).await?;
    Ok(Figure { bench: "booking".to_owned(), ours, reference: Some(reference), unit: "bookings/s", goal: None })
}

async fn book(
    mut client: AppointmentServiceClient<chassis::channel::Channel>,
    resident: Arc<Resident>,
    times: usize,
) -> Result<bool> {
    let Some(slot) = resident.slots.get(times) else {
        return Ok(false);
    };
    book_slot(&mut client, &resident, slot).await?;
    Ok(true)
}

/// Holds the place and confirms it.
pub(super) async fn book_slot(
    client: &mut AppointmentServiceClient<chassis::channel::Channel>,
    resident: &Resident,
    slot: &str,
) -> Result<()> {
    let wish = HoldSlotRequest {
        request_id: request_id(),
        resident_id: resident.id.to_string(),
        slot_id: slot.to_owned(),
        kind: CareKind::Outpatient.into(),
        channel: Channel::App.into(),
        ..HoldSlotRequest::default()
    };
    let held = client.hold_slot(resident.context.request(wish)).await.map_err(refused("HoldSlot"))?;
    let appointment_id = held.into_inner().appointment.context("a hold without an appointment")?.appointment_id;
    let confirm = ConfirmAppointmentRequest { request_id: request_id(), appointment_id };
    client.confirm_appointment(resident.context.request(confirm)).await.map_err(refused("ConfirmAppointment"))?;
    Ok(())
}

/// One row to a transaction, as durable as a booking, and nothing else.
async fn bare_inserts(url: &str) -> Result<rust_decimal::Decimal> {
    let pool = PgPoolOptions::new().max_connections(u32::try_from(CALLERS)?).connect(url).await?;
    sqlx::query("CREATE TABLE bench_rows (id uuid PRIMARY KEY, resident_id uuid NOT NULL, slot_id uuid NOT NULL)")
        .execute(&pool)
        .await?;
    let workers = (0..CALLERS).map(|_| {
        let pool = pool.clone();
        move |_| insert(pool.clone())
    });
    let inserted = rate(workers.collect()).await?;
    sqlx::query("DROP TABLE bench_rows").execute(&pool).await?;
    pool.close().await;
    Ok(inserted)
}

async fn insert(pool: PgPool) -> Result<bool> {
    sqlx::query("INSERT INTO bench_rows (id, resident_id, slot_id) VALUES ($1, $1, $1)")
        .bind(Uuid::now_v7())
        .execute(&pool)
        .await?;
    Ok(true)
}
