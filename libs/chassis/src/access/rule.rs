//! The object rule in `access.toml`: who has a part in a row that lets them see or change it.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use serde::Deserialize;
use types::caller::Caller;

use super::permit::Guarded;

/// One way to have a part in a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Relation {
    /// None is needed: what the method shows is no secret of anybody's.
    Anyone,
    /// The row is of the resident on whose behalf the call is made.
    Subject,
    /// The row is of the organisation the caller works for.
    Organisation,
    /// The organisation the caller works for cares for the row's resident now: a visit, a referral or a contract is open.
    Care,
}

impl Relation {
    const ALL: [Self; 4] = [Self::Anyone, Self::Subject, Self::Organisation, Self::Care];

    const fn word(self) -> &'static str {
        match self {
            Self::Anyone => "anyone",
            Self::Subject => "subject",
            Self::Organisation => "organisation",
            Self::Care => "care",
        }
    }

    /// For people.
    const fn described(self) -> &'static str {
        match self {
            Self::Anyone => "every row",
            Self::Subject => "rows of the resident in whose name the call is made",
            Self::Organisation => "rows of the caller's own organisation",
            Self::Care => {
                "rows of residents whom the caller's organisation cares for now (open visit, referral or contract)"
            }
        }
    }

    fn holds(self, caller: &Caller, row: &impl Guarded) -> bool {
        match self {
            Self::Anyone => true,
            Self::Subject => row.resident().is_some_and(|resident| caller.is(resident)),
            Self::Organisation => !is_anothers(caller, row) && is_among(caller, &row.organisations()),
            Self::Care => !is_anothers(caller, row) && is_among(caller, &row.carers()),
        }
    }
}

/// Whoever acts for a resident acts for that resident alone: what their organisation may see of others, of many or of nobody, they see in
/// their own name.
fn is_anothers(caller: &Caller, row: &impl Guarded) -> bool {
    caller.acted_for().is_some() && row.resident().is_none_or(|of| !caller.is(of))
}

fn is_among(caller: &Caller, organisations: &[types::ids::OrganisationId]) -> bool {
    caller.organisation.is_some_and(|organisation| organisations.contains(&organisation))
}

/// The relations of which any one suffices, written `subject_or_organisation`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct ObjectRule(BTreeSet<Relation>);

impl ObjectRule {
    pub fn allows(&self, caller: &Caller, row: &impl Guarded) -> bool {
        self.0.iter().any(|relation| relation.holds(caller, row))
    }

    /// For people, one sentence.
    pub fn described(&self) -> String {
        self.0.iter().map(|relation| relation.described()).collect::<Vec<_>>().join("; or ")
    }

    pub fn relations(&self) -> impl Iterator<Item = Relation> {
        self.0.iter().copied()
    }
}

impl fmt::Display for ObjectRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.iter().map(|relation| relation.word()).collect::<Vec<_>>().join("_or_"))
    }
}

/// A word that names no relation.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no object rule: anyone, subject, organisation, care, or several of them joined by `_or_`")]
pub struct UnknownRule(String);

impl FromStr for ObjectRule {
    type Err = UnknownRule;

    fn from_str(text: &str) -> Result<Self, UnknownRule> {
        let relation = |word: &str| Relation::ALL.into_iter().find(|relation| relation.word() == word);
        let relations = text.split("_or_").map(relation).collect::<Option<_>>();
        relations.map(Self).ok_or_else(|| UnknownRule(text.to_owned()))
    }
}

impl TryFrom<String> for ObjectRule {
    type Error = UnknownRule;

    fn try_from(text: String) -> Result<Self, UnknownRule> {
        text.parse()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_reads_back_as_written() {
        for text in ["anyone", "subject", "subject_or_organisation", "subject_or_organisation_or_care"] {
            assert_eq!(text.parse::<ObjectRule>().unwrap().to_string(), text);
        }
        for text in ["", "everything", "subject_or_", "subject organisation"] {
            assert!(text.parse::<ObjectRule>().is_err(), "{text:?}");
        }
    }
}
