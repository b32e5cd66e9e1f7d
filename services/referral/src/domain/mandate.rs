//! What an acceptance may do in the resident's name, as it was given at submission.

use sha2::{Digest as _, Sha256};
use types::{
    caller::Party,
    ids::{CreditLineId, DelegationId, MandateId, ReferralId, RequestId},
    money::Money,
};

/// How the own share is to be paid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Payment {
    /// At the desk, when it is known.
    Desk,
    /// On the resident's credit line, up to a highest own share.
    Credit { line: CreditLineId, own_share_max: Money },
}

/// The mandate, and who gave it on what ground.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mandate {
    /// As identity recorded it; none in referrals from before that, which nobody can accept any more.
    pub id: Option<MandateId>,
    pub payment: Payment,
    /// The delegation it rests on; none when the resident submitted.
    pub delegation: Option<DelegationId>,
    /// Who submitted: the resident, or the delegate whose delegation is checked again when the mandate is used.
    pub submitted_by: Party,
}

/// What a delegate must be allowed to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    Refer,
    Pay,
    /// To see what was referred; no mandate needs it.
    View,
}

impl Payment {
    /// What a delegate needs to be allowed to mandate it.
    pub const fn actions(self) -> &'static [Action] {
        match self {
            Self::Desk => &[Action::Refer],
            Self::Credit { .. } => &[Action::Refer, Action::Pay],
        }
    }

    /// The request id under which this is recorded at identity as the mandate of a referral: it follows from the submission, so that
    /// the same one, repeated, is recorded once.
    pub fn request_id(self, submission: RequestId, referral: ReferralId) -> RequestId {
        let terms = match self {
            Self::Desk => "DESK".to_owned(),
            Self::Credit { line, own_share_max } => format!("CREDIT:{line}:{}", own_share_max.fen()),
        };
        RequestId::from_uuid(digested(&format!("{submission}:mandate:{referral}:{terms}")))
    }
}

/// The id of a referral whose submission names none: it follows from who submits and the key, so that the same one, repeated, is about
/// the same referral.
pub fn referral_id(submitter: &Party, submission: RequestId) -> ReferralId {
    ReferralId::from_uuid(digested(&format!("{submitter}:{submission}:referral")))
}

fn digested(text: &str) -> uuid::Uuid {
    let digest: [u8; 32] = Sha256::digest(text).into();
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&digest[..16]);
    uuid::Builder::from_custom_bytes(bytes).into_uuid()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_repeated_submission_records_the_same_mandate_and_another_one_another() {
        let (submission, referral) = (RequestId::generate(), ReferralId::generate());
        let credit = |fen| Payment::Credit {
            line: CreditLineId::from_uuid(uuid::Uuid::from_u128(1)),
            own_share_max: Money::from_fen(fen),
        };
        let key = |payment: Payment| payment.request_id(submission, referral);
        assert_eq!(key(credit(1)), key(credit(1)));
        assert_ne!(key(credit(1)), key(credit(2)));
        assert_ne!(key(credit(1)), key(Payment::Desk));
        assert_ne!(key(Payment::Desk), Payment::Desk.request_id(submission, ReferralId::generate()));
    }
}
