//! Households: recorded by those who look after the community, read by them and by the members.

use chassis::{Context, Guarded, Permitted};
use chrono::NaiveDate;
use postgres::audit::{self, Entry};
use postgres::{Begun, Call, Reply, Scope, Transaction, aliases};
use types::clock::local_date;
use types::ids::{HouseholdId, OrganisationId, ResidentId};
use uuid::Uuid;

use super::App;
use crate::domain::IdentityError;
use crate::domain::community::CommunityCode;
use crate::domain::delegation::Action;
use crate::domain::household::{Ended, Household, Member, Relation};
use crate::store::{communities, households, residents};

/// A household to record.
#[derive(Debug, Clone)]
pub struct NewHousehold {
    pub id: HouseholdId,
    pub community: CommunityCode,
    pub from: NaiveDate,
    pub members: Vec<(ResidentId, Relation)>,
}

/// Somebody who comes in.
#[derive(Debug, Clone)]
pub struct NewMember {
    pub household: HouseholdId,
    pub resident: ResidentId,
    pub relation: Relation,
    pub from: NaiveDate,
}

/// Somebody, or everybody, who goes.
#[derive(Debug, Clone)]
pub struct Leaving {
    pub household: HouseholdId,
    pub until: NaiveDate,
    pub reason: String,
}

/// A household as of a day, as it is shown.
#[derive(Debug, Clone)]
pub struct ShownHousehold {
    pub household: Household,
    /// Who is asked about, if somebody in particular.
    resident: Option<ResidentId>,
    served_by: Vec<OrganisationId>,
}

impl Guarded for ShownHousehold {
    const NOT_FOUND: &'static str = "HOUSEHOLD_NOT_FOUND";

    fn resident(&self) -> Option<ResidentId> {
        self.resident
    }

    fn organisations(&self) -> Vec<OrganisationId> {
        self.served_by.iter().copied().chain(self.household.registrar).collect()
    }
}

impl App {
    pub async fn form_household(
        &self,
        ctx: &Context,
        call: &Call<Permitted<ShownHousehold>>,
        new: NewHousehold,
    ) -> Result<Reply<Permitted<ShownHousehold>>, IdentityError> {
        let now = self.now();
        let member = |(resident, relation)| self.member(resident, relation, new.from);
        let household = Household {
            id: new.id,
            region: ctx.caller.region,
            community: new.community,
            registrar: ctx.caller.organisation,
            from: new.from,
            formed_at: now,
            ended: None,
            members: new.members.into_iter().map(member).collect(),
        };
        household.check().map_err(|wrong| wrong.within("household"))?;
        let mut tx = match self.db.begin_call(call).await? {
            Begun::Fresh(tx) => tx,
            Begun::Replayed(reply) => return Ok(reply),
        };
        let known = communities::get(&mut tx, &household.community).await?.ok_or(IdentityError::CommunityNotFound)?;
        // Whoever looks after the community says who lives there; having recorded it is no ground of its own.
        let served_by = known.organisations;
        ctx.permit(ShownHousehold {
            household: Household { registrar: None, ..household.clone() },
            resident: None,
            served_by: served_by.clone(),
        })?;
        let everybody: Vec<ResidentId> = household.members.iter().map(|member| member.resident).collect();
        if !residents::lock_all(&mut tx, &everybody).await? {
            return Err(IdentityError::ResidentNotFound);
        }
        if !households::insert(&mut tx, &household).await? {
            return Err(IdentityError::HouseholdExists);
        }
        for member in &household.members {
            take_in(&mut tx, &household, member).await?;
        }
        let members = household.members.clone();
        record(&mut tx, ctx, "identity.household.form", &household, &members).await?;
        let day = household.from;
        let shown = ctx.permit(ShownHousehold { household: household.on(day), resident: None, served_by })?;
        Ok(call.commit(tx, shown).await?)
    }

    pub async fn add_household_member(
        &self,
        ctx: &Context,
        call: &Call<Permitted<ShownHousehold>>,
        new: NewMember,
    ) -> Result<Reply<Permitted<ShownHousehold>>, IdentityError> {
        let mut tx = match self.db.begin_call(call).await? {
            Begun::Fresh(tx) => tx,
            Begun::Replayed(reply) => return Ok(reply),
        };
        // Persons before households, as everybody locks them.
        if !residents::lock(&mut tx, new.resident).await? {
            return Err(IdentityError::ResidentNotFound);
        }
        let mut shown = locked(&mut tx, ctx, new.household).await?.into_inner();
        let member = self.member(new.resident, new.relation, new.from);
        shown.household.check_joins(&member)?;
        take_in(&mut tx, &shown.household, &member).await?;
        record(&mut tx, ctx, "identity.household.add", &shown.household, std::slice::from_ref(&member)).await?;
        shown.household.members.push(member);
        let shown = ctx.permit(shown.on(new.from))?;
        Ok(call.commit(tx, shown).await?)
    }

