//! `AuditService`, `EventService` and `PrivacyService`: what happened here, who looked at whose data, and all we have about a person.

use std::sync::Arc;

use chassis::Context;
use chassis::records::Records;
use postgres::Database;
use tonic::Status;

use super::status::refuse;
use crate::app::{App, PERSONAL};

#[derive(Clone)]
pub(super) struct OwnRecords(pub(super) Arc<App>);

impl Records for OwnRecords {
    fn db(&self) -> &Database {
        &self.0.db
    }

    async fn check_view(&self, ctx: &Context) -> Result<(), Status> {
        self.0.may_view(ctx).await.map_err(refuse)
    }
}

chassis::records!(payment for OwnRecords);
chassis::export!(payment for OwnRecords, PERSONAL);
