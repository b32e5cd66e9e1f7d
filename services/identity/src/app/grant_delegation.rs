use std::collections::BTreeSet;

use chassis::{Context, Permitted};
use chrono::{DateTime, Utc};
use postgres::aliases;
use postgres::audit::{self, Entry};
use postgres::{Begun, Call, Reply, Transaction};
use proto::convert::FieldError;
use types::caller::{Caller, Party, Role};
use types::clock::local_date;
use types::delegation::Limits;
use types::ids::{DelegationId, GuardianshipId, OrganisationId, ResidentId};

use super::App;
use super::granting::{GRANTED, tell};
use crate::domain::IdentityError;
use crate::domain::delegation::{Action, Basis, Delegation, Desk, KnownAs, Signing};
use crate::store::{delegations, guardianships, identifiers, practitioners, residents};

/// A delegation to grant.
#[derive(Debug, Clone)]
pub struct NewDelegation {
    pub id: DelegationId,
    pub resident: ResidentId,
    pub delegate: Party,
    pub basis: Basis,
    pub actions: BTreeSet<Action>,
    pub limits: Limits,
    /// None: at once.
    pub from: Option<DateTime<Utc>>,
    pub until: DateTime<Utc>,
    pub evidence: String,
    /// What a desk records.
    pub desk: Option<Desk>,
}

impl NewDelegation {
    pub(super) fn granted(
        self,
        caller: &Caller,
        (signing, recorder): (Signing, Option<OrganisationId>),
        now: DateTime<Utc>,
    ) -> Delegation {
        Delegation {
            id: self.id,
            region: caller.region,
            resident: self.resident,
            delegate: self.delegate,
            known_as: KnownAs::default(),
            basis: self.basis,
            actions: self.actions,
            limits: self.limits,
            from: self.from.unwrap_or(now),
            until: self.until,
            evidence: self.evidence,
            signing,
            recorder,
            rests_on: caller.acted_for().and(caller.delegation),
            granted_at: now,
            revoked_at: None,
        }
    }
}

impl App {
    /// A resident, or a ward's guardian, lets somebody act; a desk records what the resident signs before it; an operator who has seen
    /// the papers records a guardian.
    pub async fn grant_delegation(
        &self,
        ctx: &Context,
        call: &Call<Permitted<Delegation>>,
        new: NewDelegation,
    ) -> Result<Reply<Permitted<Delegation>>, IdentityError> {
        let caller = &ctx.caller;
        let desk = new.desk.clone();
        let signed = signed(caller, &new)?;
        let delegation = ctx.permit(new.granted(caller, signed, self.now()))?;

        let mut tx = match self.db.begin_call(call).await? {
            Begun::Fresh(tx) => tx,
            Begun::Replayed(reply) => return Ok(reply),
        };
        delegation.check_grant()?;
        self.check_parties(&mut tx, &delegation).await?;
        self.check_guardian(&mut tx, &delegation).await?;
        let bond = self.guardianship_of(&mut tx, ctx, &delegation).await?;
        if let Some(guardianship) = self.own_or_guardians(&mut tx, ctx).await? {
            guardianship.check_passes_on(&delegation)?;
        }
        if let Some(desk) = &desk {
            self.check_desk(&mut tx, caller, &delegation, desk).await?;
        }
        if !delegations::insert(&mut tx, &delegation).await? {
            return Err(IdentityError::DelegationExists);
        }
        if let Some(guardianship) = bond {
            guardianships::bind_delegation(&mut tx, guardianship, delegation.region, delegation.id).await?;
        }
        tell(&mut tx, ctx, GRANTED, &delegation, delegation.granted_at).await?;
        let entry = delegations::audited(Entry::new(caller, "identity.delegation.grant"), &delegation);
        let entry = bond.iter().fold(entry, |entry, _| guardianships::audited_bond(entry, delegation.id));
        let entry = self.issue_receipt(&mut tx, &delegation, entry).await?;
        audit::record(&mut tx, entry).await?;
        Ok(call.commit(tx, delegation).await?)
    }

    /// A minor's guardian is one until the ward comes of age.
    async fn check_guardian(&self, tx: &mut Transaction, delegation: &Delegation) -> Result<(), IdentityError> {
        if delegation.basis == Basis::Guardian {
            let ward = residents::get(tx, &self.vault, delegation.resident).await?;
            let ward = ward.ok_or(IdentityError::ResidentNotFound)?;
            delegation.check_of_age(*ward.birth_date.expose())?;
        }
        Ok(())
    }

