//! Why an acceptance was undone: stable reasons, and whose turn it is then.

use super::words::words;

words! {
    /// Why an acceptance was undone; `last_refusal` on the wire.
    Refusal {
        NoConsent = "NO_CONSENT",
        NoDelegation = "NO_DELEGATION",
        ActionNotDelegated = "ACTION_NOT_DELEGATED",
        DelegationExpired = "DELEGATION_EXPIRED",
        OrganisationNotDelegated = "ORGANISATION_NOT_DELEGATED",
        AmountNotDelegated = "AMOUNT_NOT_DELEGATED",
        ServiceKindNotDelegated = "SERVICE_KIND_NOT_DELEGATED",
        /// No more may be booked under the delegation.
        DelegationUsedUp = "DELEGATION_USED_UP",
        /// Submitted before identity recorded mandates.
        NoMandate = "NO_MANDATE",
        MandateEnded = "MANDATE_ENDED",
        MandateExpired = "MANDATE_EXPIRED",
        /// The mandate is for other work, or pays otherwise.
        OutsideMandate = "OUTSIDE_MANDATE",
        /// Another bill stands under the mandate, and stands until somebody cancels it.
        MandateBilled = "MANDATE_BILLED",
        /// An operator barred the resident or who submitted.
        PersonBarred = "PERSON_BARRED",
        SlotTaken = "SLOT_TAKEN",
        SlotPast = "SLOT_PAST",
        SlotNotFound = "SLOT_NOT_FOUND",
        PoolNotOpen = "POOL_NOT_OPEN",
        PatientConflict = "PATIENT_CONFLICT",
        /// The referral names a journey in which another person is cared for.
        JourneyOfAnother = "JOURNEY_OF_ANOTHER",
        BookingLimit = "BOOKING_LIMIT",
        Suspended = "SUSPENDED",
        /// The hold ran out before it was confirmed.
        HoldExpired = "HOLD_EXPIRED",
        /// The place was given up while it was held, by the patient or the provider.
        AppointmentCancelled = "APPOINTMENT_CANCELLED",
        /// The slot belongs to another provider than the target.
        SlotElsewhere = "SLOT_ELSEWHERE",
        /// The expected lines cannot be priced as they stand.
        PriceRefused = "PRICE_REFUSED",
        OwnShareAboveMandate = "OWN_SHARE_ABOVE_MANDATE",
        InsufficientCredit = "INSUFFICIENT_CREDIT",
        CreditLineNotActive = "CREDIT_LINE_NOT_ACTIVE",
        CreditLineNotFound = "CREDIT_LINE_NOT_FOUND",
        /// Somebody cancelled the bill while the acceptance was under way.
        BillCancelled = "BILL_CANCELLED",
        /// Peers did not answer before the deadline.
        TimedOut = "ACCEPTANCE_TIMED_OUT",
        /// A peer refused for a reason this release does not know.
        Unexpected = "UNEXPECTED_REFUSAL",
        /// With `NEEDS_HUMAN`: scheduling does not know the appointment that was to be confirmed.
        AppointmentUnknown = "APPOINTMENT_UNKNOWN",
        /// With `NEEDS_HUMAN`: the place was already used and cannot be given up.
        PlaceNotReleased = "PLACE_NOT_RELEASED",
        /// With `NEEDS_HUMAN`: the bill was already captured and cannot be given up.
        CreditNotReleased = "CREDIT_NOT_RELEASED",
    }
}

/// Who must act after an acceptance was undone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    /// The target: another place may do.
    Target,
    /// The referrer: consent, mandate, credit or journey must be mended.
    Referrer,
}

impl Refusal {
    pub const fn turn(self) -> Turn {
        match self {
            Self::NoConsent
            | Self::NoDelegation
            | Self::ActionNotDelegated
            | Self::DelegationExpired
            | Self::OrganisationNotDelegated
            | Self::AmountNotDelegated
            | Self::ServiceKindNotDelegated
            | Self::DelegationUsedUp
            | Self::NoMandate
            | Self::MandateEnded
            | Self::MandateExpired
            | Self::OutsideMandate
            | Self::MandateBilled
            | Self::PersonBarred
            | Self::JourneyOfAnother
            | Self::OwnShareAboveMandate
            | Self::InsufficientCredit
            | Self::CreditLineNotActive
            | Self::CreditLineNotFound
            | Self::BillCancelled => Turn::Referrer,
            Self::SlotTaken
            | Self::SlotPast
            | Self::SlotNotFound
            | Self::PoolNotOpen
            | Self::PatientConflict
            | Self::BookingLimit
            | Self::Suspended
            | Self::HoldExpired
            | Self::AppointmentCancelled
            | Self::SlotElsewhere
            | Self::PriceRefused
            | Self::TimedOut
            | Self::Unexpected
            | Self::AppointmentUnknown
            | Self::PlaceNotReleased
            | Self::CreditNotReleased => Turn::Target,
        }
    }
}
