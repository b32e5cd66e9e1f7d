use chassis::{Context, Permitted};
use chrono::NaiveDate;
use postgres::audit::{self, Entry};
use postgres::events::{self, NewEvent};
use postgres::{Begun, Call, Reply, Transaction};
use serde_json::json;
use types::ids::{DesignationId, OrganisationId};
use uuid::Uuid;

use super::App;
use crate::domain::IdentityError;
use crate::domain::designation::{Designation, Kind};
use crate::domain::organisation;
use crate::store::{designations, organisations};

/// A contract to make.
#[derive(Debug, Clone)]
pub struct NewDesignation {
    pub id: DesignationId,
    pub provider: OrganisationId,
    pub kind: Kind,
    pub from: NaiveDate,
    pub until: Option<NaiveDate>,
}

impl App {
    /// By an officer of the insurer, for the insurer.
    pub async fn designate_provider(
        &self,
        ctx: &Context,
        call: &Call<Permitted<Designation>>,
        new: NewDesignation,
    ) -> Result<Reply<Permitted<Designation>>, IdentityError> {
        let designation = ctx.permit(Designation {
            id: new.id,
            region: ctx.caller.region,
            provider: new.provider,
            insurer: ctx.caller.organisation,
            kind: new.kind,
            from: new.from,
            until: new.until,
            suspensions: vec![],
            end_reason: String::new(),
            made_at: self.now(),
        })?;
        designation.check()?;

        let mut tx = match self.db.begin_call(call).await? {
            Begun::Fresh(tx) => tx,
            Begun::Replayed(reply) => return Ok(reply),
        };
        // Whoever designates the same provider now waits here.
        match organisations::lock(&mut tx, designation.provider).await? {
            Some(organisation::Kind::Provider) => {}
            Some(_) => return Err(IdentityError::NotAProvider),
            None => return Err(IdentityError::OrganisationNotFound),
        }
        if let Some(insurer) = designation.insurer
            && !organisations::exists(&mut tx, insurer).await?
        {
            return Err(IdentityError::OrganisationNotFound);
        }
        let others = designations::of(&mut tx, &[designation.provider.uuid()]).await?;
        if others.iter().any(|other| other.overlaps(&designation)) {
            return Err(IdentityError::DesignationOverlaps);
        }
        if !designations::insert(&mut tx, &designation).await? {
            return Err(IdentityError::DesignationExists);
        }
        self.designation_changed(&mut tx, ctx, &designation, "identity.designation.make").await?;
        Ok(call.commit(tx, designation).await?)
    }

    /// Tells and records a contract as it stands now.
    pub(super) async fn designation_changed(
        &self,
        tx: &mut Transaction,
        ctx: &Context,
        designation: &Designation,
        action: &'static str,
    ) -> Result<(), IdentityError> {
        let data = json!({
            "provider_organisation_id": designation.provider,
            "kind": designation.kind.as_str(),
            "from": designation.from,
            "until": designation.until,
        });
        let event = NewEvent::new("anjia.identity.designation.changed.v1", designation.id, data, self.now());
        events::append(tx, event.traceparent(ctx.traceparent())).await?;
        audit::record(tx, designations::audited(Entry::new(&ctx.caller, action), designation)).await?;
        Ok(())
    }
}

/// What a provider that says so on its registration is designated for: everything.
pub(super) fn said_on_registration(
    provider: &organisation::Organisation,
    from: NaiveDate,
    until: Option<NaiveDate>,
) -> Vec<Designation> {
    let designation = |kind| Designation {
        id: DesignationId::from_uuid(Uuid::now_v7()),
        region: provider.region,
        provider: provider.id,
        insurer: None,
        kind,
        from,
        until,
        suspensions: vec![],
        end_reason: String::new(),
        made_at: provider.registered_at,
    };
    Kind::ALL.into_iter().map(designation).collect()
}
