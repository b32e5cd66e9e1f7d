//! What every service shows of what it keeps: its audit, its events, all it has about a person.
//!
//! Every package declares an `AuditService`, an `EventService` and a `PrivacyService` of its own, with messages of its own in which the
//! same words are. The macros write what differs by the names of the package alone.

use postgres::Database;
use tonic::Status;

use crate::Context;

/// Whose records they are.
pub trait Records: Send + Sync + 'static {
    fn db(&self) -> &Database;

    /// Whether whoever acts for a person may see what is kept about them.
    fn check_view(&self, ctx: &Context) -> impl Future<Output = Result<(), Status>> + Send;
}

/// `records!(scheduling for OwnRecords)`: the `AuditService` and the `EventService` of a package, by [`Records`].
#[macro_export]
macro_rules! records {
    ($service:ident for $server:ty) => {
        const _: () = {
            use ::proto::anjia::$service::v1 as wire;
            use ::tonic::{Request, Response, Status};
            use $crate::records::Records;
            use $crate::{Context, audit, feed};

            #[::tonic::async_trait]
            impl wire::audit_service_server::AuditService for $server {
                async fn get_checkpoint(
                    &self,
                    _: Request<wire::GetCheckpointRequest>,
                ) -> Result<Response<wire::GetCheckpointResponse>, Status> {
                    let checkpoint = audit::checkpoint(Records::db(self)).await?;
                    Ok(Response::new(wire::GetCheckpointResponse { checkpoint: Some(checkpoint) }))
                }

                async fn prove_inclusion(
                    &self,
                    request: Request<wire::ProveInclusionRequest>,
                ) -> Result<Response<wire::ProveInclusionResponse>, Status> {
                    let wire::ProveInclusionRequest { position, size } = request.into_inner();
                    let proof = audit::prove_inclusion(Records::db(self), position, size).await?;
                    Ok(Response::new(wire::ProveInclusionResponse { proof: Some(proof) }))
                }

                async fn prove_consistency(
                    &self,
                    request: Request<wire::ProveConsistencyRequest>,
                ) -> Result<Response<wire::ProveConsistencyResponse>, Status> {
                    let wire::ProveConsistencyRequest { old_size, new_size } = request.into_inner();
                    let proof = audit::prove_consistency(Records::db(self), old_size, new_size).await?;
                    Ok(Response::new(wire::ProveConsistencyResponse { proof: Some(proof) }))
                }

                async fn get_witnessed(
                    &self,
                    request: Request<wire::GetWitnessedRequest>,
                ) -> Result<Response<wire::GetWitnessedResponse>, Status> {
                    let witnessed = audit::witnessed(Records::db(self), &Context::of(&request)?).await?;
                    Ok(Response::new(wire::GetWitnessedResponse { witnessed: Some(witnessed) }))
                }

                async fn list_access(
                    &self,
                    request: Request<wire::ListAccessRequest>,
                ) -> Result<Response<wire::ListAccessResponse>, Status> {
                    let ctx = Context::of(&request)?;
                    let wire::ListAccessRequest { resident_id, page } = request.into_inner();
                    let asked = audit::asked(&ctx, &resident_id, page.as_ref())?;
                    Records::check_view(self, &ctx).await?;
                    let action = concat!(stringify!($service), ".access.list");
                    let page = audit::list_access(Records::db(self), &ctx, action, asked).await?;
                    Ok(Response::new(wire::ListAccessResponse { page: Some(page) }))
                }
            }

            #[::tonic::async_trait]
            impl wire::event_service_server::EventService for $server {
                async fn pull_events(
                    &self,
                    request: Request<wire::PullEventsRequest>,
                ) -> Result<Response<wire::PullEventsResponse>, Status> {
                    let ctx = Context::of(&request)?;
                    let (source, cursor) = (concat!("anjia/", stringify!($service)), &request.get_ref().cursor);
                    let batch = feed::pull(Records::db(self), &ctx, source, cursor.as_ref()).await?;
                    Ok(Response::new(wire::PullEventsResponse { batch: Some(batch) }))
                }
            }
        };
    };
}

/// `export!(scheduling for OwnRecords, PERSONAL)`: the `PrivacyService` of a package, which exports these tables.
#[macro_export]
macro_rules! export {
    ($service:ident for $server:ty, $tables:expr) => {
        const _: () = {
            use ::proto::anjia::$service::v1 as wire;
            use ::tonic::{Request, Response, Status};
            use $crate::records::Records;
            use $crate::{Context, export};

            #[::tonic::async_trait]
            impl wire::privacy_service_server::PrivacyService for $server {
                async fn export_resident(
                    &self,
                    request: Request<wire::ExportResidentRequest>,
                ) -> Result<Response<wire::ExportResidentResponse>, Status> {
                    let ctx = Context::of(&request)?;
                    let action = concat!(stringify!($service), ".resident.export");
                    let asked = request.get_ref().export.as_ref();
                    let page = export::page(Records::db(self), &ctx, action, $tables, asked).await?;
                    Ok(Response::new(wire::ExportResidentResponse { page: Some(page) }))
                }
            }
        };
    };
}
