use chassis::auth::{Claims, Confirmation, Revoked};
use chassis::tls::Peer;
use chrono::{DateTime, SubsecRound, Utc};
use postgres::audit::{self, Entry};
use postgres::{Scope, Transaction};
use types::ids::{DelegationId, ResidentId};
use types::redacted::Redacted;
use uuid::Uuid;

use super::{App, assertion};
use crate::domain::IdentityError;
use crate::domain::client::Client;
use crate::domain::delegation::Delegation;
use crate::domain::token::{Capacity, Continuation, Issued};
use crate::store::{assertions, clients, continuations, delegations, residents, revocations};

impl App {
    /// Exchanges a client's assertion for a token in some capacity, bound to the certificate it was asked over. The assertion is taken and what the token rests on is looked
    /// at in one transaction; a refusal takes nothing.
    pub async fn exchange_token(
        &self,
        assertion: &Redacted<String>,
        capacity: &Capacity,
        peer: Option<&Peer>,
    ) -> Result<Issued, IdentityError> {
        let client = self.client(&assertion::claimed_client(assertion.expose())?).await?;
        let now = self.now();
        let proof = assertion::verify(assertion.expose(), &client, now)?;

        // Tokens say whole seconds.
        let expires_at = (now + self.token_lifetime).trunc_subsecs(0);
        let token = Uuid::now_v7();
        let cnf = peer.map(|peer| Confirmation { thumbprint: peer.thumbprint });
        let claims = Claims { cnf, ..capacity.claims(&client, token.to_string(), now, expires_at) };

        let mut tx = self.db.begin(Scope::Region(client.region)).await?;
        if !assertions::take(&mut tx, &client.client_id, &proof.jti, proof.expires_at).await? {
            return Err(IdentityError::AssertionReplayed);
        }
        check_not_barred(&mut tx, &client).await?;
        match capacity {
            Capacity::Own => {}
            Capacity::ActingFor { resident, delegation } => {
                self.begin_acting(&mut tx, &client, &claims, *resident, *delegation).await?;
            }
            Capacity::Continuation(continuation) => {
                let issue = Issue { token, claims: &claims, issued_at: now, expires_at };
                self.begin_continuation(&mut tx, &client, continuation, issue).await?;
            }
        }
        let access_token = Redacted::new(self.signer.sign(&claims)?);
        tx.commit().await?;
        Ok(Issued { access_token, expires_at })
    }

    async fn client(&self, client_id: &str) -> Result<Client, IdentityError> {
        let mut tx = self.db.begin(Scope::Region(self.home)).await?;
        let client = clients::get(&mut tx, client_id).await?;
        tx.commit().await?;
        client.ok_or(IdentityError::ClientUnknown)
    }

    /// Somebody is about to act for a resident: the delegation must let them.
    async fn begin_acting(
        &self,
        tx: &mut Transaction,
        client: &Client,
        claims: &Claims,
        resident: ResidentId,
        delegation: DelegationId,
    ) -> Result<(), IdentityError> {
        let delegation = delegations::get(tx, delegation).await?.ok_or(IdentityError::NoDelegation)?;
        delegation.check_delegate(resident, &client.party, self.now())?;
        record(tx, claims, "identity.token.issue_acting", |entry| delegations::audited(entry, &delegation)).await
    }

    /// A service is about to go on in a resident's name: with listed methods only, and as long as what it rests on stands.
    async fn begin_continuation(
        &self,
        tx: &mut Transaction,
        client: &Client,
        continuation: &Continuation,
        issue: Issue<'_>,
    ) -> Result<(), IdentityError> {
        let service = client.service().ok_or(IdentityError::ContinuationNotPermitted)?;
        self.continuations.check(service, &continuation.methods)?;
        let delegation = match continuation.delegation {
            Some(id) => Some(delegations::get(tx, id).await?.ok_or(IdentityError::NoDelegation)?),
            None => None,
        };
        if let Some(delegation) = &delegation {
            delegation.check_in_force(continuation.resident, self.now())?;
        } else if !residents::exists(tx, continuation.resident).await? {
            return Err(IdentityError::ContinuationNotPermitted);
        }

        let used = continuations::Record {
            token: issue.token,
            region: client.region,
            service,
            continuation,
            issued_at: issue.issued_at,
            expires_at: issue.expires_at,
        };
        continuations::insert(tx, &used).await?;
        record(tx, issue.claims, "identity.token.issue_continuation", |entry| {
            let entry = continuations::audited(entry, &used);
            delegation
                .iter()
                .fold(entry, |entry: Entry, delegation: &Delegation| delegations::audited(entry, delegation))
        })
        .await
    }
}

/// An operator may have barred the client, or whoever it is.
async fn check_not_barred(tx: &mut Transaction, client: &Client) -> Result<(), IdentityError> {
    for of in [Revoked::Client(client.client_id.clone()), Revoked::Party(client.party.clone())] {
        if revocations::forbids(tx, &of).await? {
            return Err(IdentityError::ClientDisabled);
        }
    }
    Ok(())
}

/// A token about to be issued.
struct Issue<'a> {
    token: Uuid,
    claims: &'a Claims,
    issued_at: DateTime<Utc>,
    expires_at: DateTime<Utc>,
}

/// Audited under the name that the token will have.
async fn record(
    tx: &mut Transaction,
    claims: &Claims,
    action: &'static str,
    rows: impl FnOnce(Entry) -> Entry,
) -> Result<(), IdentityError> {
    // Our own expiry is always a moment.
    let caller = claims.caller().ok_or(IdentityError::AssertionInvalid)?;
    Ok(audit::record(tx, rows(Entry::new(&caller, action))).await?)
}
