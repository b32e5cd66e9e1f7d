//! What a referral says about the patient's condition and the care expected of the target.

use types::redacted::Redacted;

/// A coded diagnosis. The name is clinical text.
#[derive(Debug, Clone)]
pub struct Diagnosis {
    /// ICD-10, the medical-insurance edition.
    pub code: String,
    pub name: Redacted<String>,
}

/// An item that is expected to be billed. Quantity and unit price are decimal numbers as they were written.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExpectedLine {
    pub item_code: String,
    pub quantity: String,
    pub unit_price: String,
}
