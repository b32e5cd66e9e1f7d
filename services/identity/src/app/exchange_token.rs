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
use crate::domain::login::Login;
use crate::domain::token::{Capacity, Continuation, Exchange, Ground, Issued, SubjectToken, narrowed};
use crate::store::{assertions, clients, continuations, delegations, mandates, revocations};

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
        let region = self.region(exchange, &client, &subject)?;

        let mut tx = self.db.begin(Scope::Region(region)).await?;
        // A bar comes before this transaction, which then sees it, or after it and takes back what it issued.
        revocations::await_pending(&mut tx).await?;
        let now = self.now();
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
            Subject::Client => Claims { region, ..client.claims() },
            Subject::Login(login) => self.log_in(&mut tx, &client, &login).await?,
            Subject::Token(claims) => {
                expires_at = expires_at.min(DateTime::from_timestamp(claims.exp, 0).unwrap_or(now));
                issued_at = claims.issued_at().unwrap_or(now);
                claims.narrowed_from()
            }
        };
        let holder = most.actors().next().map_or(&most.sub, |actor| &actor.sub).clone();
        let ground = self.ground(&mut tx, &client, &holder, &exchange.capacity).await?;

        let seconds = issued_at.timestamp().unsigned_abs();
        let token = Uuid::new_v7(Timestamp::from_unix(NoContext, seconds, issued_at.timestamp_subsec_nanos()));
        let claims = exchange.capacity.applied(narrowed(most, &exchange.scope, &exchange.methods)?, &ground)?;
        let claims = Claims {
            cnf: peer.map(|peer| Confirmation { thumbprint: peer.thumbprint }),
            jti: token.to_string(),
            iat: now.timestamp(),
            exp: expires_at.timestamp(),
            aka: also_known_as(&mut tx, &claims.sub).await?,
            ..claims
        };
        // Whoever is barred is not acted for either, and nothing goes on that they asked for.
        for person in std::iter::once(&claims.sub).chain(claims.actors().map(|actor| &actor.sub)) {
            check_person(&mut tx, person).await?;
        }
        let issue = Issue { token, claims: &claims, issued_at: now, expires_at };
        record(&mut tx, &exchange.capacity, &ground, &issue).await?;
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

    /// For rows of which region: of one that our services work in, where a service asks for itself; else of the subject's own.
    fn region(&self, exchange: &Exchange, client: &Client, subject: &Subject) -> Result<RegionCode, IdentityError> {
        let own = subject.region(client);
        match exchange.region {
            None => Ok(own),
            Some(region) if region == own => Ok(own),
            Some(region) => {
                let is_service = matches!(subject, Subject::Client) && client.service().is_some();
                let is_served = is_service && self.regions.contains(&region);
                if is_served { Ok(region) } else { Err(IdentityError::RegionNotPermitted) }
            }
        }
    }

    /// What the capacity rests on, if it needs anything; refused where it rests on nothing.
    async fn ground(
        &self,
        tx: &mut Transaction,
        client: &Client,
        holder: &Party,
        capacity: &Capacity,
    ) -> Result<Ground, IdentityError> {
        match capacity {
            Capacity::Own => Ok(Ground::Nothing),
            Capacity::ActingFor { resident, delegation } => {
                let delegation = delegations::get(tx, *delegation).await?.ok_or(IdentityError::NoDelegation)?;
                delegation.check_delegate(*resident, holder, self.now())?;
                Ok(Ground::Delegation(Box::new(delegation)))
            }
            Capacity::Continuation(continuation) => self.continued(tx, client, continuation).await,
        }
    }

    /// A service is about to go on in a resident's name: under a mandate of its own that stands, with methods that this covers, and as long
    /// as the delegation under which it was given is in force.
    async fn continued(
        &self,
        tx: &mut Transaction,
        client: &Client,
        continuation: &Continuation,
    ) -> Result<Ground, IdentityError> {
        let service = client.service().ok_or(IdentityError::ContinuationNotPermitted)?;
        let mandate = mandates::get(tx, continuation.mandate).await?;
        let mandate = mandate.ok_or(IdentityError::ContinuationNotPermitted)?;
        mandate.check_use(service, self.now())?;
        self.continuations.check(&mandate, &continuation.methods)?;
        let delegation = match mandate.delegation {
            None => None,
            Some(id) => {
                let delegation = delegations::get(tx, id).await?.ok_or(IdentityError::NoDelegation)?;
                delegation.check_delegate(mandate.resident, &mandate.given_by, self.now())?;
                Some(Box::new(delegation))
            }
        };
        Ok(Ground::Mandate(Box::new(mandate), delegation))
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

/// Acting for somebody is recorded under the name that the token will have, what a service goes on with as well, and what comes of a
/// token that somebody has.
async fn record(
    tx: &mut Transaction,
    capacity: &Capacity,
    ground: &Ground,
    issue: &Issue<'_>,
) -> Result<(), IdentityError> {
    // Our own expiry is always a moment.
    let caller = issue.claims.caller().ok_or(IdentityError::AssertionInvalid)?;
    let entry = match (capacity, ground) {
        (Capacity::Continuation(continuation), Ground::Mandate(mandate, _)) => {
            let used = continuations::Record {
                token: issue.token,
                mandate,
                methods: &continuation.methods,
                issued_at: issue.issued_at,
                expires_at: issue.expires_at,
            };
            continuations::insert(tx, &used).await?;
            let entry = Entry::new(&caller, "identity.token.issue_continuation");
            mandates::audited(continuations::audited(entry, &used), mandate)
        }
        (Capacity::ActingFor { .. }, _) => Entry::new(&caller, "identity.token.issue_acting"),
        (Capacity::Own, _) if !issue.claims.via.is_empty() => Entry::new(&caller, "identity.token.narrow"),
        (Capacity::Own | Capacity::Continuation(_), _) => return Ok(()),
    };
    let entry = ground.delegation().into_iter().fold(entry, delegations::audited);
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
