//! The services on the wire: parse, one call, encode.

mod alliances;
mod bank_profiles;
mod break_glasses;
mod communities;
mod consents;
mod convert;
mod cover;
mod delegations;
mod designations;
mod enrolments;
mod family_doctors;
mod flags;
mod guardianships;
mod households;
mod mandates;
mod merges;
mod organisations;
mod people;
mod privacy;
mod records;
mod residents;
mod status;
mod tokens;

use std::sync::Arc;

use chassis::Routes;
use postgres::{Reply, paging};
use proto::anjia::common::v1::PageRequest;
use proto::anjia::identity::v1::alliance_service_server::AllianceServiceServer;
use proto::anjia::identity::v1::audit_service_server::AuditServiceServer;
use proto::anjia::identity::v1::bank_profile_service_server::BankProfileServiceServer;
use proto::anjia::identity::v1::break_glass_service_server::BreakGlassServiceServer;
use proto::anjia::identity::v1::community_service_server::CommunityServiceServer;
use proto::anjia::identity::v1::consent_service_server::ConsentServiceServer;
use proto::anjia::identity::v1::delegation_service_server::DelegationServiceServer;
use proto::anjia::identity::v1::designation_service_server::DesignationServiceServer;
use proto::anjia::identity::v1::enrolment_service_server::EnrolmentServiceServer;
use proto::anjia::identity::v1::event_service_server::EventServiceServer;
use proto::anjia::identity::v1::family_doctor_service_server::FamilyDoctorServiceServer;
use proto::anjia::identity::v1::guardianship_service_server::GuardianshipServiceServer;
use proto::anjia::identity::v1::household_service_server::HouseholdServiceServer;
use proto::anjia::identity::v1::mandate_service_server::MandateServiceServer;
use proto::anjia::identity::v1::merge_service_server::MergeServiceServer;
use proto::anjia::identity::v1::organisation_service_server::OrganisationServiceServer;
use proto::anjia::identity::v1::privacy_service_server::PrivacyServiceServer;
use proto::anjia::identity::v1::resident_service_server::ResidentServiceServer;
use proto::anjia::identity::v1::token_service_server::TokenServiceServer;
use proto::anjia::identity::v1::vulnerability_service_server::VulnerabilityServiceServer;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tonic::{Response, Status};

use crate::app::App;

/// All services of identity, over the same use cases.
#[derive(Clone)]
pub struct Grpc(Arc<App>);

/// What the server serves.
pub fn routes(app: Arc<App>) -> Routes {
    let grpc = Grpc(app);
    Routes::new()
        .add_service(ResidentServiceServer::new(grpc.clone()))
        .add_service(OrganisationServiceServer::new(grpc.clone()))
        .add_service(AllianceServiceServer::new(grpc.clone()))
        .add_service(BankProfileServiceServer::new(grpc.clone()))
        .add_service(DesignationServiceServer::new(grpc.clone()))
        .add_service(EnrolmentServiceServer::new(grpc.clone()))
        .add_service(FamilyDoctorServiceServer::new(grpc.clone()))
        .add_service(DelegationServiceServer::new(grpc.clone()))
        .add_service(GuardianshipServiceServer::new(grpc.clone()))
        .add_service(MergeServiceServer::new(grpc.clone()))
        .add_service(HouseholdServiceServer::new(grpc.clone()))
        .add_service(VulnerabilityServiceServer::new(grpc.clone()))
        .add_service(CommunityServiceServer::new(grpc.clone()))
        .add_service(ConsentServiceServer::new(grpc.clone()))
        .add_service(BreakGlassServiceServer::new(grpc.clone()))
        .add_service(MandateServiceServer::new(grpc.clone()))
        .add_service(TokenServiceServer::new(grpc.clone()))
        .add_service(AuditServiceServer::new(grpc.clone()))
        .add_service(EventServiceServer::new(grpc.clone()))
        .add_service(PrivacyServiceServer::new(grpc))
}

/// The answer to a write, fresh or repeated.
fn answer<T, M: prost::Message + Default>(reply: Reply<T>, encode: impl FnOnce(T) -> M) -> Result<Response<M>, Status> {
    reply.into_message(encode).map(Response::new).map_err(|error| chassis::error::internal(&error))
}

/// The page asked for; its token belongs to the `query`, which is the request without the page.
fn page<K: Serialize + DeserializeOwned>(
    asked: Option<PageRequest>,
    query: &impl prost::Message,
) -> Result<paging::PageRequest<K>, Status> {
    let asked = asked.unwrap_or_default();
    paging::PageRequest::parse(asked.page_size, &asked.page_token, &query.encode_to_vec())
        .map_err(|wrong| chassis::error::invalid(wrong.within("page")))
}
