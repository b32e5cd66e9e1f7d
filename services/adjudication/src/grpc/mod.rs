//! The contracts served: parse, one call, encode.

mod accounts;
mod adjudication;
mod benefits;
mod case_record;
mod convert;
mod convert_inspection;
mod encode;
mod encode_inspection;
mod inspection;
#[cfg(test)]
mod mutated;
mod policies;
mod provider_payments;
mod records;
mod status;
mod supervision;

use chassis::Routes;
use proto::anjia::adjudication::v1::account_service_server::AccountServiceServer;
use proto::anjia::adjudication::v1::adjudication_service_server::AdjudicationServiceServer;
use proto::anjia::adjudication::v1::audit_service_server::AuditServiceServer;
use proto::anjia::adjudication::v1::event_service_server::EventServiceServer;
use proto::anjia::adjudication::v1::inspection_service_server::InspectionServiceServer;
use proto::anjia::adjudication::v1::policy_service_server::PolicyServiceServer;
use proto::anjia::adjudication::v1::privacy_service_server::PrivacyServiceServer;
use proto::anjia::adjudication::v1::provider_payment_service_server::ProviderPaymentServiceServer;
use proto::anjia::adjudication::v1::supervision_service_server::SupervisionServiceServer;

use crate::app::App;

/// A policy document of 256 KiB and a claim of 2 000 lines fit well.
const MESSAGE_SIZE_MAX: usize = 1024 * 1024;

/// Everything this service serves.
pub fn routes(app: &App) -> Routes {
    let records = records::OwnRecords(app.clone());
    Routes::new()
        .add_service(
            PolicyServiceServer::new(policies::Policies(app.clone())).max_decoding_message_size(MESSAGE_SIZE_MAX),
        )
        .add_service(
            AdjudicationServiceServer::new(adjudication::Adjudications(app.clone()))
                .max_decoding_message_size(MESSAGE_SIZE_MAX),
        )
        .add_service(
            ProviderPaymentServiceServer::new(provider_payments::ProviderPayments(app.clone()))
                .max_decoding_message_size(MESSAGE_SIZE_MAX),
        )
        .add_service(
            InspectionServiceServer::new(inspection::Inspections(app.clone()))
                .max_decoding_message_size(MESSAGE_SIZE_MAX),
        )
        .add_service(SupervisionServiceServer::new(supervision::Supervision(app.clone())))
        .add_service(AccountServiceServer::new(accounts::Accounts(app.clone())))
        .add_service(AuditServiceServer::new(records.clone()))
        .add_service(EventServiceServer::new(records.clone()))
        .add_service(PrivacyServiceServer::new(records))
}
