use std::collections::BTreeSet;

use chassis::auth::{Claims, Confirmation, Revoked, Verified};
use chassis::tls::Peer;
use chrono::{DateTime, SubsecRound, Utc};
use postgres::aliases;
use postgres::audit::{self, Entry};
use postgres::{Scope, Transaction};
use tonic::Code;
use types::caller::Party;
use types::ids::ResidentId;
use types::redacted::Redacted;
use types::region::RegionCode;
use uuid::{NoContext, Timestamp, Uuid};

use super::{App, assertion};
use crate::domain::IdentityError;
use crate::domain::client::Client;
use crate::domain::delegation::Delegation;
use crate::domain::login::Login;
use crate::domain::token::{Capacity, Continuation, Exchange, Issued, SubjectToken, narrowed};
use crate::store::{assertions, clients, continuations, delegations, residents, revocations};

/// Who will hold the token.
enum Subject {
    /// The client itself.
    Client,
    /// Somebody who logged in.
    Login(Box<Login>),
    /// Whoever holds this token, which is to be narrowed.
    Token(Box<Claims>),
}

impl App {
    /// Exchanges what proves a client, its assertion or its certificate, and what else is shown, for a token in some capacity, bound to the certificate it was asked
    /// over. What is shown is taken and what the token rests on is looked at in one transaction; a refusal takes nothing.
    pub async fn exchange_token(&self, exchange: &Exchange, peer: Option<&Peer>) -> Result<Issued, IdentityError> {
        let now = self.now();
        let (client, proof) = self.proven(exchange, peer, now).await?;
        // Before the transaction: a provider may have to be asked for its keys.
        let subject = self.subject(exchange, &client, peer, now).await?;

        let mut tx = self.db.begin(Scope::Region(subject.region(&client))).await?;
        if let Some(proof) = proof
            && !assertions::take(&mut tx, &client.client_id, &proof.jti, proof.expires_at).await?
        {
            return Err(IdentityError::AssertionReplayed);
        }
        check_client(&mut tx, &client).await?;
        // Tokens say whole seconds.
        let mut expires_at = (now + self.token_lifetime).trunc_subsecs(0);
        // A narrower token is as old as the one it comes from: what revokes that revokes it, too.
        let mut issued_at = now;
        let most = match subject {
            Subject::Client => client.claims(),
            Subject::Login(login) => self.log_in(&mut tx, &client, &login).await?,
            Subject::Token(claims) => {
                expires_at = expires_at.min(DateTime::from_timestamp(claims.exp, 0).unwrap_or(now));
                issued_at = claims.issued_at().unwrap_or(now);
                *claims
            }
        };
        let holder = most.actors().next().map_or(&most.sub, |actor| &actor.sub).clone();
        check_person(&mut tx, &holder).await?;
        let rests_on = self.rests_on(&mut tx, &client, &holder, &exchange.capacity).await?;

        let seconds = issued_at.timestamp().unsigned_abs();
        let token = Uuid::new_v7(Timestamp::from_unix(NoContext, seconds, issued_at.timestamp_subsec_nanos()));
        let claims =
            exchange.capacity.applied(narrowed(most, &exchange.scope, &exchange.methods)?, rests_on.as_ref())?;
        let claims = Claims {
            cnf: peer.map(|peer| Confirmation { thumbprint: peer.thumbprint }),
            jti: token.to_string(),
            iat: now.timestamp(),
            exp: expires_at.timestamp(),
            aka: also_known_as(&mut tx, &claims.sub).await?,
            ..claims
        };
        if let Capacity::ActingFor { .. } = exchange.capacity {
            // Whoever is barred is not acted for either. What a service goes on with was mandated before.
            check_person(&mut tx, &claims.sub).await?;
        }
        let issue = Issue { token, claims: &claims, issued_at: now, expires_at };
        record(&mut tx, &client, &exchange.capacity, rests_on.as_ref(), &issue).await?;
        let access_token = Redacted::new(self.signer.sign(&claims)?);
        tx.commit().await?;
        Ok(Issued { access_token, expires_at, roles: claims.roles })
    }

    /// Who asks: by an assertion that has yet to be taken, or by the certificate of the connection alone (RFC 8705 §2).
    async fn proven(
        &self,
        exchange: &Exchange,
        peer: Option<&Peer>,
        now: DateTime<Utc>,
    ) -> Result<(Client, Option<assertion::Proof>), IdentityError> {
        let Some(assertion) = &exchange.assertion else {
            let name = peer.and_then(|peer| peer.name.as_ref()).map(ToString::to_string);
            let shown: Vec<String> = peer.map(|peer| peer.thumbprint.to_string()).into_iter().chain(name).collect();
            let mut tx = self.db.begin(Scope::Region(self.home)).await?;
            let client = clients::of_certificate(&mut tx, &shown).await?;
            tx.commit().await?;
            return client.map(|client| (client, None)).ok_or(IdentityError::ClientUnknown);
        };
        let client = self.client(&assertion::claimed_client(assertion.expose())?).await?;
        let proof = assertion::verify(assertion.expose(), &client, now)?;
        Ok((client, Some(proof)))
    }

    async fn client(&self, client_id: &str) -> Result<Client, IdentityError> {
        let mut tx = self.db.begin(Scope::Region(self.home)).await?;
        let client = clients::get(&mut tx, client_id).await?;
        tx.commit().await?;
        client.ok_or(IdentityError::ClientUnknown)
    }

