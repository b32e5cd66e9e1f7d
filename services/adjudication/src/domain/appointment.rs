//! What a quote needs to know of the appointment it is for.

use chrono::NaiveDate;
use types::care::CareKind;
use types::ids::{AppointmentId, JourneyId, OrganisationId, ReferralId, ResidentId};

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Appointment {
    pub id: AppointmentId,
    pub resident: ResidentId,
    pub provider: OrganisationId,
    pub kind: CareKind,
    /// Local day of its slot.
    pub on: NaiveDate,
    pub referral: Option<ReferralId>,
    pub journey: Option<JourneyId>,
    /// Its place is given, or its patient came.
    pub is_firm: bool,
}
