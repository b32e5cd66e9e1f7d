use chassis::{Context, Permitted};
use chrono::NaiveDate;
use postgres::audit::{self, Entry};
use postgres::{Begun, Call, Reply, Transaction};
use types::ids::{AllianceId, OrganisationId};
use uuid::Uuid;

use super::App;
use crate::domain::IdentityError;
use crate::domain::alliance::{Alliance, Kind, Member};
use crate::domain::organisation;
use crate::store::{alliances, organisations};

/// An alliance to form.
#[derive(Debug, Clone)]
pub struct NewAlliance {
    pub id: AllianceId,
    pub name: String,
    pub kind: Kind,
    pub lead: OrganisationId,
    pub from: NaiveDate,
}

impl App {
    /// Of its lead alone; the others join.
    pub async fn form_alliance(
        &self,
        ctx: &Context,
        call: &Call<Permitted<Alliance>>,
        new: NewAlliance,
    ) -> Result<Reply<Permitted<Alliance>>, IdentityError> {
        let lead = Member { row: Uuid::now_v7(), organisation: new.lead, from: new.from, until: None };
        let alliance = ctx.permit(Alliance {
            id: new.id,
            region: ctx.caller.region,
            name: new.name,
            kind: new.kind,
            lead: new.lead,
            members: vec![lead.clone()],
            formed_at: self.now(),
        })?;
        let mut tx = match self.db.begin_call(call).await? {
            Begun::Fresh(tx) => tx,
            Begun::Replayed(reply) => return Ok(reply),
        };
        check_may_join(&mut tx, &lead).await?;
        if !alliances::insert(&mut tx, &alliance).await? {
            return Err(IdentityError::AllianceExists);
        }
        alliances::add_member(&mut tx, &alliance, &lead).await?;
        let entry = alliances::audited(Entry::new(&ctx.caller, "identity.alliance.form"), &alliance);
        audit::record(&mut tx, alliances::member_audited(entry, &lead)).await?;
        Ok(call.commit(tx, alliance).await?)
    }

    pub async fn join_alliance(
        &self,
        ctx: &Context,
        call: &Call<Permitted<Alliance>>,
        id: AllianceId,
        organisation: OrganisationId,
        from: NaiveDate,
    ) -> Result<Reply<Permitted<Alliance>>, IdentityError> {
        let mut tx = match self.db.begin_call(call).await? {
            Begun::Fresh(tx) => tx,
            Begun::Replayed(reply) => return Ok(reply),
        };
        let member = Member { row: Uuid::now_v7(), organisation, from, until: None };
        check_may_join(&mut tx, &member).await?;
        let alliance = alliances::get(&mut tx, id).await?.ok_or(IdentityError::AllianceNotFound)?;
        alliances::add_member(&mut tx, &alliance, &member).await?;
        self.membership_changed(tx, ctx, call, &alliance, &member, "identity.alliance.join").await
    }

    pub async fn leave_alliance(
        &self,
        ctx: &Context,
        call: &Call<Permitted<Alliance>>,
        id: AllianceId,
        organisation: OrganisationId,
        until: NaiveDate,
    ) -> Result<Reply<Permitted<Alliance>>, IdentityError> {
        let mut tx = match self.db.begin_call(call).await? {
            Begun::Fresh(tx) => tx,
            Begun::Replayed(reply) => return Ok(reply),
        };
        organisations::lock(&mut tx, organisation).await?;
        let alliance = alliances::get(&mut tx, id).await?.ok_or(IdentityError::AllianceNotFound)?;
        let member = alliance.leave(organisation, until)?;
        alliances::end_membership(&mut tx, &member).await?;
        self.membership_changed(tx, ctx, call, &alliance, &member, "identity.alliance.leave").await
    }

    async fn membership_changed(
        &self,
        mut tx: Transaction,
        ctx: &Context,
        call: &Call<Permitted<Alliance>>,
        alliance: &Alliance,
        member: &Member,
        action: &'static str,
    ) -> Result<Reply<Permitted<Alliance>>, IdentityError> {
        let changed = alliances::get(&mut tx, alliance.id).await?.ok_or(IdentityError::AllianceNotFound)?;
        let changed = ctx.permit(changed)?;
        audit::record(&mut tx, alliances::member_audited(Entry::new(&ctx.caller, action), member)).await?;
        Ok(call.commit(tx, changed).await?)
    }
}

/// A provider is in one alliance a day. Whoever lets the same one join now waits here.
async fn check_may_join(tx: &mut Transaction, member: &Member) -> Result<(), IdentityError> {
    match organisations::lock(tx, member.organisation).await? {
        Some(organisation::Kind::Provider) => {}
        Some(_) => return Err(IdentityError::NotAProvider),
        None => return Err(IdentityError::OrganisationNotFound),
    }
    if alliances::is_member(tx, member.organisation, member.from).await? {
        return Err(IdentityError::AlreadyAMember);
    }
    Ok(())
}
