//! The contracts: parse, one call, encode.

mod appointments;
mod audit;
mod convert;
mod events;
mod privacy;
mod queue;
mod sessions;
mod statistics;
mod status;
mod visits;
mod wait_list;

use chassis::Routes;
use proto::anjia::scheduling::v1::{
    appointment_service_server::AppointmentServiceServer, audit_service_server::AuditServiceServer,
    event_service_server::EventServiceServer, privacy_service_server::PrivacyServiceServer,
    queue_service_server::QueueServiceServer, session_service_server::SessionServiceServer,
    statistics_service_server::StatisticsServiceServer, visit_service_server::VisitServiceServer,
    wait_list_service_server::WaitListServiceServer,
};
use tonic::Status;

use crate::app::{Scheduling, Search};

/// Everything scheduling serves.
pub fn routes(scheduling: Scheduling, search: Search) -> Routes {
    let events = events::Events(scheduling.db().clone());
    let privacy = privacy::Privacy(scheduling.db().clone());
    Routes::new()
        .add_service(SessionServiceServer::new(sessions::Sessions { scheduling: scheduling.clone(), search }))
        .add_service(AppointmentServiceServer::new(appointments::Appointments(scheduling.clone())))
        .add_service(AuditServiceServer::new(audit::Audit(scheduling.clone())))
        .add_service(VisitServiceServer::new(visits::Visits(scheduling.clone())))
        .add_service(QueueServiceServer::new(queue::Queue(scheduling.clone())))
        .add_service(StatisticsServiceServer::new(statistics::Statistics(scheduling.clone())))
        .add_service(WaitListServiceServer::new(wait_list::WaitList(scheduling)))
        .add_service(EventServiceServer::new(events))
        .add_service(PrivacyServiceServer::new(privacy))
}

/// A stored answer that cannot be read back: our own fault.
#[expect(clippy::needless_pass_by_value, reason = "used as `.map_err(unreadable)`")]
fn unreadable(error: prost::DecodeError) -> Status {
    chassis::error::internal(&error)
}
