//! `AuditService` and `EventService`: what happened here, and who looked at whose data.

use chassis::Context;
use chassis::records::Records;
use postgres::Database;
use tonic::Status;

use super::Grpc;

impl Records for Grpc {
    fn db(&self) -> &Database {
        &self.0.db
    }

    async fn check_view(&self, ctx: &Context) -> Result<(), Status> {
        Ok(self.0.check_view(ctx).await?)
    }
}

chassis::records!(identity for Grpc);
