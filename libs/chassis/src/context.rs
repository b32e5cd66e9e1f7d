//! One call as a use case sees it: who calls, how long it may take, what it may show, and the calls it makes in turn.

use std::sync::Arc;
use std::time::Duration;

use tonic::metadata::MetadataValue;
use tonic::{Request, Status};
use types::caller::Caller;
use types::redacted::Redacted;

use crate::access::{self, Denied, Guarded, Permitted, Policy, Sight};
use crate::auth::{self, Claims, Verified};
use crate::deadline::Deadline;
use crate::telemetry;
use crate::tls::{BoundTo, Thumbprint};

/// Deadline of each call that background work makes.
const BACKGROUND_CALL_LIMIT: Duration = Duration::from_secs(10);

/// A verified call, or background work in a verified name. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Context {
    pub caller: Caller,
    /// The caller's own token, shown to peers as it is.
    token: Redacted<Arc<str>>,
    /// The certificate of ours that the token is bound to; a token that is carried on is not bound to ours.
    bound_to: Option<Thumbprint>,
    policy: Option<Arc<Policy>>,
    domain: Arc<str>,
    /// Shared with the layers that record what was refused and veil what is not shown.
    sight: Arc<Sight>,
    /// All that the caller's token says; background work pulls nothing by it.
    claims: Option<Arc<Claims>>,
    /// The caller's deadline; background work has none.
    deadline: Option<Deadline>,
    /// Bounds each outgoing call further.
    call_limit: Option<Duration>,
}

/// What the server's layers learned about a call; the source of its [`Context`].
#[derive(Debug, Clone)]
pub(crate) struct Admitted {
    pub(crate) caller: Caller,
    token: Redacted<Arc<str>>,
    policy: Arc<Policy>,
    domain: Arc<str>,
    claims: Arc<Claims>,
    /// What the call has come to see.
    pub(crate) sight: Arc<Sight>,
}

impl Admitted {
    pub(crate) fn new(verified: Verified, token: Redacted<Arc<str>>, policy: Arc<Policy>, domain: Arc<str>) -> Self {
        let sight = Arc::new(Sight::new(&policy, &verified.caller));
        let Verified { caller, claims, .. } = verified;
        Self { caller, token, policy, domain, claims, sight }
    }
}

impl Context {
    /// The context of a served call. Fails for anonymous methods: nobody vouches for their caller.
    pub fn of<T>(request: &Request<T>) -> Result<Self, Status> {
        let admitted = request.extensions().get::<Arc<Admitted>>().ok_or_else(auth::missing)?;
        Ok(Self {
            caller: admitted.caller.clone(),
            token: admitted.token.clone(),
            bound_to: None,
            policy: Some(Arc::clone(&admitted.policy)),
            domain: Arc::clone(&admitted.domain),
            claims: Some(Arc::clone(&admitted.claims)),
            sight: Arc::clone(&admitted.sight),
            deadline: request.extensions().get::<Deadline>().copied(),
            call_limit: None,
        })
    }

    /// The context of work in the name of whoever signs tokens itself: identity. `None` if the expiry is not a moment.
    pub fn issued(claims: &auth::Claims, token: String) -> Option<Self> {
        Some(Self::background(claims.caller()?, token, claims.bound_to()))
    }

    /// The context of background work, which serves no method and so permits no row.
    pub(crate) fn background(caller: Caller, token: String, bound_to: Option<Thumbprint>) -> Self {
        Self {
            caller,
            token: Redacted::new(token.into()),
            bound_to,
            policy: None,
            domain: Arc::from(crate::error::DOMAIN),
            sight: Arc::default(),
            claims: None,
            deadline: None,
            call_limit: Some(BACKGROUND_CALL_LIMIT),
        }
    }

    /// The same, with another limit for each call made with it: a consumer's long poll needs more than the usual 10 s.
    #[must_use]
    pub fn with_call_limit(self, call_limit: Duration) -> Self {
        Self { call_limit: Some(call_limit), ..self }
    }

