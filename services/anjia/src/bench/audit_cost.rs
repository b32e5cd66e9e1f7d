//! What the audit costs a booking: the transaction of a hold as scheduling writes it, with its audit entry and until the sealer of the
//! running service has chained that, beside the same transaction without the entry. In turns, against the same Postgres.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use chrono::{DateTime, TimeDelta, Utc};
use devstack::Mesh;
use postgres::audit::{self, AuditConfig, Entry};
use postgres::vault::VaultConfig;
use postgres::{Begun, Call, Database, PostgresConfig, Transaction};
use proto::anjia::scheduling::v1::HoldSlotRequest;
use rust_decimal::Decimal;
use sqlx::{Connection as _, PgConnection};
use types::caller::{Caller, Party};
use types::ids::ResidentId;
use types::region::RegionCode;
use uuid::Uuid;

use super::figure::{Figure, Goal};
use super::progress;
use super::rate::rate_for;
use super::town::request_id;

const SERVICE: &str = "scheduling";
const CLIENTS: usize = 64;
const CONNECTIONS: u32 = 64;
/// Each with and without; the order changes from turn to turn, so that neither always meets the larger tables.
const TURNS: usize = 4;
/// Long beside the quarter of a second for which the sealer lets rows gather: that is waited for at the end of each.
const TURN: Duration = Duration::from_secs(10);
/// Slots of each client, of as many places as a slot can have.
const SLOTS: i32 = 40;
const PLACES: i32 = 500;
const SEALED_WITHIN: Duration = Duration::from_mins(1);
const POLL: Duration = Duration::from_millis(5);
/// Three quarters of the bookings without.
fn goal() -> Goal {
    Goal::RatioAtLeast(Decimal::new(75, 2))
}

pub(super) async fn measure(mesh: &Mesh) -> Result<Figure> {
    progress("booking with and without audit");
    let record = mesh.record(true)?;
    let service = record.services.get(SERVICE).context("scheduling is not up")?;
    let config = PostgresConfig {
        database_url: service.database_url.clone(),
        worker_database_url: Some(service.worker_database_url.clone()),
        pool_size: CONNECTIONS,
        statement_timeout_ms: 60_000,
        vault: VaultConfig { wrapping_key_file: Some(record.keys.join("wrapping.key")), ..VaultConfig::default() },
        audit: AuditConfig::default(),
        events: postgres::events::EventsConfig::default(),
    };
    let database = Database::connect(&config).await?;
    let mut owner = PgConnection::connect(&service.owner_database_url).await?;
    let clients = settle(&mut owner, &database).await?;

    // Neither pays for the first touch of anything.
    turn(&clients, true, &mut owner).await?;
    turn(&clients, false, &mut owner).await?;
    // As a database that has run for a while knows its tables: plans made for empty ones read a grown one from end to end.
    sqlx::raw_sql("ANALYZE").execute(&mut owner).await?;
    let (mut with, mut without) = (Decimal::ZERO, Decimal::ZERO);
    for number in 0..TURNS {
        let is_audited_first = number % 2 == 0;
        for is_audited in [is_audited_first, !is_audited_first] {
            *(if is_audited { &mut with } else { &mut without }) += turn(&clients, is_audited, &mut owner).await?;
        }
    }
    database.close().await;
    let mean = |sum: Decimal| (sum / Decimal::from(TURNS)).round();
    Ok(Figure {
        bench: "audit-cost".to_owned(),
        ours: mean(with),
        reference: Some(mean(without)),
        unit: "bookings/s",
        goal: Some(goal()),
    })
}

/// Bookings a second; what is to be sealed counts once it is.
async fn turn(clients: &[Arc<Client>], is_audited: bool, owner: &mut PgConnection) -> Result<Decimal> {
    let workers = clients.iter().map(|client| {
        let client = Arc::clone(client);
        move |_| book(Arc::clone(&client), is_audited)
    });
    let rate = rate_for(TURN, workers.collect()).await?;
    let waited = sealed(owner).await?;
    let turn = Decimal::from(TURN.as_micros());
    Ok(rate * turn / (turn + Decimal::from(waited.as_micros())))
}

async fn sealed(owner: &mut PgConnection) -> Result<Duration> {
    let begun_at = Instant::now();
    let left = "SELECT EXISTS (SELECT FROM audit_entries WHERE position IS NULL)";
    while sqlx::query_scalar(left).fetch_one(&mut *owner).await? {
        if begun_at.elapsed() > SEALED_WITHIN {
            bail!("the sealer does not keep up");
        }
        tokio::time::sleep(POLL).await;
    }
    Ok(begun_at.elapsed())
}

/// Somebody who books one place after the other, each in a minute of its own.
struct Client {
    database: Database,
    caller: Caller,
    resident: ResidentId,
    session: Uuid,
    slots: Vec<Uuid>,
    booked: AtomicI64,
    starts_at: DateTime<Utc>,
}

