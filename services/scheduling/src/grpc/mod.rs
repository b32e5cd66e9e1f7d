//! The contracts: parse, one call, encode.

mod appointments;
mod calendar;
mod convert;
mod joint;
mod records;
mod sessions;
mod status;
mod surge;
mod suspensions;
mod visits;
mod wait_list;

use chassis::Routes;
use proto::anjia::scheduling::v1::{
    appointment_service_server::AppointmentServiceServer, audit_service_server::AuditServiceServer,
    calendar_service_server::CalendarServiceServer, event_service_server::EventServiceServer,
    joint_service_server::JointServiceServer, privacy_service_server::PrivacyServiceServer,
    session_service_server::SessionServiceServer, surge_service_server::SurgeServiceServer,
    suspension_service_server::SuspensionServiceServer, visit_service_server::VisitServiceServer,
    wait_list_service_server::WaitListServiceServer,
};
use tonic::Status;

use crate::app::{Scheduling, Search};

/// Everything scheduling serves.
pub fn routes(scheduling: Scheduling, search: Search) -> Routes {
    let records = records::OwnRecords(scheduling.clone());
    Routes::new()
        .add_service(JointServiceServer::new(joint::Joint { scheduling: scheduling.clone(), search: search.clone() }))
        .add_service(SessionServiceServer::new(sessions::Sessions { scheduling: scheduling.clone(), search }))
        .add_service(SuspensionServiceServer::new(suspensions::Suspensions(scheduling.clone())))
        .add_service(AppointmentServiceServer::new(appointments::Appointments(scheduling.clone())))
        .add_service(CalendarServiceServer::new(calendar::Calendar(scheduling.clone())))
        .add_service(SurgeServiceServer::new(surge::Surges(scheduling.clone())))
        .add_service(VisitServiceServer::new(visits::Visits(scheduling.clone())))
        .add_service(WaitListServiceServer::new(wait_list::WaitList(scheduling)))
        .add_service(AuditServiceServer::new(records.clone()))
        .add_service(EventServiceServer::new(records.clone()))
        .add_service(PrivacyServiceServer::new(records))
}

/// A stored answer that cannot be read back: our own fault.
#[expect(clippy::needless_pass_by_value, reason = "used as `.map_err(unreadable)`")]
fn unreadable(error: prost::DecodeError) -> Status {
    chassis::error::internal(&error)
}
