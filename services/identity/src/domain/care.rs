//! Who cares for whom: a visit or a referral opens it, its end closes it.

use types::ids::{OrganisationId, ResidentId};
use uuid::Uuid;

use super::word::words;

words! {
    /// What it rests on.
    Kind {
        Visit = "VISIT",
        Referral = "REFERRAL",
    }
}

/// States of a referral in which nobody cares for the resident because of it any more.
const ENDED: [&str; 5] = ["RETURNED", "WITHDRAWN", "NOT_ATTENDED", "LAPSED", "CLOSED"];

/// An organisation that cares for a resident because of something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CareRelation {
    pub kind: Kind,
    /// The visit or the referral.
    pub source: Uuid,
    pub resident: ResidentId,
    pub organisation: OrganisationId,
}

/// What an event says of care.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    Opened(Vec<CareRelation>),
    Closed { kind: Kind, source: Uuid },
}

/// What became of a referral: it is the providers' of both sides until it ends.
pub fn referred(source: Uuid, resident: ResidentId, sides: [OrganisationId; 2], state: &str) -> Change {
    if ENDED.contains(&state) {
        return Change::Closed { kind: Kind::Referral, source };
    }
    let relation = |organisation| CareRelation { kind: Kind::Referral, source, resident, organisation };
    Change::Opened(sides.map(relation).to_vec())
}

/// What became of a visit.
pub fn visited(source: Uuid, resident: ResidentId, provider: OrganisationId, ended: bool) -> Change {
    if ended {
        return Change::Closed { kind: Kind::Visit, source };
    }
    Change::Opened(vec![CareRelation { kind: Kind::Visit, source, resident, organisation: provider }])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn id_07_a_referral_is_both_sides_care_until_it_ends() {
        let (source, resident) = (Uuid::now_v7(), ResidentId::generate());
        let sides = [OrganisationId::generate(), OrganisationId::generate()];
        let Change::Opened(open) = referred(source, resident, sides, "SUBMITTED") else { panic!("closed") };
        assert_eq!(open.iter().map(|relation| relation.organisation).collect::<Vec<_>>(), sides);
        for state in ENDED {
            let closed = Change::Closed { kind: Kind::Referral, source };
            assert_eq!(referred(source, resident, sides, state), closed, "{state}");
        }
    }

    #[test]
    fn id_07_a_visit_is_care_while_it_lasts() {
        let (source, resident, provider) = (Uuid::now_v7(), ResidentId::generate(), OrganisationId::generate());
        assert!(matches!(visited(source, resident, provider, false), Change::Opened(open) if open.len() == 1));
        assert_eq!(visited(source, resident, provider, true), Change::Closed { kind: Kind::Visit, source });
    }
}