    /// The credential that was presented is the resident's, found by its blind index, and the witness is a third person.
    async fn check_desk(
        &self,
        tx: &mut Transaction,
        caller: &Caller,
        delegation: &Delegation,
        desk: &Desk,
    ) -> Result<(), IdentityError> {
        let presented = identifiers::holder(tx, &self.vault, &desk.national_id.clone().into()).await?;
        let is_theirs = match presented {
            Some(holder) => aliases::same(tx, holder, delegation.resident).await?,
            None => false,
        };
        if !is_theirs {
            return Err(IdentityError::CredentialMismatch);
        }
        let witness = practitioners::get(tx, desk.witness).await?;
        let (Some(witness), Some(organisation)) = (witness, caller.organisation) else {
            return Err(IdentityError::WitnessNotAccepted);
        };
        delegation.check_witness(&witness, organisation, caller.acting())
    }

    /// The guardianship that a delegation ends with: the guardian's own rests on one that is in force and lasts no longer; what the
    /// guardian grants rests on the same.
    async fn guardianship_of(
        &self,
        tx: &mut Transaction,
        ctx: &Context,
        delegation: &Delegation,
    ) -> Result<Option<GuardianshipId>, IdentityError> {
        match (delegation.basis, &delegation.delegate, ctx.caller.delegation) {
            (Basis::Granted, _, None) => Ok(None),
            (Basis::Granted, _, Some(rests_on)) => Ok(guardianships::of_delegation(tx, rests_on).await?),
            (Basis::Guardian, Party::Resident(guardian), _) => {
                // Nobody ends it meanwhile.
                residents::lock(tx, delegation.resident).await?;
                let today = local_date(delegation.granted_at);
                let found = guardianships::in_force(tx, delegation.resident, *guardian, today).await?;
                let guardianship = found.ok_or(IdentityError::NoGuardianship)?;
                if guardianship.ends_at().is_some_and(|end| delegation.until > end) {
                    return Err(FieldError::new("until", "must not be later than the guardianship's end").into());
                }
                Ok(Some(guardianship.id))
            }
            (Basis::Guardian, ..) => Err(IdentityError::NoGuardianship),
        }
    }

    /// A delegate cannot delegate further, nor take others' delegations away, unless they are the guardian: on what they then act.
    pub(super) async fn own_or_guardians(
        &self,
        tx: &mut Transaction,
        ctx: &Context,
    ) -> Result<Option<Delegation>, IdentityError> {
        let caller = &ctx.caller;
        let (Some(resident), Some(actor)) = (caller.resident(), &caller.actor) else {
            return Ok(None);
        };
        let rests_on = match caller.delegation {
            Some(id) => delegations::get(tx, id).await?,
            None => None,
        };
        let rests_on = rests_on.ok_or(IdentityError::NoDelegation)?;
        rests_on.check_delegate(resident, actor, self.now())?;
        match rests_on.basis {
            Basis::Guardian => Ok(Some(rests_on)),
            Basis::Granted => Err(IdentityError::ActionNotDelegated),
        }
    }
}

/// How it is signed, and which organisation answers for that. Nobody but the resident signs without credential and witness.
fn signed(caller: &Caller, new: &NewDelegation) -> Result<(Signing, Option<OrganisationId>), IdentityError> {
    match (new.basis, caller.resident(), &new.desk) {
        (Basis::Guardian, Some(_), _) => {
            Err(FieldError::new("basis", "a guardian is recorded by an operator who saw the papers").into())
        }
        (Basis::Guardian, None, Some(_)) => {
            Err(FieldError::new("desk", "is no ground for a guardian: the papers are").into())
        }
        (Basis::Guardian, None, None) if caller.has(&Role::Operator) => Ok((Signing::Papers, caller.organisation)),
        (Basis::Granted, Some(_), Some(_)) => {
            Err(FieldError::new("desk", "is for a desk; leave it out under the resident's own token").into())
        }
        (Basis::Granted, Some(_), None) => Ok((Signing::Own, None)),
        (Basis::Granted, None, Some(desk)) => Ok((Signing::Desk(desk.witness), caller.organisation)),
        (Basis::Guardian | Basis::Granted, None, None) => Err(IdentityError::NotSigned),
    }
}
