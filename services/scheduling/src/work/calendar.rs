//! Keeps the calendar: makes sessions ahead, withdraws what stands in an exception, lets reserved places fall back, ends
//! displacements that nobody answered, and passes on what was set aside for those who wait. The replica that has the lease works; the others would only find everything done.

use std::time::Duration;

use postgres::lease;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::{
    app::{Calendar, Scheduling},
    domain::error::SchedulingError,
};

const LEASE: &str = "calendar";
/// Another replica goes on this long after one has died.
const LEASE_DURATION: Duration = Duration::from_secs(10);
const LOOK_INTERVAL: Duration = Duration::from_secs(1);
/// Sessions are made days ahead: nobody waits for them.
const GENERATE_EVERY_ROUNDS: u32 = 10;

pub async fn run(scheduling: Scheduling, shutdown: CancellationToken) {
    let (calendar, owner) = (scheduling.calendar().clone(), Uuid::now_v7());
    let rounds = async {
        let mut round: u32 = 0;
        loop {
            match lease::acquire(scheduling.db(), LEASE, owner, LEASE_DURATION).await {
                Ok(Some(_)) => {
                    once(&calendar, round.is_multiple_of(GENERATE_EVERY_ROUNDS)).await;
                    round = round.wrapping_add(1);
                }
                Ok(None) => {}
                Err(error) => tracing::warn!(%error, "the calendar's lease could not be asked for"),
            }
            sleep(LOOK_INTERVAL).await;
        }
    };
    // A step in the middle of its transaction is rolled back, and found again.
    let _: Option<()> = shutdown.run_until_cancelled(Box::pin(rounds)).await;
}

/// What cannot be done now does not keep the others.
async fn once(calendar: &Calendar, is_generating: bool) {
    let told = |what: &str, error: &SchedulingError| tracing::warn!(what, %error, "the calendar is not kept now");
    if is_generating && let Err(error) = calendar.generate_due().await {
        told("sessions ahead", &error);
    }
    if let Err(error) = calendar.withdraw_excepted().await {
        told("exceptions", &error);
    }
    if let Err(error) = calendar.close_sessions().await {
        told("clinics that close", &error);
    }
    if let Err(error) = calendar.release_due().await {
        told("release of reserved places", &error);
    }
    if let Err(error) = calendar.give_up_overdue().await {
        told("displaced appointments", &error);
    }
    // The last: it waits for whoever has one of those who wait.
    if let Err(error) = calendar.pass_on_set_aside().await {
        told("places set aside for those who wait", &error);
    }
}
