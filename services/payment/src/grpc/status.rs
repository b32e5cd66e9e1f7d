//! Every refusal as a code and a stable reason. Reasons are API: never renamed.

use chassis::error;
use tonic::{Code, Status};

use crate::domain::error::PaymentError;

const DOMAIN: &str = "payment.anjia";

/// Answers stored by an earlier release must still be readable.
pub(super) trait Undecodable<T> {
    fn undecodable(self) -> Result<T, PaymentError>;
}

impl<T> Undecodable<T> for Result<T, prost::DecodeError> {
    fn undecodable(self) -> Result<T, PaymentError> {
        self.map_err(|_| postgres::Error::row_invalid("requests", "response", "of this request").into())
    }
}

pub(super) fn refuse(refused: PaymentError) -> Status {
    use PaymentError as E;
    let text = refused.to_string();
    let (code, reason) = match refused {
        E::Field(cause) => return error::invalid(cause),
        E::Denied(cause) => return cause.into(),
        E::Storage(cause) => return error::storage(&cause),
        E::InvalidNationalId => {
            let refused = error::status(DOMAIN, Code::InvalidArgument, "INVALID_NATIONAL_ID", text);
            return error::with_field(refused, "national_id");
        }
        E::InsufficientCredit { remaining } => {
            let refused = error::status(DOMAIN, Code::FailedPrecondition, "INSUFFICIENT_CREDIT", text);
            return error::with_metadata(refused, "remaining", remaining.to_string());
        }
        E::AmountNotDelegated { remaining } => {
            let refused = error::status(DOMAIN, Code::PermissionDenied, "AMOUNT_NOT_DELEGATED", text);
            return error::with_metadata(refused, "remaining", remaining.to_string());
        }
        E::ShareMismatch { own } => {
            let refused = error::status(DOMAIN, Code::InvalidArgument, "SHARE_MISMATCH", text);
            return error::with_field(error::with_metadata(refused, "own", own.to_string()), "payers");
        }
        E::AboveDue { due } => {
            let refused = error::status(DOMAIN, Code::FailedPrecondition, "ABOVE_DUE", text);
            return error::with_metadata(refused, "due", due.to_string());
        }
        E::AmountDiffers => {
            let refused = error::status(DOMAIN, Code::InvalidArgument, "AMOUNT_DIFFERS", text);
            return error::with_field(refused, "amount");
        }
        E::ReferenceDiffers => {
            let refused = error::status(DOMAIN, Code::InvalidArgument, "REFERENCE_DIFFERS", text);
            return error::with_field(refused, "bank_reference");
        }
        cause @ (E::PeerBroken { .. } | E::Ledger(_) | E::PageToken(_)) => return error::internal(&cause),
        E::BillNotFound => (Code::NotFound, "BILL_NOT_FOUND"),
        E::QuoteNotFound => (Code::NotFound, "QUOTE_NOT_FOUND"),
        E::SettlementNotFound => (Code::NotFound, "SETTLEMENT_NOT_FOUND"),
        E::CreditLineNotFound => (Code::NotFound, "CREDIT_LINE_NOT_FOUND"),
        E::OrderNotFound => (Code::NotFound, "ORDER_NOT_FOUND"),
        E::PayoutNotFound => (Code::NotFound, "PAYOUT_NOT_FOUND"),
        E::PayoutExists => (Code::AlreadyExists, "PAYOUT_EXISTS"),
        E::PayoutReplaced => (Code::FailedPrecondition, "PAYOUT_REPLACED"),
        E::SamePerson => (Code::PermissionDenied, "SAME_PERSON"),
        E::ReceiptNotFound => (Code::NotFound, "RECEIPT_NOT_FOUND"),
        E::ResidentNotFound => (Code::NotFound, "RESIDENT_NOT_FOUND"),
        E::CreditLineNotActive => (Code::FailedPrecondition, "CREDIT_LINE_NOT_ACTIVE"),
        E::SettlementNotDivided => (Code::FailedPrecondition, "SETTLEMENT_NOT_DIVIDED"),
        E::NoPrice => (Code::FailedPrecondition, "NO_PRICE"),
        E::SettlementBilled => (Code::AlreadyExists, "SETTLEMENT_BILLED"),
        E::QuoteBilled => (Code::AlreadyExists, "QUOTE_BILLED"),
        E::MandateBilled => (Code::AlreadyExists, "MANDATE_BILLED"),
        E::OutsideMandate => (Code::PermissionDenied, "OUTSIDE_MANDATE"),
        E::OwnShareAboveMandate => (Code::PermissionDenied, "OWN_SHARE_ABOVE_MANDATE"),
        E::BillNotAuthorised => (Code::FailedPrecondition, "BILL_NOT_AUTHORISED"),
        E::BillCancelled => (Code::Aborted, "BILL_CANCELLED"),
        E::SettlementCorrected => (Code::Aborted, "SETTLEMENT_CORRECTED"),
        E::BillNotCaptured => (Code::FailedPrecondition, "BILL_NOT_CAPTURED"),
        E::BillCaptured => (Code::FailedPrecondition, "BILL_CAPTURED"),
        E::SettlementMissing => (Code::FailedPrecondition, "SETTLEMENT_MISSING"),
        E::OrderResolved(_) => (Code::FailedPrecondition, "ORDER_RESOLVED"),
        E::ReceiptDiffers => (Code::FailedPrecondition, "RECEIPT_DIFFERS"),
        E::ReceiptNotSealed => (Code::FailedPrecondition, "RECEIPT_NOT_SEALED"),
        E::CreditOutsideScope | E::DeskOutsideScope | E::OutsideScope => (Code::PermissionDenied, "OUTSIDE_SCOPE"),
        E::NoDelegation => (Code::PermissionDenied, "NO_DELEGATION"),
        E::OrganisationNotDelegated => (Code::PermissionDenied, "ORGANISATION_NOT_DELEGATED"),
        E::ActionNotDelegated => (Code::PermissionDenied, "ACTION_NOT_DELEGATED"),
        E::DelegationExpired => (Code::FailedPrecondition, "DELEGATION_EXPIRED"),
        E::PeerUnavailable { .. } => (Code::Unavailable, "PEER_UNAVAILABLE"),
    };
    error::status(DOMAIN, code, reason, text)
}