/// A session with slots for everybody, and who books them.
async fn settle(owner: &mut PgConnection, database: &Database) -> Result<Vec<Arc<Client>>> {
    let session = Uuid::now_v7();
    let (region, starts_at) = (RegionCode::BEIJING, DateTime::UNIX_EPOCH + TimeDelta::days(40_000));
    sqlx::query(
        "INSERT INTO sessions (id, region, organisation_id, tier, latitude, longitude, kinds, starts_at, ends_at, slot_length_minutes, \
         capabilities, published_by, published_at) \
         VALUES ($1, $2, $1, 'COMMUNITY', 39.9, 116.3, '{OUTPATIENT}', $3, $3 + interval '1000 days', 15, '{}', 'client:bench', now())",
    )
    .bind(session)
    .bind(region.as_str())
    .bind(starts_at)
    .execute(&mut *owner)
    .await?;
    let mut clients = vec![];
    for number in 0..CLIENTS {
        let first = i32::try_from(number)? * SLOTS;
        let slots: Vec<Uuid> = sqlx::query_scalar(
            "WITH made AS (INSERT INTO slots (id, region, session_id, starts_at, ends_at) \
                 SELECT gen_random_uuid(), $2, $1, $3 + n * interval '15 minutes', $3 + (n + 1) * interval '15 minutes' \
                 FROM generate_series($4::integer, $4 + $5 - 1) n RETURNING id) \
             INSERT INTO slot_pools (slot_id, pool, region, places) SELECT id, 'PUBLIC', $2, $6 FROM made RETURNING slot_id",
        )
        .bind(session)
        .bind(region.as_str())
        .bind(starts_at)
        .bind(first)
        .bind(SLOTS)
        .bind(PLACES)
        .fetch_all(&mut *owner)
        .await?;
        let resident = ResidentId::generate();
        clients.push(Arc::new(Client {
            database: database.clone(),
            caller: caller(resident, region),
            resident,
            session,
            slots,
            booked: AtomicI64::new(0),
            starts_at,
        }));
    }
    Ok(clients)
}

fn caller(resident: ResidentId, region: RegionCode) -> Caller {
    Caller::new(Party::Resident(resident), region)
}

/// What a hold writes and reads in its transaction, from the claimed key to the stored answer; but for its event, which every consumer
/// in the mesh would take in meanwhile.
async fn book(client: Arc<Client>, is_audited: bool) -> Result<bool> {
    let number = client.booked.fetch_add(1, Ordering::Relaxed);
    let slot = client.slots[usize::try_from(number)? / usize::try_from(PLACES)? % client.slots.len()];
    let message = HoldSlotRequest {
        request_id: request_id(),
        resident_id: client.resident.to_string(),
        slot_id: slot.to_string(),
        ..HoldSlotRequest::default()
    };
    let call = Call::new(&client.caller, "anjia.scheduling.v1.AppointmentService/HoldSlot", &message, |id: &Uuid| {
        id.as_bytes().repeat(16)
    })?;
    let Begun::Fresh(mut tx) = client.database.begin_call(&call).await? else {
        bail!("a fresh key was used before");
    };
    let id = hold(&mut tx, &client, slot, number).await?;
    if is_audited {
        let entry = Entry::new(&client.caller, "scheduling.appointment.hold").row("appointments", id);
        audit::record(&mut tx, entry).await?;
    }
    call.commit(tx, id).await?;
    Ok(true)
}

async fn hold(tx: &mut Transaction, client: &Client, slot: Uuid, number: i64) -> Result<Uuid> {
    let id = Uuid::now_v7();
    let starts_at = client.starts_at + TimeDelta::minutes(number);
    sqlx::query(
        "INSERT INTO patients (region, resident_id) VALUES (current_setting('anjia.region'), $1) \
         ON CONFLICT (region, resident_id) DO UPDATE SET resident_id = excluded.resident_id",
    )
    .bind(client.resident.uuid())
    .execute(&mut **tx)
    .await?;
    let _: i64 = sqlx::query_scalar(
        "SELECT count(*) FROM appointments WHERE resident_id = $1 AND state = 'HELD' AND starts_at >= $2",
    )
    .bind(client.resident.uuid())
    .bind(starts_at)
    .fetch_one(&mut **tx)
    .await?;
    let taken = sqlx::query(
        "UPDATE slot_pools SET taken = taken + 1 WHERE slot_id = $1 AND pool = 'PUBLIC' AND taken < places",
    )
    .bind(slot)
    .execute(&mut **tx)
    .await?;
    anyhow::ensure!(taken.rows_affected() == 1, "there are too few places");
    sqlx::query(
        "INSERT INTO appointments (id, region, resident_id, slot_id, pool, session_id, organisation_id, starts_at, ends_at, kind, \
         channel, booked_by, journey_id, expected_lines, state, held_at, hold_expires_at) \
         VALUES ($1, current_setting('anjia.region'), $2, $3, 'PUBLIC', $4, $4, $5, $5 + interval '1 minute', 'OUTPATIENT', 'APP', $6, \
         $1, '[]', 'HELD', now(), 'infinity')",
    )
    .bind(id)
    .bind(client.resident.uuid())
    .bind(slot)
    .bind(client.session)
    .bind(starts_at)
    .bind(client.caller.subject.to_string())
    .execute(&mut **tx)
    .await?;
    Ok(id)
}
