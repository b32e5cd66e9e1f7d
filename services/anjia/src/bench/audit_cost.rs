//! What the audit costs a booking: places given to all who ask at once, as scheduling gives them, in the same batches and statements, with
//! their audit entries and until the sealer of the running service has chained these, beside the same without entries. In turns, against
//! the same Postgres. What a booking costs beside its transaction (the call, the token, what is looked at before) is not counted on either
//! side: it would make the share of the audit smaller.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use chrono::{DateTime, TimeDelta, Utc};
use devstack::Mesh;
use postgres::audit::AuditConfig;
use postgres::gather::Gatherer;
use postgres::vault::VaultConfig;
use postgres::{Database, PostgresConfig};
use rust_decimal::Decimal;
use sqlx::{Connection as _, PgConnection};
use types::ids::ResidentId;
use types::region::RegionCode;
use uuid::Uuid;

use self::giving::{Booking, Giving};
use super::figure::{Figure, Goal};
use super::progress;
use super::rate::rate_for;

mod giving;

const SERVICE: &str = "scheduling";
const CLIENTS: usize = 64;
const CONNECTIONS: u32 = 8;
/// Each with and without; the order changes from turn to turn, so that neither always meets the larger tables.
const TURNS: usize = 5;
/// Long beside the quarter of a second for which the sealer lets rows gather: that is waited for at the end of each.
const TURN: Duration = Duration::from_secs(10);
/// Slots of each client, of as many places as a slot can have.
const SLOTS: i32 = 80;
const PLACES: i32 = 500;
/// For whom each client books in turn: nobody has thousands of bookings.
const RESIDENTS: usize = 200;
const SEALED_WITHIN: Duration = Duration::from_mins(1);
const POLL: Duration = Duration::from_millis(5);
/// Events of bookings are followed by these, which have no part in a booking.
const FOLLOWERS: [&str; 3] = ["referral", "payment", "adjudication"];
/// Three quarters of the bookings without.
fn goal() -> Goal {
    Goal::RatioAtLeast(Decimal::new(75, 2))
}

pub(super) async fn measure(mesh: &mut Mesh) -> Result<Figure> {
    progress("booking with and without audit");
    for follower in FOLLOWERS {
        mesh.fleet_mut().stop(follower).await?;
    }
    let measured = measure_alone(mesh).await;
    for follower in FOLLOWERS.iter().rev() {
        mesh.fleet_mut().start(follower).await?;
    }
    measured
}

async fn measure_alone(mesh: &Mesh) -> Result<Figure> {
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
    let clients = settle(&mut owner, &Gatherer::new(Giving(database.clone()))).await?;

    // Neither pays for the first touch of anything.
    turn(&clients, true, &mut owner).await?;
    turn(&clients, false, &mut owner).await?;
    // As a database that has run for a while knows its tables: plans made for empty ones read a grown one from end to end.
    sqlx::raw_sql("ANALYZE").execute(&mut owner).await?;
    let mut pairs = vec![];
    for number in 0..TURNS {
        let is_audited_first = number % 2 == 0;
        let (mut with, mut without) = (Decimal::ZERO, Decimal::ZERO);
        for is_audited in [is_audited_first, !is_audited_first] {
            *(if is_audited { &mut with } else { &mut without }) = turn(&clients, is_audited, &mut owner).await?;
        }
        pairs.push((with, without));
    }
    database.close().await;
    pairs.sort_by_key(|(with, without)| with.checked_div(*without));
    let (with, without) = *pairs.get(pairs.len() / 2).context("no pair was measured")?;
    Ok(Figure {
        bench: "audit-cost".to_owned(),
        ours: with.round(),
        reference: Some(without.round()),
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
    let left = "SELECT EXISTS (SELECT FROM audit_entries WHERE position IS NULL) OR EXISTS (SELECT FROM events WHERE position IS NULL)";
    while sqlx::query_scalar(left).fetch_one(&mut *owner).await? {
        if begun_at.elapsed() > SEALED_WITHIN {
            bail!("the sealer does not keep up");
        }
        tokio::time::sleep(POLL).await;
    }
    Ok(begun_at.elapsed())
}

/// Somebody at whose desk one place is booked after the other, each in a minute of its own.
struct Client {
    giving: Gatherer<Giving>,
    residents: Vec<ResidentId>,
    session: Uuid,
    slots: Vec<Uuid>,
    booked: AtomicUsize,
    starts_at: DateTime<Utc>,
}

/// A session with slots for everybody, and who books them.
async fn settle(owner: &mut PgConnection, giving: &Gatherer<Giving>) -> Result<Vec<Arc<Client>>> {
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
        clients.push(Arc::new(Client {
            giving: giving.clone(),
            residents: (0..RESIDENTS).map(|_| ResidentId::generate()).collect(),
            session,
            slots,
            booked: AtomicUsize::new(0),
            starts_at,
        }));
    }
    Ok(clients)
}

async fn book(client: Arc<Client>, is_audited: bool) -> Result<bool> {
    let number = client.booked.fetch_add(1, Ordering::Relaxed);
    let slot = client.slots.get(number / usize::try_from(PLACES)?).context("there are too few places")?;
    let resident = client.residents.get(number % RESIDENTS).context("nobody to book for")?;
    let starts_at = client.starts_at + TimeDelta::minutes(i64::try_from(number)?);
    let booking = Booking::draft(*resident, *slot, client.session, starts_at, is_audited)?;
    ensure!(client.giving.ask(booking).await?, "a place that is free was refused");
    Ok(true)
}