    /// Ends somebody's membership; again changes nothing and answers the same.
    pub async fn remove_household_member(
        &self,
        ctx: &Context,
        call: &Call<Permitted<ShownHousehold>>,
        resident: ResidentId,
        leaving: Leaving,
    ) -> Result<Reply<Permitted<ShownHousehold>>, IdentityError> {
        let mut tx = match self.db.begin_call(call).await? {
            Begun::Fresh(tx) => tx,
            Begun::Replayed(reply) => return Ok(reply),
        };
        let mut shown = locked(&mut tx, ctx, leaving.household).await?.into_inner();
        let ids = aliases::one_person(&mut tx, resident).await?;
        let theirs = shown.household.members.iter_mut().rev().find(|member| ids.contains(&member.resident));
        let member = theirs.ok_or(IdentityError::MemberNotFound)?;
        if member.relation == Relation::Head {
            return Err(IdentityError::HouseholdNeedsItsHead);
        }
        let ended = Ended { with: leaving.until, at: self.now(), reason: leaving.reason };
        if member.ended.is_none() {
            *member = member.clone().end(ended.clone())?;
            let member = member.clone();
            households::end_member(&mut tx, member.id, &ended).await?;
            record(&mut tx, ctx, "identity.household.remove", &shown.household, &[member]).await?;
        }
        let shown = ctx.permit(shown.on(leaving.until))?;
        Ok(call.commit(tx, shown).await?)
    }

    /// Ends it for everybody; again changes nothing and answers the same.
    pub async fn end_household(
        &self,
        ctx: &Context,
        call: &Call<Permitted<ShownHousehold>>,
        leaving: Leaving,
    ) -> Result<Reply<Permitted<ShownHousehold>>, IdentityError> {
        let mut tx = match self.db.begin_call(call).await? {
            Begun::Fresh(tx) => tx,
            Begun::Replayed(reply) => return Ok(reply),
        };
        let shown = locked(&mut tx, ctx, leaving.household).await?.into_inner();
        let ended = Ended { with: leaving.until, at: self.now(), reason: leaving.reason };
        let (household, gone) = shown.household.end(&ended)?;
        if households::end(&mut tx, household.id, &ended).await? {
            for member in &gone {
                households::end_member(&mut tx, member.id, &ended).await?;
            }
            record(&mut tx, ctx, "identity.household.end", &household, &gone).await?;
        }
        let last_day = household.ended.as_ref().map_or(leaving.until, |ended| ended.with);
        let shown = ctx.permit(ShownHousehold { household, ..shown }.on(last_day))?;
        Ok(call.commit(tx, shown).await?)
    }

    /// With whom somebody lives on a day; today where none is named.
    pub async fn get_household(
        &self,
        ctx: &Context,
        resident: ResidentId,
        on: Option<NaiveDate>,
    ) -> Result<Permitted<ShownHousehold>, IdentityError> {
        let on = on.unwrap_or_else(|| local_date(self.now()));
        let mut tx = self.db.begin(Scope::of(&ctx.caller)).await?;
        let found = households::of_resident(&mut tx, resident, on).await?.ok_or(IdentityError::HouseholdNotFound)?;
        let served_by = served_by(&mut tx, &found).await?;
        let shown = ctx.permit(ShownHousehold { household: found.on(on), resident: Some(resident), served_by })?;
        if ctx.caller.acted_for().is_some() && ctx.caller.is(resident) {
            self.check_may(&mut tx, ctx, resident, Action::View).await?;
        }
        record(&mut tx, ctx, "identity.household.read", &shown.household, &shown.household.members).await?;
        tx.commit().await?;
        Ok(shown)
    }

    fn member(&self, resident: ResidentId, relation: Relation, from: NaiveDate) -> Member {
        Member { id: Uuid::now_v7(), resident, relation, from, recorded_at: self.now(), ended: None }
    }
}

impl ShownHousehold {
    fn on(self, day: NaiveDate) -> Self {
        Self { household: self.household.on(day), ..self }
    }
}

/// One that the caller may change, kept from others until the end of the transaction.
async fn locked(
    tx: &mut Transaction,
    ctx: &Context,
    id: HouseholdId,
) -> Result<Permitted<ShownHousehold>, IdentityError> {
    let household = households::lock(tx, id).await?.ok_or(IdentityError::HouseholdNotFound)?;
    let served_by = served_by(tx, &household).await?;
    Ok(ctx.permit(ShownHousehold { household, resident: None, served_by })?)
}

async fn served_by(tx: &mut Transaction, household: &Household) -> Result<Vec<OrganisationId>, IdentityError> {
    let community = communities::get(tx, &household.community).await?;
    Ok(community.map(|community| community.organisations).unwrap_or_default())
}

/// Writes a membership, under the resident's lock: nobody belongs to two households on one day.
async fn take_in(tx: &mut Transaction, household: &Household, member: &Member) -> Result<(), IdentityError> {
    if households::belongs_from(tx, member.resident, member.from).await? {
        return Err(IdentityError::HouseholdOverlaps);
    }
    Ok(households::insert_member(tx, household.region, household.id, member).await?)
}

/// It stands in the log of everybody concerned.
pub(super) async fn record(
    tx: &mut Transaction,
    ctx: &Context,
    action: &'static str,
    household: &Household,
    members: &[Member],
) -> Result<(), IdentityError> {
    for member in members {
        let entry = households::audited_member(Entry::new(&ctx.caller, action), member);
        audit::record(tx, households::audited(entry, household)).await?;
    }
    Ok(())
}
