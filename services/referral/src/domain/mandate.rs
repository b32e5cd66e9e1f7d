//! What an acceptance may do in the resident's name, as it was given at submission.

use types::{
    caller::Party,
    ids::{CreditLineId, DelegationId},
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

impl Mandate {
    /// What a delegate needs to be allowed for this mandate.
    pub const fn actions(&self) -> &'static [Action] {
        match self.payment {
            Payment::Desk => &[Action::Refer],
            Payment::Credit { .. } => &[Action::Refer, Action::Pay],
        }
    }
}
