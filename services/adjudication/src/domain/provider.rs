//! What a provider is on a day, as identity keeps it.

use types::{care::CareKind, tier::Tier};

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Provider {
    pub tier: Tier,
    /// What it is designated for (定点).
    pub designated: Vec<DesignatedFor>,
}

/// A kind of contract between insurer and provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DesignatedFor {
    Outpatient,
    Inpatient,
    Pharmacy,
    Chronic,
}

impl Provider {
    /// Whether any fund pays for care of this kind there. An emergency is paid wherever it is treated.
    pub fn is_designated_for(&self, kind: CareKind) -> bool {
        let needed = match kind {
            CareKind::Emergency => return true,
            CareKind::Inpatient => DesignatedFor::Inpatient,
            CareKind::Chronic => DesignatedFor::Chronic,
            CareKind::Pharmacy => DesignatedFor::Pharmacy,
            CareKind::Outpatient
            | CareKind::Teleconsult
            | CareKind::Exam
            | CareKind::Checkup
            | CareKind::Vaccination => DesignatedFor::Outpatient,
        };
        self.designated.contains(&needed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn id_02_a_provider_is_paid_for_what_it_is_designated_for_and_for_emergencies() {
        let provider = |designated| Provider { tier: Tier::Community, designated };
        let clinic = provider(vec![DesignatedFor::Outpatient]);
        assert!(clinic.is_designated_for(CareKind::Outpatient));
        assert!(clinic.is_designated_for(CareKind::Exam));
        assert!(!clinic.is_designated_for(CareKind::Inpatient));
        assert!(!provider(vec![]).is_designated_for(CareKind::Outpatient));
        assert!(provider(vec![]).is_designated_for(CareKind::Emergency));
    }
}
