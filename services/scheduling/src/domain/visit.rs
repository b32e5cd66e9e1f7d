//! A patient's presence at a provider. These facts are reported after they happened.

use chrono::{DateTime, Datelike as _, NaiveDate, TimeDelta, Utc};
use types::{
    caller::{Caller, Party, Role},
    care::CareKind,
    clock::local_date,
    identifier::{Identifier, IdentifierKind},
    ids::{AppointmentId, DelegationId, JourneyId, OrganisationId, ReferralId, ResidentId, VisitId},
    region::RegionCode,
    tier::Tier,
};

use super::{error::SchedulingError, words};

/// How long before its slot an appointment may be kept.
const CHECK_IN_BEFORE: TimeDelta = TimeDelta::hours(12);
/// A visit of so many calendar years ago is still reported.
const REPORTED_WITHIN_YEARS: i32 = 2;

words! {
    /// How the desk proved the patient's identity.
    IdentityProof {
        IdCard = "ID_CARD",
        ElectronicCredential = "ELECTRONIC_CREDENTIAL",
        /// The visit is possible, insurance settlement is not.
        None = "NONE",
    }
}

words! {
    /// How a visit ended.
    Outcome {
        Completed = "COMPLETED",
        Discharged = "DISCHARGED",
        Transferred = "TRANSFERRED",
        MedicineCollected = "MEDICINE_COLLECTED",
        LeftUnseen = "LEFT_UNSEEN",
    }
}

/// Who came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Present {
    Patient,
    /// Somebody else, to collect medicine.
    Delegate {
        delegate: Party,
        delegation: DelegationId,
    },
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Visit {
    pub id: VisitId,
    pub resident: ResidentId,
    pub organisation: OrganisationId,
    /// The provider's.
    pub region: RegionCode,
    pub tier: Tier,
    pub kind: CareKind,
    pub appointment: Option<AppointmentId>,
    pub referral: Option<ReferralId>,
    pub journey: JourneyId,
    pub present: Present,
    pub identity_proof: IdentityProof,
    /// The party at the desk.
    pub checked_in_by: Party,
    pub opened_at: DateTime<Utc>,
    pub ended: Option<Ended>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ended {
    pub at: DateTime<Utc>,
    pub outcome: Outcome,
}

impl Ended {
    pub const fn is_seen(self) -> bool {
        !matches!(self.outcome, Outcome::LeftUnseen)
    }
}

impl Visit {
    /// What its provider forgot to end an operator ends, and says why: a stay, since an open one keeps all other claims of the person waiting.
    /// Nothing waits for the end of any other visit.
    pub fn check_ender(&self, caller: &Caller, reason: &str) -> Result<(), SchedulingError> {
        if !caller.has(&Role::Operator) || caller.organisation == Some(self.organisation) {
            return Ok(());
        }
        if self.kind != CareKind::Inpatient {
            return Err(SchedulingError::NotAStay);
        }
        if reason.is_empty() { Err(SchedulingError::field("reason", "an operator says why")) } else { Ok(()) }
    }

    pub fn end(self, ended: Ended) -> Result<Self, SchedulingError> {
        if self.ended.is_some() {
            return Err(SchedulingError::VisitNotOpen);
        }
        check_order("occurred_at", self.opened_at, ended.at)?;
        Ok(Self { ended: Some(ended), ..self })
    }

    pub const fn state(&self) -> &'static str {
        match self.ended {
            None => "OPEN",
            Some(ended) if ended.is_seen() => "ENDED",
            Some(_) => "LEFT_UNSEEN",
        }
    }
}

/// A visit is reported in the calendar year in which it began, or in the two after: long stays come late, and years of insurance are settled late.
pub fn check_recent(occurred_at: DateTime<Utc>, now: DateTime<Utc>) -> Result<(), SchedulingError> {
    let years_ago = local_date(now).year() - local_date(occurred_at).year();
    if years_ago > REPORTED_WITHIN_YEARS {
        return Err(SchedulingError::field("occurred_at", "must be of this calendar year or of the two before"));
    }
    Ok(())
}

pub fn check_born(occurred_at: DateTime<Utc>, birth_date: NaiveDate) -> Result<(), SchedulingError> {
    if local_date(occurred_at) < birth_date {
        return Err(SchedulingError::field("occurred_at", "must not be before the patient's birth"));
    }
    Ok(())
}

