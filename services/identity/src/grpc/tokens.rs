use std::collections::BTreeSet;
use std::time::Duration;

use chassis::tls::Peer;
use chassis::{Context, Permitted, error};
use postgres::Call;
use prost::Message;
use proto::anjia::identity::v1 as wire;
use proto::anjia::identity::v1::token_service_server::TokenService;
use proto::convert::{self, FieldError};
use tonic::{Request, Response, Status};
use types::redacted::Redacted;

use super::convert::{to_key, to_revocation, to_told};
use super::{Grpc, answer};
use crate::domain::client::is_id;
use crate::domain::revocation::{Revocation, Target};
use crate::domain::token::{Capacity, Continuation, Exchange, SubjectToken};

const ASSERTION_LENGTH_MAX: usize = 4096;
const SUBJECT_TOKEN_LENGTH_MAX: usize = 8192;
const SCOPE_LENGTH_MAX: usize = 400;
const NONCE_LENGTH_MAX: usize = 200;
const METHODS_MAX: usize = 32;
/// RFC 8693, section 3.
const ID_TOKEN: &str = "urn:ietf:params:oauth:token-type:id_token";
const JWT: &str = "urn:ietf:params:oauth:token-type:jwt";
const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";
/// More than a rotation ever has.
const KEYS_MAX: usize = 64;
const WAIT_MAX: Duration = Duration::from_secs(20);
const ANSWER_MARGIN: Duration = Duration::from_millis(200);

#[tonic::async_trait]
impl TokenService for Grpc {
    async fn exchange_token(
        &self,
        request: Request<wire::ExchangeTokenRequest>,
    ) -> Result<Response<wire::ExchangeTokenResponse>, Status> {
        let peer = Peer::of(&request).cloned();
        let message = request.into_inner();
        let assertion = assertion(&message.client_assertion, peer.as_ref()).map_err(error::invalid)?;
        let exchange = exchange(assertion, message).map_err(error::invalid)?;
        let issued = self.0.exchange_token(&exchange, peer.as_ref()).await?;
        let scope: Vec<String> = issued.roles.iter().map(ToString::to_string).collect();
        Ok(Response::new(wire::ExchangeTokenResponse {
            access_token: issued.access_token.into_inner(),
            expires_at: Some(convert::to_timestamp(issued.expires_at)),
            issued_token_type: ACCESS_TOKEN.to_owned(),
            scope: scope.join(" "),
        }))
    }

    async fn revoke_token(
        &self,
        request: Request<wire::RevokeTokenRequest>,
    ) -> Result<Response<wire::RevokeTokenResponse>, Status> {
        let ctx = Context::of(&request)?;
        let message = request.into_inner();
        let method = "anjia.identity.v1.TokenService/RevokeToken";
        let call =
            Call::new(&ctx.caller, method, &message, |row| revoked(row).encode_to_vec()).map_err(error::invalid)?;
        let target = target(message.target.as_ref()).map_err(error::invalid)?;
        if message.lasting && target == Target::Own {
            return Err(error::invalid(FieldError::new("lasting", "needs a target")));
        }
        let reason = convert::optional_text("reason", &message.reason, 200).map_err(error::invalid)?;
        let reply = self.0.revoke_token(&ctx, &call, target, message.lasting, reason).await?;
        answer(reply, |row| revoked(&row))
    }

    async fn lift_revocation(
        &self,
        request: Request<wire::LiftRevocationRequest>,
    ) -> Result<Response<wire::LiftRevocationResponse>, Status> {
        let ctx = Context::of(&request)?;
        let message = request.into_inner();
        let method = "anjia.identity.v1.TokenService/LiftRevocation";
        let call =
            Call::new(&ctx.caller, method, &message, |row| lifted(row).encode_to_vec()).map_err(error::invalid)?;
        let id = convert::id("revocation_id", &message.revocation_id).map_err(error::invalid)?;
        let reply = self.0.lift_revocation(&ctx, &call, id).await?;
        answer(reply, |row| lifted(&row))
    }

    async fn pull_revocations(
        &self,
        request: Request<wire::PullRevocationsRequest>,
    ) -> Result<Response<wire::PullRevocationsResponse>, Status> {
        let ctx = Context::of(&request)?;
        let (after, key_ids, wait) = standing(request.into_inner()).map_err(error::invalid)?;
        // Never beyond the caller's deadline: an answer without news beats none.
        let wait = wait.min(ctx.remaining().saturating_sub(ANSWER_MARGIN));
        let news = self.0.pull_revocations(after, &key_ids, wait).await;
        Ok(Response::new(wire::PullRevocationsResponse {
            revocations: news.revocations.iter().map(to_told).collect(),
            revision: news.revision,
            keys: news.keys.iter().map(to_key).collect(),
            more: news.more,
        }))
    }

    async fn get_keys(&self, _: Request<wire::GetKeysRequest>) -> Result<Response<wire::GetKeysResponse>, Status> {
        Ok(Response::new(wire::GetKeysResponse { keys: self.0.signer.published().iter().map(to_key).collect() }))
    }
}

