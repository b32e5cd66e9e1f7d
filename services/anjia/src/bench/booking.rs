//! Places given to many at once: spread over many slots and all of one, each beside the same work done in another way; and a flash crowd.
//! Each in turns with what it is measured by, and of the pairs the one in the middle.

mod crowd;
mod flash;
mod pgbench;
mod row_lock;

use anyhow::{Context, Result};
use devstack::Mesh;
use proto::anjia::common::v1::CareKind;
use proto::anjia::scheduling::v1::appointment_service_client::AppointmentServiceClient;
use proto::anjia::scheduling::v1::{Channel, ConfirmAppointmentRequest, HoldSlotRequest};
use rust_decimal::Decimal;

use self::crowd::Crowd;
use super::figure::{Figure, Pairs};
use super::progress;
use super::town::{Resident, Town, refused, request_id};

const TURNS: usize = 5;
/// Events of bookings are followed by these, which have no part in a booking.
const FOLLOWERS: [&str; 3] = ["referral", "payment", "adjudication"];
const IN_FLIGHT: usize = 64;
const FEW_IN_FLIGHT: usize = 8;
const MANY_IN_FLIGHT: usize = 256;

const UNIT: &str = "bookings/s";

pub(super) async fn measure(town: &Town, mesh: &mut Mesh) -> Result<Vec<Figure>> {
    for follower in FOLLOWERS {
        mesh.fleet_mut().stop(follower).await?;
    }
    let measured = measure_alone(town, mesh).await;
    for follower in FOLLOWERS.iter().rev() {
        mesh.fleet_mut().start(follower).await?;
    }
    measured
}

async fn measure_alone(town: &Town, mesh: &Mesh) -> Result<Vec<Figure>> {
    progress("a crowd gathers");
    let mut crowd = Crowd::gather(mesh, town).await?;
    let reference = pgbench::Reference::prepare(mesh, &crowd.publish_everywhere().await?).await?;
    let lock = row_lock::serve(mesh).await?;
    let ours = town.scheduling.clone();

    // Neither pays for connections, keys and plans; and a database that has run for a while knows its tables.
    crowd.book_everywhere(&ours, IN_FLIGHT).await?;
    crowd.book_one_session(&lock, IN_FLIGHT).await?;
    reference.run().await?;
    reference.analyse().await?;

    let [mut uniform, mut hot, mut lock_pairs, mut many] = [(); 4].map(|()| Pairs(vec![]));
    for turn in 0..TURNS {
        progress(&format!("booking, turn {} of {TURNS}", turn + 1));
        let spread = crowd.book_everywhere(&ours, IN_FLIGHT).await?;
        uniform.0.push((spread, reference.run().await?));
        let one = crowd.book_one_session(&ours, IN_FLIGHT).await?;
        hot.0.push((one, spread));
        lock_pairs.0.push((one, crowd.book_one_session(&lock, IN_FLIGHT).await?));
        let few = crowd.book_one_session(&ours, FEW_IN_FLIGHT).await?;
        many.0.push((crowd.book_one_session(&ours, MANY_IN_FLIGHT).await?, few));
    }
    reference.clear().await?;
    let mut figures = vec![
        uniform.figure("booking", UNIT, Decimal::new(12, 1))?,
        lock_pairs.figure("booking-hot", UNIT, Decimal::from(8))?,
        hot.figure("booking-hot-spread", UNIT, Decimal::new(6, 1))?,
        many.figure("booking-hot-256", UNIT, Decimal::ONE)?,
    ];
    progress("a flash crowd");
    figures.extend(flash::measure(&mut crowd, &ours).await?);
    Ok(figures)
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