/// ID-10: as long as a stay is open, nothing else is claimed of the person, so that nobody is admitted on a mere word. Who cannot prove who they
/// are in an emergency has an EMERGENCY visit until they can.
pub fn check_admission(kind: CareKind, proof: IdentityProof) -> Result<(), SchedulingError> {
    match (kind, proof) {
        (CareKind::Inpatient, IdentityProof::None) => Err(SchedulingError::AdmissionUnproven),
        _ => Ok(()),
    }
}

/// What is reported has happened. `field` says when.
pub fn check_past(field: &'static str, at: DateTime<Utc>, now: DateTime<Utc>) -> Result<(), SchedulingError> {
    if at > now { Err(SchedulingError::InFuture { field }) } else { Ok(()) }
}

/// A visit ends after it began, or right then. `field` says when it ended.
pub fn check_order(
    field: &'static str,
    opened_at: DateTime<Utc>,
    ended_at: DateTime<Utc>,
) -> Result<(), SchedulingError> {
    if ended_at < opened_at { Err(SchedulingError::EndsBeforeStart { field }) } else { Ok(()) }
}

/// An appointment is not kept long before its slot; it may be kept, and reported, any time after.
pub fn check_not_early(occurred_at: DateTime<Utc>, slot_starts_at: DateTime<Utc>) -> Result<(), SchedulingError> {
    let begins_at = slot_starts_at - CHECK_IN_BEFORE;
    if occurred_at < begins_at { Err(SchedulingError::TooEarly(begins_at)) } else { Ok(()) }
}

/// ID-10: without a credential there is no proof, and with one the desk says which kind it read. Answers what is to be proven.
pub fn to_prove(proof: IdentityProof, credential: Option<&Identifier>) -> Result<Option<&Identifier>, SchedulingError> {
    let Some(credential) = credential else {
        return match proof {
            IdentityProof::None => Ok(None),
            IdentityProof::IdCard | IdentityProof::ElectronicCredential => {
                Err(SchedulingError::field("credential", "is required unless identity_proof is NONE"))
            }
        };
    };
    let is_electronic = credential.kind() == IdentifierKind::ElectronicCredential;
    match proof {
        IdentityProof::ElectronicCredential if is_electronic => Ok(Some(credential)),
        IdentityProof::IdCard if !is_electronic => Ok(Some(credential)),
        IdentityProof::None => Err(SchedulingError::field("identity_proof", "must say which credential was read")),
        IdentityProof::IdCard | IdentityProof::ElectronicCredential => {
            Err(SchedulingError::field("credential.kind", "must be the kind that identity_proof says"))
        }
    }
}

#[cfg(test)]
mod tests {
    use types::national_id::NationalId;
    use uuid::Uuid;

    use super::*;

    fn at(hours: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::hours(hours)
    }

    fn visit() -> Visit {
        let id = Uuid::from_u128(7);
        Visit {
            id: VisitId::from_uuid(id),
            resident: ResidentId::from_uuid(id),
            organisation: OrganisationId::from_uuid(id),
            region: RegionCode::BEIJING,
            tier: Tier::Community,
            kind: CareKind::Outpatient,
            appointment: None,
            referral: None,
            journey: JourneyId::from_uuid(id),
            present: Present::Patient,
            identity_proof: IdentityProof::IdCard,
            checked_in_by: Party::Client("desk".to_owned()),
            opened_at: at(10),
            ended: None,
        }
    }

    #[test]
    fn sc_04_a_visit_ends_once_and_not_before_it_began() {
        let ended = Ended { at: at(10), outcome: Outcome::Completed };
        let over = visit().end(ended).unwrap();
        assert_eq!((over.state(), over.ended), ("ENDED", Some(ended)));
        assert!(matches!(over.end(ended), Err(SchedulingError::VisitNotOpen)));
        let early = Ended { at: at(9), outcome: Outcome::Completed };
        assert!(matches!(visit().end(early), Err(SchedulingError::EndsBeforeStart { field: "occurred_at" })));
        let left = visit().end(Ended { at: at(11), outcome: Outcome::LeftUnseen }).unwrap();
        assert_eq!((visit().state(), left.state()), ("OPEN", "LEFT_UNSEEN"));
    }

