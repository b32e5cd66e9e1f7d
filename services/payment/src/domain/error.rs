//! Every refusal of payment. `grpc/status.rs` maps each to a code and a stable reason.

use proto::convert::FieldError;
use types::money::Money;

use super::order;

#[derive(Debug, thiserror::Error)]
pub enum PaymentError {
    #[error(transparent)]
    Field(#[from] FieldError),
    #[error("the national ID is not valid")]
    InvalidNationalId,
    #[error("no bill has this id")]
    BillNotFound,
    #[error("no quote has this id")]
    QuoteNotFound,
    #[error("no settlement has this id")]
    SettlementNotFound,
    #[error("no credit line of this resident has this id")]
    CreditLineNotFound,
    #[error("no order has this id")]
    OrderNotFound,
    #[error("no receipt has this id")]
    ReceiptNotFound,
    #[error("no resident has this national ID and name")]
    ResidentNotFound,
    #[error("the payers must sum to the person's share of {own}")]
    ShareMismatch { own: Money },
    #[error("the credit line has {remaining} left")]
    InsufficientCredit { remaining: Money },
    #[error("the credit line is suspended or its time has passed")]
    CreditLineNotActive,
    #[error("the settlement is not divided: confirmed, reversed or lapsed")]
    SettlementNotDivided,
    #[error("the quote names no price, or says only what cover there is")]
    NoPrice,
    #[error("another bill rests on this settlement")]
    SettlementBilled,
    #[error("another bill rests on this quote: re-base it, or cancel it first")]
    QuoteBilled,
    #[error("another bill was opened under this mandate, and is not given up")]
    MandateBilled,
    #[error("the bill is not authorised, or its reservation has expired")]
    BillNotAuthorised,
    #[error("the bill was cancelled")]
    BillCancelled,
    #[error("the settlement was corrected this moment: the bill follows")]
    SettlementCorrected,
    #[error("the bill is not captured")]
    BillNotCaptured,
    #[error("the bill is being captured or was")]
    BillCaptured,
    #[error("the bill rests on a quote: authorise it from the settlement first")]
    SettlementMissing,
    #[error("the order has been resolved otherwise: {0}")]
    OrderResolved(order::State),
    #[error("the amount is not the order's")]
    AmountDiffers,
    #[error("the order was reported with another reference")]
    ReferenceDiffers,
    #[error("no payout has this id")]
    PayoutNotFound,
    #[error("another payout has this id")]
    PayoutExists,
    #[error("another payout of the bill was opened since")]
    PayoutReplaced,
    #[error("who opened it does not witness it")]
    SamePerson,
    #[error("{due} is due")]
    AboveDue { due: Money },
    #[error("the content of the receipt is not what was issued")]
    ReceiptDiffers,
    #[error("the receipt is not sealed yet")]
    ReceiptNotSealed,
    /// Who acts may not commit the resident's money in this way.
    #[error("only the resident, or who acts for them with PAY, may use their credit")]
    CreditOutsideScope,
    #[error("only the payee can say that its desk has collected a share")]
    DeskOutsideScope,
    #[error("no delegation lets the caller act for this resident")]
    NoDelegation,
    #[error("the delegation has expired")]
    DelegationExpired,
    #[error("the delegation does not include this")]
    ActionNotDelegated,
    #[error("the delegation is not for this provider")]
    OrganisationNotDelegated,
    #[error("the delegation lets {remaining} more be committed")]
    AmountNotDelegated { remaining: Money },
    /// Another line, other work or another bill than the mandate is for.
    #[error("the mandate does not allow this")]
    OutsideMandate,
    #[error("the person's share is above what the mandate allows")]
    OwnShareAboveMandate,
    /// The row is somebody else's.
    #[error(transparent)]
    Denied(#[from] chassis::Denied),
    /// A peer says that the row is not for this caller.
    #[error("the record is outside of the caller's scope")]
    OutsideScope,
    #[error("{peer} cannot be reached now")]
    PeerUnavailable { peer: &'static str },
    /// A peer said what its contract does not have.
    #[error("{peer} answered {reason}")]
    PeerBroken { peer: &'static str, reason: String },
    #[error(transparent)]
    Storage(#[from] postgres::Error),
    /// A bug: the ledger refuses what we made.
    #[error("ledger: {0}")]
    Ledger(#[from] super::journal::Unbalanced),
    #[error("page token: {0}")]
    PageToken(#[from] serde_json::Error),
}

impl PaymentError {
    pub fn field(field: &str, description: &str) -> Self {
        Self::Field(FieldError::new(field, description))
    }
}
