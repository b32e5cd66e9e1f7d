//! The wire: parse, one call, encode.

mod banks;
mod bills;
mod convert;
mod desk;
mod records;
mod status;

use std::sync::Arc;

use chassis::Routes;
use proto::anjia::payment::v1::audit_service_server::AuditServiceServer;
use proto::anjia::payment::v1::bank_service_server::BankServiceServer;
use proto::anjia::payment::v1::bill_service_server::BillServiceServer;
use proto::anjia::payment::v1::desk_service_server::DeskServiceServer;
use proto::anjia::payment::v1::event_service_server::EventServiceServer;
use proto::anjia::payment::v1::privacy_service_server::PrivacyServiceServer;

use crate::app::App;

/// Everything payment serves.
pub fn routes(app: &Arc<App>) -> Routes {
    let records = records::OwnRecords(Arc::clone(app));
    Routes::new()
        .add_service(BillServiceServer::new(bills::Bills(Arc::clone(app))))
        .add_service(BankServiceServer::new(banks::Banks(Arc::clone(app))))
        .add_service(DeskServiceServer::new(desk::Desks(Arc::clone(app))))
        .add_service(AuditServiceServer::new(records.clone()))
        .add_service(EventServiceServer::new(records.clone()))
        .add_service(PrivacyServiceServer::new(records))
}