    #[test]
    fn sc_04_an_operator_ends_stays_alone_and_says_why() {
        let of = |organisation, role| {
            let desk = Caller::new(Party::Client("desk".to_owned()), RegionCode::BEIJING);
            Caller { organisation, roles: [role].into(), ..desk }
        };
        let operator = of(None, Role::Operator);
        let refused = visit().check_ender(&operator, "forgotten");
        assert!(matches!(refused, Err(SchedulingError::NotAStay)), "{refused:?}");
        let stay = Visit { kind: CareKind::Inpatient, ..visit() };
        let refused = stay.check_ender(&operator, "");
        assert!(matches!(&refused, Err(SchedulingError::Field { field, .. }) if field == "reason"), "{refused:?}");
        assert!(stay.check_ender(&operator, "forgotten").is_ok());
        let clerk = of(Some(visit().organisation), Role::ClinicClerk);
        assert!(visit().check_ender(&clerk, "").is_ok() && stay.check_ender(&clerk, "").is_ok());
    }

    #[test]
    fn sc_04_check_in_opens_twelve_hours_before_the_slot() {
        assert!(check_not_early(at(8), at(20)).is_ok() && check_not_early(at(99), at(20)).is_ok());
        assert!(matches!(check_not_early(at(7), at(20)), Err(SchedulingError::TooEarly(begins)) if begins == at(8)));
    }

    #[test]
    fn sc_04_the_future_is_not_reported() {
        assert!(check_past("occurred_at", at(1), at(1)).is_ok());
        let refused = check_past("end.occurred_at", at(2), at(1));
        assert!(matches!(refused, Err(SchedulingError::InFuture { field: "end.occurred_at" })), "{refused:?}");
    }

    #[test]
    fn sc_04_a_visit_is_reported_in_its_year_or_the_two_after_and_of_somebody_who_was_born() {
        let named = |result: Result<(), SchedulingError>| match result {
            Err(SchedulingError::Field { field, .. }) => field,
            other => panic!("{other:?}"),
        };
        // The year begins at midnight in Beijing.
        let new_year: DateTime<Utc> = "2025-12-31T16:00:00Z".parse().unwrap();
        let second = TimeDelta::seconds(1);
        let years_later = "2028-12-31T16:00:00Z".parse::<DateTime<Utc>>().unwrap();
        assert!(check_recent(new_year, years_later - second).is_ok());
        assert_eq!(named(check_recent(new_year - second, years_later - second)), "occurred_at");
        assert_eq!(named(check_recent(new_year, years_later)), "occurred_at");
        let birth_date = local_date(new_year);
        assert!(check_born(new_year, birth_date).is_ok());
        assert_eq!(named(check_born(new_year - second, birth_date)), "occurred_at");
    }

    #[test]
    fn id_10_nobody_is_admitted_who_did_not_prove_who_they_are() {
        let refused = check_admission(CareKind::Inpatient, IdentityProof::None);
        assert!(matches!(refused, Err(SchedulingError::AdmissionUnproven)), "{refused:?}");
        assert!(check_admission(CareKind::Inpatient, IdentityProof::IdCard).is_ok());
        assert!(check_admission(CareKind::Emergency, IdentityProof::None).is_ok());
    }

    #[test]
    fn id_10_a_proof_needs_a_credential_of_its_kind() {
        let card = Identifier::from(NationalId::from_parts(RegionCode::DEMONSTRATION, at(0).date_naive(), 1).unwrap());
        let code = Identifier::parse(IdentifierKind::ElectronicCredential, "ABCDEF0123456789", "").unwrap();
        assert_eq!(to_prove(IdentityProof::IdCard, Some(&card)).unwrap(), Some(&card));
        assert_eq!(to_prove(IdentityProof::ElectronicCredential, Some(&code)).unwrap(), Some(&code));
        assert_eq!(to_prove(IdentityProof::None, None).unwrap(), None);
        let wrong = [
            (IdentityProof::IdCard, None, "credential"),
            (IdentityProof::ElectronicCredential, None, "credential"),
            (IdentityProof::IdCard, Some(&code), "credential.kind"),
            (IdentityProof::ElectronicCredential, Some(&card), "credential.kind"),
            (IdentityProof::None, Some(&card), "identity_proof"),
        ];
        for (proof, credential, named) in wrong {
            let refused = to_prove(proof, credential);
            assert!(matches!(&refused, Err(SchedulingError::Field { field, .. }) if field == named), "{refused:?}");
        }
    }
}
