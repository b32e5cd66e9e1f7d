use chassis::auth::Claims;
use postgres::Transaction;
use postgres::aliases;
use postgres::audit::{self, Entry};
use sha2::{Digest, Sha256};
use types::caller::Party;
use types::identifier::Identifier;
use types::national_id::NationalId;
use uuid::Uuid;

use super::App;
use crate::domain::IdentityError;
use crate::domain::client::Client;
use crate::domain::link::Link;
use crate::domain::login::Login;
use crate::domain::resident::Resident;
use crate::domain::token;
use crate::store::{assertions, identifiers, logins, residents};

impl App {
    /// Finds who logged in, takes the login, and answers what a token of theirs may say at most: roles that the provider vouches for,
    /// that are registered for the person and that the client may ask for.
    pub(super) async fn log_in(
        &self,
        tx: &mut Transaction,
        client: &Client,
        login: &Login,
    ) -> Result<Claims, IdentityError> {
        take(tx, login).await?;
        let numbered = match &login.national_id {
            Some(number) => self.numbered(tx, number).await?,
            None => None,
        };
        let link = match logins::get(tx, &login.issuer, &login.subject).await? {
            Some(link) => link,
            None => self.link(tx, login, numbered.as_ref()).await?,
        };
        link.check(login, numbered.map(|resident| resident.id))?;
        let roles = link.roles.iter().filter(|role| login.roles.contains(role) && client.exchanges.contains(role));
        let party = match link.party {
            Party::Resident(id) => Party::Resident(aliases::survivor(tx, id).await?),
            _ => link.party.clone(),
        };
        let claims = token::own(&party, link.organisation, roles, link.region, &client.client_id);
        let entry = Entry::by_service("identity", "identity.token.issue_login");
        audit::record(tx, logins::audited(entry, &link.party, link.id)).await?;
        Ok(claims)
    }

    async fn numbered(&self, tx: &mut Transaction, number: &NationalId) -> Result<Option<Resident>, IdentityError> {
        let identifier = Identifier::from(number.clone());
        match identifiers::holder(tx, &self.vault, &identifier).await? {
            // As they were registered with this number, whoever they have been merged into.
            Some(holder) => Ok(residents::get_many(tx, &self.vault, &[holder]).await?.pop()),
            None => Ok(None),
        }
    }

    /// A first login: it belongs to the registered resident whom the provider names, or to nobody. Staff are linked by an operator.
    async fn link(
        &self,
        tx: &mut Transaction,
        login: &Login,
        numbered: Option<&Resident>,
    ) -> Result<Link, IdentityError> {
        let resident = match (numbered, login.resident) {
            (Some(resident), _) => resident.id,
            (None, Some(id)) if login.national_id.is_none() && residents::exists(tx, id).await? => id,
            _ => return Err(IdentityError::PersonUnknown),
        };
        let is_namesake = numbered.zip(login.name.as_ref()).is_some_and(|(resident, name)| resident.name != *name);
        if is_namesake {
            return Err(IdentityError::LoginMismatch);
        }
        let link = Link::of_resident(Uuid::now_v7(), login, resident, self.now());
        link.check(login, numbered.map(|resident| resident.id))?;
        if logins::insert(tx, &link).await? {
            let entry = Entry::by_service("identity", "identity.login.link");
            audit::record(tx, logins::audited(entry, &link.party, link.id)).await?;
            return Ok(link);
        }
        // Somebody was first; or it is linked in another region, whose people are not ours.
        logins::get(tx, &login.issuer, &login.subject).await?.ok_or(IdentityError::PersonUnknown)
    }
}

/// A token that can be told from others is good for one exchange.
async fn take(tx: &mut Transaction, login: &Login) -> Result<(), IdentityError> {
    let Some(once) = &login.once else {
        return Ok(());
    };
    // No client is called this: client ids have no colon.
    let provider = format!("provider:{}", login.provider);
    let digest = hex::encode(Sha256::digest(once));
    let is_first = assertions::take(tx, &provider, &digest, login.expires_at).await?;
    if is_first { Ok(()) } else { Err(IdentityError::SubjectTokenReplayed) }
}
