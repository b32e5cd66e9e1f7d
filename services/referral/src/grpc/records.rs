//! `AuditService`, `EventService` and `PrivacyService`: what happened here, who looked at whose data, and all we have about a person.

use chassis::{Context, records::Records};
use postgres::Database;
use tonic::Status;

use crate::app::{App, PERSONAL};

#[derive(Clone)]
pub struct OwnRecords(pub App);

impl Records for OwnRecords {
    fn db(&self) -> &Database {
        &self.0.db
    }

    async fn check_view(&self, ctx: &Context) -> Result<(), Status> {
        Ok(self.0.check_view(ctx).await?)
    }
}

chassis::records!(referral for OwnRecords);
chassis::export!(referral for OwnRecords, PERSONAL);
