//! Somebody who calls the mesh, with tokens that identity issues for their key.

use chassis::{Context, Credentials};
use devstack::Fleet;
use devstack::callers::Client;
use tonic::{Request, Status};
use types::ids::{DelegationId, ResidentId};
use types::region::RegionCode;

use crate::OrPanic;

/// A registered client. Cheap to clone.
#[derive(Clone)]
pub struct TestCaller {
    client: Client,
    credentials: Credentials,
    acting_for: Option<(ResidentId, DelegationId)>,
}

impl TestCaller {
    pub(crate) fn new(client: Client, fleet: &Fleet) -> Self {
        let credentials = fleet.credentials(&client.client_id).or_panic();
        Self { client, credentials, acting_for: None }
    }

    /// The same, on behalf of a resident.
    #[must_use]
    pub fn acting_for(&self, resident: ResidentId, delegation: DelegationId) -> Self {
        Self { acting_for: Some((resident, delegation)), ..self.clone() }
    }

    /// A call by this caller.
    pub async fn request<M>(&self, message: M) -> Request<M> {
        match self.context().await {
            Ok(context) => context.request(message),
            Err(status) => panic!("{} gets no token: {status:?}", self.client.client_id),
        }
    }

    /// What this caller's token says, or why identity refuses one. For a resident it is asked for anew each time, so a revoked
    /// delegation shows at once.
    pub async fn context(&self) -> Result<Context, Status> {
        match self.acting_for {
            None => self.credentials.own().await,
            Some((resident, delegation)) => self.credentials.acting_for(resident, delegation).await,
        }
    }

    /// A service's token for an item of a region, as it asks for one.
    pub async fn context_in(&self, region: RegionCode) -> Context {
        self.credentials.own_in(region).await.or_panic()
    }

    /// A token of this caller's own that nobody has been given before.
    pub async fn fresh(&self) -> Context {
        self.fresh_or_refused().await.or_panic()
    }

    /// As [`Self::fresh`], or why identity refuses one.
    pub async fn fresh_or_refused(&self) -> Result<Context, Status> {
        self.credentials.fresh().await
    }

    pub fn client(&self) -> &Client {
        &self.client
    }

    /// As delegations and audit entries write it.
    pub fn party(&self) -> &str {
        &self.client.party
    }
}