fn exchange(assertion: Option<Redacted<String>>, message: wire::ExchangeTokenRequest) -> Result<Exchange, FieldError> {
    if !message.region_code.is_empty() && !message.subject_token.is_empty() {
        return Err(FieldError::new("region_code", "must be empty: people act in their own region"));
    }
    let region = Some(message.region_code.as_str()).filter(|code| !code.is_empty());
    let is_continuation = matches!(message.capacity, Some(wire::exchange_token_request::Capacity::Continuation(_)));
    if is_continuation && !message.subject_token.is_empty() {
        return Err(FieldError::new("subject_token", "must be empty: a service goes on in its own name"));
    }
    if message.methods.len() > METHODS_MAX {
        return Err(FieldError::new("methods", format!("must be at most {METHODS_MAX}")));
    }
    let scope = convert::optional_text("scope", &message.scope, SCOPE_LENGTH_MAX)?;
    let role = |word: &str| word.parse().map_err(|_| FieldError::new("scope", "must be roles separated by blanks"));
    Ok(Exchange {
        subject: subject(&message.subject_token, &message.subject_token_type, &message.nonce)?,
        scope: scope.split_whitespace().map(role).collect::<Result<_, _>>()?,
        methods: message.methods,
        region: region.map(|code| convert::region("region_code", code)).transpose()?,
        capacity: capacity(message.capacity)?,
        assertion,
    })
}

/// Left out where the certificate of the connection proves the client.
fn assertion(text: &str, peer: Option<&Peer>) -> Result<Option<Redacted<String>>, FieldError> {
    if text.is_empty() && peer.is_some() {
        return Ok(None);
    }
    convert::text("client_assertion", text, ASSERTION_LENGTH_MAX).map(Redacted::new).map(Some)
}

fn subject(token: &str, kind: &str, nonce: &str) -> Result<Option<SubjectToken>, FieldError> {
    let wrong = |text: &str| Err(FieldError::new("subject_token_type", text));
    let nonce = convert::optional_text("nonce", nonce, NONCE_LENGTH_MAX)?;
    if token.is_empty() {
        return if kind.is_empty() { Ok(None) } else { wrong("must be empty where subject_token is") };
    }
    let token = Redacted::new(convert::text("subject_token", token, SUBJECT_TOKEN_LENGTH_MAX)?);
    match kind {
        ID_TOKEN | JWT => {
            let nonce = Some(nonce).filter(|nonce| !nonce.is_empty());
            Ok(Some(SubjectToken::Provider { token, nonce }))
        }
        ACCESS_TOKEN => Ok(Some(SubjectToken::Own(token))),
        _ => wrong("must be the URN of an id_token, jwt or access_token"),
    }
}

fn target(message: Option<&wire::revoke_token_request::Target>) -> Result<Target, FieldError> {
    use wire::revoke_token_request::Target as Wire;
    match message {
        None => Ok(Target::Own),
        Some(Wire::Party(party)) => convert::id("party", party).map(Target::Party),
        Some(Wire::ClientId(id)) if is_id(id) => Ok(Target::Client(id.clone())),
        Some(Wire::ClientId(_)) => Err(FieldError::new("client_id", "is no client's")),
    }
}

fn standing(message: wire::PullRevocationsRequest) -> Result<(i64, BTreeSet<String>, Duration), FieldError> {
    if message.after_revision < 0 {
        return Err(FieldError::new("after_revision", "must not be negative"));
    }
    if message.key_ids.len() > KEYS_MAX {
        return Err(FieldError::new("key_ids", format!("must be at most {KEYS_MAX}")));
    }
    let wait = u64::try_from(message.wait_ms).map(Duration::from_millis).ok().filter(|wait| *wait <= WAIT_MAX);
    let wait = wait.ok_or_else(|| FieldError::new("wait_ms", "must be 0 to 20000"))?;
    Ok((message.after_revision, message.key_ids.into_iter().collect(), wait))
}

fn revoked(revocation: &Permitted<Revocation>) -> wire::RevokeTokenResponse {
    wire::RevokeTokenResponse { revocation: Some(to_revocation(revocation)) }
}

fn lifted(revocation: &Permitted<Revocation>) -> wire::LiftRevocationResponse {
    wire::LiftRevocationResponse { revocation: Some(to_revocation(revocation)) }
}

fn capacity(message: Option<wire::exchange_token_request::Capacity>) -> Result<Capacity, FieldError> {
    use wire::exchange_token_request::Capacity as Wire;
    match message {
        None => Ok(Capacity::Own),
        Some(Wire::ActingFor(acting)) => Ok(Capacity::ActingFor {
            resident: convert::id("acting_for.resident_id", &acting.resident_id)?,
            delegation: convert::id("acting_for.delegation_id", &acting.delegation_id)?,
        }),
        Some(Wire::Continuation(continuation)) => {
            continuation_of(continuation).map(Capacity::Continuation).map_err(|wrong| wrong.within("continuation"))
        }
    }
}

fn continuation_of(message: wire::Continuation) -> Result<Continuation, FieldError> {
    if message.methods.is_empty() || message.methods.len() > METHODS_MAX {
        return Err(FieldError::new("methods", format!("must be 1 to {METHODS_MAX}")));
    }
    Ok(Continuation { mandate: convert::id("mandate_id", &message.mandate_id)?, methods: message.methods })
}
