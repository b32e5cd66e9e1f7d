use chassis::{Context, Permitted};
use chrono::{DateTime, Utc};
use postgres::audit::{self, Entry};
use postgres::events::{self, NewEvent};
use postgres::{Begun, Call, Reply};
use serde_json::json;
use types::ids::{ConsentId, OrganisationId, ResidentId};

use super::App;
use crate::domain::consent::{Consent, Purpose};
use crate::domain::delegation::Action;
use crate::domain::{IdentityError, check_until};
use crate::store::{consents, organisations, residents};

/// A consent to grant.
#[derive(Debug, Clone)]
pub struct NewConsent {
    pub id: ConsentId,
    pub resident: ResidentId,
    pub recipient: OrganisationId,
    pub purpose: Purpose,
    pub until: DateTime<Utc>,
}

impl App {
    /// By the resident, or a delegate who may refer.
    pub async fn grant_consent(
        &self,
        ctx: &Context,
        call: &Call<Permitted<Consent>>,
        new: NewConsent,
    ) -> Result<Reply<Permitted<Consent>>, IdentityError> {
        let consent = ctx.permit(Consent {
            id: new.id,
            region: ctx.caller.region,
            resident: new.resident,
            recipient: new.recipient,
            purpose: new.purpose,
            until: new.until,
            granted_at: self.now(),
        })?;

        let mut tx = match self.db.begin_call(call).await? {
            Begun::Fresh(tx) => tx,
            Begun::Replayed(reply) => return Ok(reply),
        };
        check_until(consent.until, consent.granted_at)?;
        self.check_may(&mut tx, ctx, consent.resident, Action::Refer).await?;
        if !residents::exists(&mut tx, consent.resident).await? {
            return Err(IdentityError::ResidentNotFound);
        }
        if !organisations::exists(&mut tx, consent.recipient).await? {
            return Err(IdentityError::OrganisationNotFound);
        }
        if !consents::insert(&mut tx, &consent).await? {
            return Err(IdentityError::ConsentExists);
        }
        let data = json!({
            "resident_id": consent.resident,
            "recipient_organisation_id": consent.recipient,
            "purpose": consent.purpose.as_str(),
        });
        let event = NewEvent::new("anjia.identity.consent.granted.v1", consent.id, data, consent.granted_at);
        events::append(&mut tx, event.traceparent(ctx.traceparent())).await?;
        let entry = Entry::new(&ctx.caller, "identity.consent.grant");
        audit::record(&mut tx, consents::audited(entry, &consent)).await?;
        Ok(call.commit(tx, consent).await?)
    }
}
