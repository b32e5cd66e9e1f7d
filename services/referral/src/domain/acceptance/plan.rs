//! What an acceptance chooses beforehand, and the calls it makes with that.

use chrono::{DateTime, Utc};
use sha2::{Digest as _, Sha256};
use types::{
    care::CareKind,
    expected::ExpectedLine,
    ids::{
        AppointmentId, BillId, JourneyId, OrganisationId, QuoteId, ReferralId, RequestId, ResidentId, SagaId, SlotId,
    },
    money::Money,
    region::RegionCode,
};

use crate::domain::mandate::Mandate;

/// Everything an acceptance needs to know; never changes while it runs, so every repetition of a call is the same call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    pub saga: SagaId,
    /// In which everything is done.
    pub region: RegionCode,
    pub referral: ReferralId,
    pub resident: ResidentId,
    /// The provider that accepts.
    pub target: OrganisationId,
    pub journey: JourneyId,
    pub slot: SlotId,
    pub kind: CareKind,
    /// What is expected to be billed; empty means no price.
    pub lines: Vec<ExpectedLine>,
    pub mandate: Mandate,
    pub appointment: AppointmentId,
    pub quote: QuoteId,
    pub bill: BillId,
    /// What is not being confirmed by then is undone.
    pub deadline: DateTime<Utc>,
    /// After the deadline.
    pub hold_until: DateTime<Utc>,
}

/// One call to a participant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Call {
    /// identity: consent for the target, and what the delegate may do.
    CheckMandate,
    Hold,
    Quote {
        on: DateTime<Utc>,
    },
    Authorise {
        own_share: Money,
    },
    Confirm,
    Inspect,
    CancelBill,
    CancelAppointment,
}

impl Call {
    /// The step's part of the key `saga:step`.
    pub const fn key(self) -> &'static str {
        match self {
            Self::CheckMandate => "consent",
            Self::Hold => "place",
            Self::Quote { .. } => "price",
            Self::Authorise { .. } => "credit",
            Self::Confirm => "confirm",
            Self::Inspect => "inspect",
            Self::CancelBill => "undo-credit",
            Self::CancelAppointment => "undo-place",
        }
    }
}

/// The request id of a saga's call: a UUID (version 8) that follows from saga and step.
pub fn request_id(saga: SagaId, call: Call) -> RequestId {
    let digest: [u8; 32] = Sha256::digest(format!("{saga}:{}", call.key())).into();
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&digest[..16]);
    RequestId::from_uuid(uuid::Builder::from_custom_bytes(bytes).into_uuid())
}
