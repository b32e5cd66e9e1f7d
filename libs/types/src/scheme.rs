//! The basic medical insurance schemes.

crate::word::vocabulary! {
    /// A scheme of basic medical insurance.
    Scheme, "scheme" {
        /// 职工基本医疗保险.
        Employee = "EMPLOYEE",
        /// 城乡居民基本医疗保险.
        Resident = "RESIDENT",
    }
}
