//! The callers of the journey, each with their own key and token, and the clients of the five services.

use anyhow::{Context as _, Result, anyhow};
use chassis::channel::Channel;
use chassis::{Context, Credentials};
use devstack::callers::Client;
use devstack::{Everybody, Keys, MeshRecord, callers};
use proto::anjia::adjudication::v1::adjudication_service_client::AdjudicationServiceClient;
use proto::anjia::adjudication::v1::policy_service_client::PolicyServiceClient;
use proto::anjia::identity::v1::alliance_service_client::AllianceServiceClient;
use proto::anjia::identity::v1::consent_service_client::ConsentServiceClient;
use proto::anjia::identity::v1::delegation_service_client::DelegationServiceClient;
use proto::anjia::identity::v1::enrolment_service_client::EnrolmentServiceClient;
use proto::anjia::identity::v1::organisation_service_client::OrganisationServiceClient;
use proto::anjia::identity::v1::resident_service_client::ResidentServiceClient;
use proto::anjia::payment::v1::bank_service_client::BankServiceClient;
use proto::anjia::payment::v1::bill_service_client::BillServiceClient;
use proto::anjia::referral::v1::journey_service_client::JourneyServiceClient;
use proto::anjia::referral::v1::referral_service_client::ReferralServiceClient;
use proto::anjia::scheduling::v1::appointment_service_client::AppointmentServiceClient;
use proto::anjia::scheduling::v1::session_service_client::SessionServiceClient;
use proto::anjia::scheduling::v1::visit_service_client::VisitServiceClient;
use tokio::time::{Duration, sleep};
use tonic::{Code, Request, Response, Status};
use types::ids::{DelegationId, RequestId, ResidentId};

use super::cast::{self, Name};

/// How often, and after which pause, a call is sent again that lost a race or met a service that was busy.
const TRIES: u32 = 5;
const PAUSE: Duration = Duration::from_millis(250);

/// A key that no request has used yet.
pub(crate) fn request_id() -> String {
    RequestId::generate().to_string()
}

/// Somebody who calls. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Caller {
    pub(crate) client: Client,
    pub(crate) name: Name,
    pub(crate) function: Name,
    credentials: Credentials,
    acting_for: Option<(ResidentId, DelegationId)>,
}

impl Caller {
    /// The same person, on behalf of a resident who delegated to them.
    #[must_use]
    pub(crate) fn acting_for(&self, resident: ResidentId, delegation: DelegationId) -> Self {
        Self { acting_for: Some((resident, delegation)), ..self.clone() }
    }

    pub(crate) fn acts_for_another(&self) -> bool {
        self.acting_for.is_some()
    }

    /// For whom, and under which delegation.
    pub(crate) const fn acts_for(&self) -> Option<(ResidentId, DelegationId)> {
        self.acting_for
    }

    /// As delegations write it.
    pub(crate) fn party(&self) -> String {
        self.client.party.clone()
    }

    pub(crate) async fn context(&self) -> Result<Context> {
        let context = match self.acting_for {
            None => self.credentials.own().await,
            Some((resident, delegation)) => self.credentials.acting_for(resident, delegation).await,
        };
        context.map_err(|status| refused("ExchangeToken", self, &status))
    }

    /// One call, with this caller's token. What may be sent again unchanged is sent again.
    pub(crate) async fn call<M: Clone, R>(
        &self,
        method: &str,
        message: M,
        call: impl AsyncFn(Request<M>) -> Result<Response<R>, Status>,
    ) -> Result<R> {
        let context = self.context().await?;
        let mut tries = 1;
        loop {
            match call(context.request(message.clone())).await {
                Ok(response) => return Ok(response.into_inner()),
                Err(status) if tries < TRIES && is_worth_repeating(&status) => sleep(PAUSE).await,
                Err(status) => return Err(refused(method, self, &status)),
            }
            tries += 1;
        }
    }
}

fn is_worth_repeating(status: &Status) -> bool {
    let lost_race = matches!(chassis::error::reason(status).as_deref(), Some("LOST_RACE" | "REQUEST_IN_PROGRESS"));
    lost_race || matches!(status.code(), Code::Unavailable | Code::ResourceExhausted | Code::DeadlineExceeded)
}

pub(crate) fn refused(method: &str, caller: &Caller, status: &Status) -> anyhow::Error {
    let reason = chassis::error::reason(status).unwrap_or_else(|| "no reason".to_owned());
    anyhow!("{method} by {}: {:?} / {reason}: {}", caller.client.client_id, status.code(), status.message())
}

/// Everybody, and the way to every service.
pub(crate) struct Stage {
    pub(crate) worker: Caller,
    pub(crate) clinic: Caller,
    pub(crate) hospital: Caller,
    pub(crate) bank: Caller,
    pub(crate) resident: Caller,
    pub(crate) operator: Caller,
    pub(crate) proposer: Caller,
    pub(crate) releaser: Caller,
    identity: Channel,
    scheduling: Channel,
    adjudication: Channel,
    payment: Channel,
    referral: Channel,
}

impl Stage {
    pub(crate) fn new(mesh: &MeshRecord) -> Result<Self> {
        let everybody = Everybody::new(Keys::in_folder(&mesh.keys)?);
        let url = |service: &str| -> Result<&str> {
            let record = mesh.services.get(service).with_context(|| format!("{service} is not part of the mesh"))?;
            Ok(&record.url)
        };
        let to = |service: &str| everybody.channel(service, url(service)?);
        let caller = |client_id: &str| -> Result<Caller> {
            let client = callers::journey().into_iter().find(|client| client.client_id == client_id);
            let client = client.with_context(|| format!("nobody is called {client_id}"))?;
            let credentials = everybody.credentials(client_id, url("identity")?)?;
            let (name, function) = cast::caller(client_id);
            Ok(Caller { client, name, function, credentials, acting_for: None })
        };
        Ok(Self {
            worker: caller("worker")?,
            clinic: caller("clinic")?,
            hospital: caller("hospital")?,
            bank: caller("bank")?,
            resident: caller("resident")?,
            operator: caller("operator")?,
            proposer: caller("insurer-proposer")?,
            releaser: caller("insurer-releaser")?,
            scheduling: to("scheduling")?,
            adjudication: to("adjudication")?,
            payment: to("payment")?,
            referral: to("referral")?,
            identity: to("identity")?,
        })
    }
}

/// One method for each contract: `stage.visits()` is a client of scheduling's `VisitService`.
macro_rules! clients {
    ($($method:ident: $client:ident on $service:ident,)+) => {
        impl Stage {
            $(pub(crate) fn $method(&self) -> $client<Channel> {
                $client::new(self.$service.clone())
            })+
        }
    };
}

clients! {
    residents: ResidentServiceClient on identity,
    alliances: AllianceServiceClient on identity,
    organisations: OrganisationServiceClient on identity,
    enrolments: EnrolmentServiceClient on identity,
    delegations: DelegationServiceClient on identity,
    consents: ConsentServiceClient on identity,
    sessions: SessionServiceClient on scheduling,
    appointments: AppointmentServiceClient on scheduling,
    visits: VisitServiceClient on scheduling,
    policies: PolicyServiceClient on adjudication,
    care_prices: AdjudicationServiceClient on adjudication,
    bills: BillServiceClient on payment,
    banking: BankServiceClient on payment,
    referrals: ReferralServiceClient on referral,
    journeys: JourneyServiceClient on referral,
}
