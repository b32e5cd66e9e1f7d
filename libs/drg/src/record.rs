//! What of a discharge record (病案首页) decides its group.

/// A record as the hospital coded it. Whatever is unknown is absent; nothing here is ever refused.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Record {
    pub sex: Option<Sex>,
    pub age_years: Option<u32>,
    pub age_days: Option<u32>,
    /// At birth or admission, of newborns.
    pub weight_g: Option<u32>,
    /// ICD-10 (医保版), the principal first.
    pub diagnoses: Vec<String>,
    /// ICD-9-CM-3 (医保版), the principal first.
    pub procedures: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sex {
    Male,
    Female,
}

impl Sex {
    /// As GB/T 2261.1 writes it: 1 male, 2 female. Whatever else is written is no sex that a rule asks for.
    pub const fn from_code(code: i64) -> Option<Self> {
        match code {
            1 => Some(Self::Male),
            2 => Some(Self::Female),
            _ => None,
        }
    }
}

impl Record {
    /// In the first year of life: by years, or by days where only these are known.
    pub(crate) fn is_under_one(&self) -> bool {
        match (self.age_years, self.age_days) {
            (Some(years), _) => years < 1,
            (None, Some(days)) => days < 365,
            (None, None) => false,
        }
    }
}
