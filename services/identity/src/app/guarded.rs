//! Whose rows these are, for the object rules of `access.toml`.

use chassis::Guarded;
use types::ids::{OrganisationId, ResidentId};

use crate::domain::alliance::Alliance;
use crate::domain::bank_profile::BankProfile;
use crate::domain::break_glass::BreakGlass;
use crate::domain::community::Community;
use crate::domain::consent::Consent;
use crate::domain::delegation::Delegation;
use crate::domain::designation::Designation;
use crate::domain::enrolment::{Coverage, Enrolment};
use crate::domain::erasure::Erasure;
use crate::domain::family_doctor::Contract;
use crate::domain::guardianship::Guardianship;
use crate::domain::mandate::Mandate;
use crate::domain::organisation::Organisation;
use crate::domain::practitioner::Practitioner;
use crate::domain::remote_care::Filing;
use crate::domain::resident::ShownResident;
use crate::domain::vulnerability::Flag;

impl Guarded for ShownResident {
    const NOT_FOUND: &'static str = "RESIDENT_NOT_FOUND";

    fn resident(&self) -> Option<ResidentId> {
        Some(self.id)
    }

    fn organisations(&self) -> Vec<OrganisationId> {
        self.registrar.into_iter().collect()
    }

    fn carers(&self) -> Vec<OrganisationId> {
        self.carer.into_iter().collect()
    }
}

impl Guarded for Organisation {
    const NOT_FOUND: &'static str = "ORGANISATION_NOT_FOUND";

    fn resident(&self) -> Option<ResidentId> {
        None
    }

    fn organisations(&self) -> Vec<OrganisationId> {
        vec![self.id]
    }
}

impl Guarded for Alliance {
    const NOT_FOUND: &'static str = "ALLIANCE_NOT_FOUND";

    fn resident(&self) -> Option<ResidentId> {
        None
    }

    fn organisations(&self) -> Vec<OrganisationId> {
        vec![self.lead]
    }
}

impl Guarded for BankProfile {
    const NOT_FOUND: &'static str = "BANK_PROFILE_NOT_FOUND";

    fn resident(&self) -> Option<ResidentId> {
        None
    }

    fn organisations(&self) -> Vec<OrganisationId> {
        vec![self.organisation]
    }
}

impl Guarded for Designation {
    const NOT_FOUND: &'static str = "DESIGNATION_NOT_FOUND";

    fn resident(&self) -> Option<ResidentId> {
        None
    }

    fn organisations(&self) -> Vec<OrganisationId> {
        self.insurer.into_iter().collect()
    }
}

impl Guarded for Practitioner {
    const NOT_FOUND: &'static str = "PRACTITIONER_NOT_FOUND";

    fn resident(&self) -> Option<ResidentId> {
        None
    }

    fn organisations(&self) -> Vec<OrganisationId> {
        vec![self.organisation]
    }
}

impl Guarded for Enrolment {
    const NOT_FOUND: &'static str = "ENROLMENT_NOT_FOUND";

    fn resident(&self) -> Option<ResidentId> {
        Some(self.resident)
    }

    fn organisations(&self) -> Vec<OrganisationId> {
        self.terms.payer.into_iter().chain(self.recorder).collect()
    }
}

impl Guarded for Filing {
    const NOT_FOUND: &'static str = "FILING_NOT_FOUND";

    fn resident(&self) -> Option<ResidentId> {
        Some(self.resident)
    }

    fn organisations(&self) -> Vec<OrganisationId> {
        self.recorder.into_iter().collect()
    }
}

impl Guarded for Contract {
    const NOT_FOUND: &'static str = "CONTRACT_NOT_FOUND";

    fn resident(&self) -> Option<ResidentId> {
        Some(self.resident)
    }

    fn organisations(&self) -> Vec<OrganisationId> {
        vec![self.organisation]
    }
}

impl Guarded for Coverage {
    const NOT_FOUND: &'static str = "RESIDENT_NOT_FOUND";

    fn resident(&self) -> Option<ResidentId> {
        Some(self.resident)
    }

    fn organisations(&self) -> Vec<OrganisationId> {
        vec![]
    }
}

impl Guarded for Delegation {
    const NOT_FOUND: &'static str = "DELEGATION_NOT_FOUND";

    fn resident(&self) -> Option<ResidentId> {
        Some(self.resident)
    }

    fn organisations(&self) -> Vec<OrganisationId> {
        self.recorder.into_iter().collect()
    }
}

impl Guarded for Guardianship {
    const NOT_FOUND: &'static str = "GUARDIANSHIP_NOT_FOUND";

    fn resident(&self) -> Option<ResidentId> {
        Some(self.ward)
    }

    fn organisations(&self) -> Vec<OrganisationId> {
        self.witness.into_iter().collect()
    }
}

impl Guarded for Flag {
    const NOT_FOUND: &'static str = "FLAG_NOT_FOUND";

    fn resident(&self) -> Option<ResidentId> {
        Some(self.resident)
    }

    fn organisations(&self) -> Vec<OrganisationId> {
        self.setter.into_iter().collect()
    }
}

impl Guarded for Community {
    const NOT_FOUND: &'static str = "COMMUNITY_NOT_FOUND";

    fn resident(&self) -> Option<ResidentId> {
        None
    }

    fn organisations(&self) -> Vec<OrganisationId> {
        self.organisations.clone()
    }
}

impl Guarded for Consent {
    const NOT_FOUND: &'static str = "CONSENT_NOT_FOUND";

    fn resident(&self) -> Option<ResidentId> {
        Some(self.resident)
    }

    fn organisations(&self) -> Vec<OrganisationId> {
        self.recipient.organisation().into_iter().collect()
    }
}

impl Guarded for Mandate {
    const NOT_FOUND: &'static str = "MANDATE_NOT_FOUND";

    fn resident(&self) -> Option<ResidentId> {
        Some(self.resident)
    }

    fn organisations(&self) -> Vec<OrganisationId> {
        vec![]
    }
}

impl Guarded for BreakGlass {
    const NOT_FOUND: &'static str = "BREAK_GLASS_NOT_FOUND";

    fn resident(&self) -> Option<ResidentId> {
        Some(self.resident)
    }

    fn organisations(&self) -> Vec<OrganisationId> {
        vec![self.organisation]
    }
}

impl Guarded for Erasure {
    const NOT_FOUND: &'static str = "ERASURE_NOT_FOUND";

    fn resident(&self) -> Option<ResidentId> {
        Some(self.resident)
    }

    fn organisations(&self) -> Vec<OrganisationId> {
        vec![]
    }
}
