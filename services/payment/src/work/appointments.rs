//! Follows scheduling: an appointment that is no more takes its bill with it.

use std::sync::Arc;

use chassis::telemetry;
use postgres::consumer::{self, Advanced, Failure, Handler, Inbox, Source};
use postgres::events::Event;
use tokio_util::sync::CancellationToken;
use tracing::Instrument as _;
use types::ids::AppointmentId;

use crate::app::App;

const GONE: [&str; 3] = [
    "anjia.scheduling.appointment.cancelled.v1",
    "anjia.scheduling.appointment.expired.v1",
    "anjia.scheduling.appointment.no_show.v1",
];

struct Appointments(Arc<App>);

impl Handler for Appointments {
    const KINDS: &'static [&'static str] = &GONE;

    async fn handle(&self, event: &Event, inbox: Inbox) -> Result<Advanced, Failure> {
        if !GONE.contains(&event.kind.as_str()) {
            return Ok(inbox.skip());
        }
        let appointment: AppointmentId = event.subject.parse().map_err(Failure::refused)?;
        let age = (self.0.clock.now() - event.occurred_at).to_std().unwrap_or_default();
        let span = telemetry::taking_in("payment.appointment_gone", event, age);
        self.0.appointment_gone(inbox, event.region, appointment).instrument(span).await
    }
}

pub async fn run(app: Arc<App>, scheduling: impl Source, stop: CancellationToken) {
    consumer::run(app.db.clone(), scheduling, Appointments(app), stop).await;
}
