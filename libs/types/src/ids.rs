//! One newtype per kind of id, so that a slot is never taken for a visit.

/// A text that is not an id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a UUID in its 36-character form")]
pub struct IdError;

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident,)+) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
        #[serde(transparent)]
        pub struct $name(uuid::Uuid);

        impl $name {
            /// A new id (UUID version 7: its order is roughly the order of creation). Reads the clock, so never call it in `domain/`.
            pub fn generate() -> Self {
                Self(uuid::Uuid::now_v7())
            }

            pub const fn from_uuid(uuid: uuid::Uuid) -> Self {
                Self(uuid)
            }

            /// What stores bind.
            pub const fn uuid(self) -> uuid::Uuid {
                self.0
            }
        }

        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.0)
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                std::fmt::Display::fmt(&self.0, f)
            }
        }

        impl std::str::FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, IdError> {
                parse(text).map(Self)
            }
        }

        impl From<$name> for uuid::Uuid {
            fn from(id: $name) -> Self {
                id.0
            }
        }
    )+};
}

ids! {
    ResidentId,
    OrganisationId,
    PractitionerId,
    DepartmentId,
    /// One document of a resident.
    IdentifierId,
    /// One value of a resident that was changed.
    ChangeId,
    /// Two residents who may be one person.
    DuplicateId,
    /// Two registrations of one person.
    MergeId,
    /// People who live together.
    HouseholdId,
    GuardianshipId,
    /// That a resident is vulnerable.
    FlagId,
    EnrolmentId,
    /// A filing of care outside of the insured region.
    RemoteCareFilingId,
    /// A contract with a family doctor.
    ContractId,
    /// A file of enrolments taken in.
    ImportId,
    /// An alliance of providers.
    AllianceId,
    /// A contract by which a provider is designated.
    DesignationId,
    DelegationId,
    DelegationReceiptId,
    /// What a service may go on doing in a resident's name.
    MandateId,
    ConsentId,
    BreakGlassId,
    /// A person's request to be erased.
    ErasureId,
    SessionId,
    SlotId,
    /// A session of every week.
    TemplateId,
    /// Leave or a holiday.
    ExceptionId,
    /// A room or a piece of equipment.
    ResourceId,
    /// When the reserved places of a department fall back to everybody.
    LadderId,
    /// A change of how many places a pool of a slot has.
    PoolMoveId,
    /// Sessions opened in many clinics at once.
    SurgeId,
    AppointmentId,
    VisitId,
    /// Somebody in the line for a place.
    WaitListEntryId,
    /// Online booking of a resident that is suspended for a while.
    SuspensionId,
    /// A pattern that looks like scalping.
    SuspicionId,
    ReferralId,
    SagaId,
    /// One per episode of care; joins its appointments, visits, referrals, claims and bills.
    JourneyId,
    PolicyId,
    /// A document of terms by which providers are paid.
    PaymentTermsId,
    QuoteId,
    ClaimId,
    SettlementId,
    /// What an audit rule asks about a claim.
    FindingId,
    /// The audit rules of a region.
    RuleBookId,
    /// What somebody reported about a provider or a person.
    AbuseReportId,
    BillId,
    CreditLineId,
    /// An order to a bank.
    OrderId,
    ReceiptId,
    /// What a desk gives back to a person.
    PayoutId,
    EventId,
    TransferId,
    AccountId,
    RequestId,
}

/// One spelling only: braces, URNs and missing hyphens would make equal ids look different in logs.
fn parse(text: &str) -> Result<uuid::Uuid, IdError> {
    if text.len() != uuid::fmt::Hyphenated::LENGTH {
        return Err(IdError);
    }
    let uuid = uuid::Uuid::try_parse(text).map_err(|_| IdError)?;
    if uuid.is_nil() { Err(IdError) } else { Ok(uuid) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_reads_back_as_written() {
        let id = VisitId::generate();
        assert_eq!(id.to_string().parse(), Ok(id));
        assert_eq!(VisitId::from_uuid(id.uuid()), id);
    }

    #[test]
    fn other_spellings_and_the_nil_id_are_refused() {
        let id = SlotId::generate();
        for text in [
            String::new(),
            id.uuid().simple().to_string(),
            id.uuid().braced().to_string(),
            uuid::Uuid::nil().to_string(),
            "01890a5d-ac96-774b-bcce-b302099a805z".to_owned(),
        ] {
            assert_eq!(text.parse::<SlotId>(), Err(IdError), "{text}");
        }
    }
}
