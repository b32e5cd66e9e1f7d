//! What a referral says about the patient's condition.

use std::collections::BTreeSet;

use types::redacted::Redacted;

/// A coded diagnosis. The name is clinical text.
#[derive(Debug, Clone)]
pub struct Diagnosis {
    /// ICD-10, the medical-insurance edition.
    pub code: String,
    pub name: Redacted<String>,
}

/// Kinds of data that a consent is about, as far as referrals carry them. All but the summary are sensitive: shared only where the
/// resident named them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DataKind {
    Summary,
    MentalHealth,
    Hiv,
    Reproductive,
}

/// What a referral with these diagnoses shows: its summary, and what the diagnoses are about.
pub fn data_kinds(diagnoses: &[Diagnosis]) -> BTreeSet<DataKind> {
    let sensitive = diagnoses.iter().filter_map(|diagnosis| sensitive_kind(&diagnosis.code));
    [DataKind::Summary].into_iter().chain(sensitive).collect()
}

/// By chapters and blocks of ICD-10; the contract of `HealthDataKind` names them.
fn sensitive_kind(icd10_code: &str) -> Option<DataKind> {
    let category = icd10_code.get(..3).unwrap_or(icd10_code);
    match category {
        "B20" | "B21" | "B22" | "B23" | "B24" | "Z21" => Some(DataKind::Hiv),
        "N46" | "N97" => Some(DataKind::Reproductive),
        _ if category.starts_with('F') => Some(DataKind::MentalHealth),
        _ if category.starts_with('O') || category.starts_with("Z3") => Some(DataKind::Reproductive),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(codes: &[&str]) -> Vec<DataKind> {
        let diagnosis = |code: &&str| Diagnosis { code: (*code).to_owned(), name: Redacted::new("诊断".to_owned()) };
        data_kinds(&codes.iter().map(diagnosis).collect::<Vec<_>>()).into_iter().collect()
    }

    #[test]
    fn id_06_sensitive_diagnoses_make_their_referral_sensitive() {
        assert_eq!(kinds(&["I25.103", "E11.900"]), [DataKind::Summary]);
        assert_eq!(kinds(&["I25.103", "F32.900"]), [DataKind::Summary, DataKind::MentalHealth]);
        assert_eq!(kinds(&["B20.000", "Z21.x00"]), [DataKind::Summary, DataKind::Hiv]);
        assert_eq!(kinds(&["O80.000", "N97.900", "Z34.900"]), [DataKind::Summary, DataKind::Reproductive]);
        assert_eq!(kinds(&["B19.900", "B25.900", "Z20.600", "N45.900"]), [DataKind::Summary]);
        assert_eq!(kinds(&["F"]), [DataKind::Summary, DataKind::MentalHealth]);
    }
}
