use chassis::{Context, Permitted};
use ipnet::IpNet;
use postgres::audit::{self, Entry};
use postgres::{Begun, Call, Reply, Scope};
use types::ids::OrganisationId;

use super::App;
use crate::domain::IdentityError;
use crate::domain::bank_profile::{BankKey, BankProfile};
use crate::domain::organisation;
use crate::store::{bank_profiles, organisations};

/// A profile to set.
#[derive(Debug, Clone)]
pub struct NewBankProfile {
    pub organisation: OrganisationId,
    pub networks: Vec<IpNet>,
    pub keys: Vec<BankKey>,
    /// The revision that is replaced; 0 for the first.
    pub revision: i32,
}

impl App {
    pub async fn set_bank_profile(
        &self,
        ctx: &Context,
        call: &Call<Permitted<BankProfile>>,
        new: NewBankProfile,
    ) -> Result<Reply<Permitted<BankProfile>>, IdentityError> {
        let profile = ctx.permit(BankProfile {
            organisation: new.organisation,
            region: ctx.caller.region,
            networks: new.networks,
            keys: new.keys,
            revision: new.revision.saturating_add(1),
        })?;
        profile.check()?;
        let mut tx = match self.db.begin_call(call).await? {
            Begun::Fresh(tx) => tx,
            Begun::Replayed(reply) => return Ok(reply),
        };
        match organisations::lock(&mut tx, profile.organisation).await? {
            Some(organisation::Kind::Bank) => {}
            Some(_) => return Err(IdentityError::NotABank),
            None => return Err(IdentityError::OrganisationNotFound),
        }
        let before = bank_profiles::get(&mut tx, profile.organisation).await?;
        if before.as_ref().map_or(0, |before| before.revision) != new.revision {
            return Err(IdentityError::StaleRevision);
        }
        if let Some(before) = before {
            profile.check_follows(&before, self.now())?;
        }
        bank_profiles::set(&mut tx, &profile).await?;
        let entry = Entry::new(&ctx.caller, "identity.bank_profile.set");
        audit::record(&mut tx, bank_profiles::audited(entry, &profile)).await?;
        Ok(call.commit(tx, profile).await?)
    }

    pub async fn get_bank_profile(
        &self,
        ctx: &Context,
        bank: OrganisationId,
    ) -> Result<Permitted<BankProfile>, IdentityError> {
        let mut tx = self.db.begin(Scope::of(&ctx.caller)).await?;
        let profile = bank_profiles::get(&mut tx, bank).await?.ok_or(IdentityError::BankProfileNotFound)?;
        tx.commit().await?;
        Ok(ctx.permit(profile)?)
    }
}
