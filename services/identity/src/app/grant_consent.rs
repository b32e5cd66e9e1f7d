use std::collections::BTreeSet;

use chassis::{Context, Permitted};
use chrono::{DateTime, Utc};
use postgres::audit::{self, Entry};
use postgres::events::{self, NewEvent};
use postgres::{Begun, Call, Reply, Transaction};
use serde_json::json;
use types::ids::{ConsentId, ResidentId};

use super::App;
use crate::domain::IdentityError;
use crate::domain::consent::{Consent, DataKind, Purpose, Recipient, RecipientClass};
use crate::domain::delegation::Action;
use crate::store::{consents, organisations, residents};

/// A consent to grant.
#[derive(Debug, Clone)]
pub struct NewConsent {
    pub id: ConsentId,
    pub resident: ResidentId,
    pub recipient: Recipient,
    pub purpose: Purpose,
    pub kinds: BTreeSet<DataKind>,
    /// None: at once.
    pub from: Option<DateTime<Utc>>,
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
        let now = self.now();
        let consent = ctx.permit(Consent {
            id: new.id,
            region: ctx.caller.region,
            resident: new.resident,
            recipient: new.recipient,
            purpose: new.purpose,
            kinds: new.kinds,
            from: new.from.unwrap_or(now),
            until: new.until,
            granted_at: now,
            revoked_at: None,
        })?;

        let mut tx = match self.db.begin_call(call).await? {
            Begun::Fresh(tx) => tx,
            Begun::Replayed(reply) => return Ok(reply),
        };
        consent.check_grant()?;
        self.check_may_refer(&mut tx, ctx, &consent).await?;
        if !residents::exists(&mut tx, consent.resident).await? {
            return Err(IdentityError::ResidentNotFound);
        }
        if let Some(recipient) = consent.recipient.organisation()
            && !organisations::exists(&mut tx, recipient).await?
        {
            return Err(IdentityError::OrganisationNotFound);
        }
        if !consents::insert(&mut tx, &consent).await? {
            return Err(IdentityError::ConsentExists);
        }
        tell(&mut tx, ctx, "anjia.identity.consent.granted.v1", &consent, now).await?;
        let entry = Entry::new(&ctx.caller, "identity.consent.grant");
        audit::record(&mut tx, consents::audited(entry, &consent)).await?;
        Ok(call.commit(tx, consent).await?)
    }

    /// Whoever acts for the resident needs REFER, with this recipient.
    pub(super) async fn check_may_refer(
        &self,
        tx: &mut Transaction,
        ctx: &Context,
        consent: &Consent,
    ) -> Result<(), IdentityError> {
        match self.check_may(tx, ctx, consent.resident, Action::Refer).await? {
            Some(delegation) => delegation.check_reach(None, consent.recipient.organisation()),
            None => Ok(()),
        }
    }
}

/// Tells of a consent: who may see data, and what for.
pub(super) async fn tell(
    tx: &mut Transaction,
    ctx: &Context,
    kind: &'static str,
    consent: &Consent,
    now: DateTime<Utc>,
) -> Result<(), IdentityError> {
    let data = json!({
        "resident_id": consent.resident,
        "recipient_organisation_id": consent.recipient.organisation().map(|id| id.to_string()).unwrap_or_default(),
        "recipient_class": consent.recipient.class().map(RecipientClass::as_str).unwrap_or_default(),
        "purpose": consent.purpose.as_str(),
    });
    let event = NewEvent::new(kind, consent.id, data, now);
    events::append(tx, event.traceparent(ctx.traceparent())).await?;
    Ok(())
}
