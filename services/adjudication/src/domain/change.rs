//! Why a settlement did not stay as it was. Words are API and stored: never renamed.

use super::words::words;

words! {
    /// Why a settlement was replaced by another of the same claim.
    Cause {
        /// Its provider corrected the claim.
        Correction = "CORRECTION",
        /// A claim for earlier care came later.
        LateClaim = "LATE_CLAIM",
        /// An earlier settlement of the year was taken back.
        Reversal = "REVERSAL",
        /// The person turned out to be insured otherwise on the day of care.
        Entitlement = "ENTITLEMENT",
    }
}

words! {
    /// Why somebody took a settlement back or corrected a claim.
    Reason {
        /// 退药、退费.
        ItemsReturned = "ITEMS_RETURNED",
        CareNotGiven = "CARE_NOT_GIVEN",
        BilledWrong = "BILLED_WRONG",
        WrongPerson = "WRONG_PERSON",
        FindingUpheld = "FINDING_UPHELD",
    }
}
