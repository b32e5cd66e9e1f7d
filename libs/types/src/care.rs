//! The kind of care a visit, a slot or a claim is for.

crate::word::vocabulary! {
    /// The kind of care.
    CareKind, "care kind" {
        Outpatient = "OUTPATIENT",
        Inpatient = "INPATIENT",
        Emergency = "EMERGENCY",
        /// Long-term follow-up of a chronic disease (慢特病).
        Chronic = "CHRONIC",
        /// Medicines collected at a designated pharmacy.
        Pharmacy = "PHARMACY",
        Teleconsult = "TELECONSULT",
        Exam = "EXAM",
        Checkup = "CHECKUP",
        Vaccination = "VACCINATION",
    }
}