    /// A message for a peer: in the caller's name, within what remains of the deadline.
    pub fn request<M>(&self, message: M) -> Request<M> {
        let mut request = Request::new(message);
        let remaining = self.deadline.map(Deadline::remaining);
        if let Some(allowed) = remaining.into_iter().chain(self.call_limit).min() {
            request.set_timeout(allowed);
        }
        // A token came in as a header, or was issued as base64url: it is always a legal header value.
        if let Ok(mut bearer) = MetadataValue::try_from(format!("Bearer {}", self.token.expose())) {
            // A request that is shown while debugging, or by the transport's own logs, shows no token.
            bearer.set_sensitive(true);
            request.metadata_mut().insert("authorization", bearer);
        }
        if let Some(thumbprint) = self.bound_to {
            request.extensions_mut().insert(BoundTo(thumbprint));
        }
        request
    }

    /// What is left of the caller's deadline. A stream whose caller set none, and background work, have all the time there is.
    pub fn remaining(&self) -> Duration {
        self.deadline.map_or(Duration::MAX, Deadline::remaining)
    }

    /// The full name of the method being served, as `begin_call` wants it.
    pub fn method(&self) -> Option<&str> {
        self.policy.as_deref().map(|policy| policy.method.as_str())
    }

    /// The types of events that the caller may pull, or what they begin with, up to a full stop.
    pub(crate) fn events(&self) -> &[String] {
        self.claims.as_deref().map_or(&[], |claims| &claims.events)
    }

    /// The current span as a W3C `traceparent`, to store beside events and sagas.
    pub fn traceparent(&self) -> Option<String> {
        telemetry::current_traceparent()
    }

    /// Permits the row if the object rule that `access.toml` names for this method and the caller's role allows it.
    pub fn permit<T: Guarded>(&self, value: T) -> Result<Permitted<T>, Denied> {
        match access::decide(self.policy.as_deref(), &self.domain, &self.caller, &value) {
            Ok(policy) => {
                self.sight.open(policy, &self.caller, &value);
                Ok(Permitted::new(value))
            }
            Err(denied) => {
                self.sight.deny();
                Err(denied)
            }
        }
    }

    /// Permits all rows or none: for an answer that makes sense only as a whole.
    pub fn permit_all<T: Guarded>(&self, values: Vec<T>) -> Result<Vec<Permitted<T>>, Denied> {
        values.into_iter().map(|value| self.permit(value)).collect()
    }

    /// Keeps the rows the caller may see: for lists. A page may come out shorter, so filter in SQL first.
    pub fn only_permitted<T: Guarded>(&self, values: Vec<T>) -> Vec<Permitted<T>> {
        values.into_iter().filter_map(|value| self.permit(value).ok()).collect()
    }
}

#[cfg(test)]
mod tests {
    use types::caller::Party;
    use types::region::RegionCode;

    use super::*;

    fn background() -> Context {
        let caller = Caller::new(Party::Service("referral".to_owned()), RegionCode::BEIJING);
        Context::background(caller, "a.b.c".to_owned(), None)
    }

    fn timeout(request: &Request<()>) -> Duration {
        crate::deadline::parse(request.metadata().as_ref()).unwrap()
    }

    #[test]
    fn each_call_of_background_work_has_a_limit_and_the_token() {
        let request = background().request(());
        assert_eq!(timeout(&request), BACKGROUND_CALL_LIMIT);
        assert_eq!(request.metadata().get("authorization").unwrap(), "Bearer a.b.c");
        let patient = background().with_call_limit(Duration::from_secs(25));
        assert_eq!(timeout(&patient.request(())), Duration::from_secs(25));
    }

    #[test]
    fn neither_a_context_nor_a_request_shows_its_token() {
        let context = background();
        let shown = format!("{context:?} {:?}", context.request(()));
        assert!(!shown.contains("a.b.c"), "{shown}");
    }

    #[tokio::test]
    async fn a_call_made_for_a_caller_ends_before_the_callers_deadline() {
        let served = Context { deadline: Some(Deadline::after(Duration::from_secs(3))), ..background() };
        assert!(timeout(&served.request(())) <= Duration::from_secs(3));
        assert!(served.remaining() <= Duration::from_secs(3));
        assert_eq!(background().remaining(), Duration::MAX);
    }
}
