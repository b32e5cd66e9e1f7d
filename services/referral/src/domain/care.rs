//! What a referral says about the patient's condition.

use types::redacted::Redacted;

/// A coded diagnosis. The name is clinical text.
#[derive(Debug, Clone)]
pub struct Diagnosis {
    /// ICD-10, the medical-insurance edition.
    pub code: String,
    pub name: Redacted<String>,
}