    async fn subject(
        &self,
        exchange: &Exchange,
        client: &Client,
        peer: Option<&Peer>,
        now: DateTime<Utc>,
    ) -> Result<Subject, IdentityError> {
        match &exchange.subject {
            None => Ok(Subject::Client),
            Some(SubjectToken::Provider { token, nonce }) => {
                if client.exchanges.is_empty() {
                    return Err(IdentityError::ExchangeNotPermitted);
                }
                let login = self.federation.login(token, &client.client_id, nonce.as_deref(), now).await?;
                Ok(Subject::Login(Box::new(login)))
            }
            Some(SubjectToken::Own(token)) => {
                let verified = self.verifier.verify(token.expose()).await.map_err(|status| refusal(&status))?;
                let Verified { claims, bound_to, .. } = verified;
                // It was issued to this client, and where it is bound, over this certificate.
                let is_theirs = claims.client_id.as_ref() == Some(&client.client_id);
                let is_here = bound_to.is_none() || bound_to == peer.map(|peer| peer.thumbprint);
                if !is_theirs || !is_here {
                    return Err(IdentityError::ExchangeNotPermitted);
                }
                Ok(Subject::Token(Box::new(claims.as_ref().clone())))
            }
        }
    }

    /// The delegation that the capacity rests on, if it needs one; refused where it rests on nothing.
    async fn rests_on(
        &self,
        tx: &mut Transaction,
        client: &Client,
        holder: &Party,
        capacity: &Capacity,
    ) -> Result<Option<Delegation>, IdentityError> {
        match capacity {
            Capacity::Own => Ok(None),
            Capacity::ActingFor { resident, delegation } => {
                let delegation = delegations::get(tx, *delegation).await?.ok_or(IdentityError::NoDelegation)?;
                delegation.check_delegate(*resident, holder, self.now())?;
                Ok(Some(delegation))
            }
            Capacity::Continuation(continuation) => self.continued(tx, client, continuation).await,
        }
    }

    /// A service is about to go on in a resident's name: with listed methods only, and as long as what it rests on stands.
    async fn continued(
        &self,
        tx: &mut Transaction,
        client: &Client,
        continuation: &Continuation,
    ) -> Result<Option<Delegation>, IdentityError> {
        let service = client.service().ok_or(IdentityError::ContinuationNotPermitted)?;
        self.continuations.check(service, &continuation.methods)?;
        let Some(id) = continuation.delegation else {
            let is_known = residents::exists(tx, continuation.resident).await?;
            return if is_known { Ok(None) } else { Err(IdentityError::ContinuationNotPermitted) };
        };
        let delegation = delegations::get(tx, id).await?.ok_or(IdentityError::NoDelegation)?;
        delegation.check_in_force(continuation.resident, self.now())?;
        Ok(Some(delegation))
    }
}

impl Subject {
    /// Whose rows the exchange looks at.
    fn region(&self, client: &Client) -> RegionCode {
        match self {
            Self::Client => client.region,
            Self::Login(login) => login.region,
            Self::Token(claims) => claims.region,
        }
    }
}

/// A token about to be issued.
struct Issue<'a> {
    token: Uuid,
    claims: &'a Claims,
    issued_at: DateTime<Utc>,
    expires_at: DateTime<Utc>,
}

/// The other ids of whoever was registered more than once.
async fn also_known_as(tx: &mut Transaction, subject: &Party) -> Result<BTreeSet<ResidentId>, IdentityError> {
    let Party::Resident(id) = subject else { return Ok(BTreeSet::new()) };
    let ids = aliases::one_person(tx, *id).await?;
    Ok(ids.into_iter().filter(|other| other != id).collect())
}

/// An operator may have barred the client, or whoever it is.
async fn check_client(tx: &mut Transaction, client: &Client) -> Result<(), IdentityError> {
    for of in [Revoked::Client(client.client_id.clone()), Revoked::Party(client.party.clone())] {
        if revocations::forbids(tx, &of).await? {
            return Err(IdentityError::ClientDisabled);
        }
    }
    Ok(())
}

/// An operator may have barred the person.
async fn check_person(tx: &mut Transaction, holder: &Party) -> Result<(), IdentityError> {
    let is_barred = revocations::forbids(tx, &Revoked::Party(holder.clone())).await?;
    if is_barred { Err(IdentityError::PersonBarred) } else { Ok(()) }
}

/// Acting for somebody is recorded under the name that the token will have, and what a service goes on with as well.
async fn record(
    tx: &mut Transaction,
    client: &Client,
    capacity: &Capacity,
    rests_on: Option<&Delegation>,
    issue: &Issue<'_>,
) -> Result<(), IdentityError> {
    // Our own expiry is always a moment.
    let caller = issue.claims.caller().ok_or(IdentityError::AssertionInvalid)?;
    let entry = match capacity {
        Capacity::Own => return Ok(()),
        Capacity::ActingFor { .. } => Entry::new(&caller, "identity.token.issue_acting"),
        Capacity::Continuation(continuation) => {
            let used = continuations::Record {
                token: issue.token,
                region: issue.claims.region,
                service: client.service().ok_or(IdentityError::ContinuationNotPermitted)?,
                continuation,
                issued_at: issue.issued_at,
                expires_at: issue.expires_at,
            };
            continuations::insert(tx, &used).await?;
            continuations::audited(Entry::new(&caller, "identity.token.issue_continuation"), &used)
        }
    };
    let entry = rests_on.into_iter().fold(entry, delegations::audited);
    Ok(audit::record(tx, entry).await?)
}

/// Why an access token of ours cannot be narrowed.
fn refusal(status: &tonic::Status) -> IdentityError {
    match (status.code(), chassis::error::reason(status).as_deref()) {
        (Code::Unavailable, _) => IdentityError::ProviderUnavailable,
        (_, Some("TOKEN_EXPIRED")) => IdentityError::SubjectTokenExpired,
        _ => IdentityError::SubjectTokenInvalid,
    }
}
