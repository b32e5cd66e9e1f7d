//! The rules that tables name, as values.

use crate::error::Problem;

/// Procedure lists of an ADRG, or groups in an expression: 1 to this.
pub(crate) const LISTS_MAX: usize = 8;

/// Whom an MDC takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum MdcRule {
    Dx,
    DxOfMale,
    DxOfFemale,
    DxUnderOne,
    DxInTwoRegions,
    ProcedureGroups,
}

impl MdcRule {
    pub(crate) fn parse(text: &str) -> Result<Self, Problem> {
        Ok(match text {
            "principal_dx" => Self::Dx,
            "principal_dx_male" => Self::DxOfMale,
            "principal_dx_female" => Self::DxOfFemale,
            "principal_dx_age_under_1" => Self::DxUnderOne,
            "principal_dx_and_two_regions" => Self::DxInTwoRegions,
            "principal_procedure_valid" => Self::ProcedureGroups,
            _ => return Err(Problem::UnknownRule { text: text.to_owned() }),
        })
    }
}

/// Whom an ADRG takes: both must hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct AdrgRule {
    pub(crate) dx: DxRule,
    pub(crate) procedure: ProcedureRule,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DxRule {
    Free,
    Principal,
    Any,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ProcedureRule {
    Free,
    /// The principal procedure is in list 1.
    Principal,
    /// The principal procedure is one that groups at all.
    PrincipalValid,
    /// No procedure is one that groups.
    NoneValid,
    /// Some procedure is in list 1, and some is in list 2.
    BothLists,
    /// The groups hit include all of one of these sets.
    Groups(Vec<u8>),
}

impl AdrgRule {
    pub(crate) fn parse(text: &str) -> Result<Self, Problem> {
        use DxRule as D;
        use ProcedureRule as P;
        let unknown = || Problem::UnknownRule { text: text.to_owned() };
        let (words, expression) = text.split_once(' ').map_or((text, None), |(words, rest)| (words, Some(rest.trim())));
        let (dx, procedure) = match (words, expression) {
            ("always", None) => (D::Free, P::Free),
            ("principal_dx", None) => (D::Principal, P::Free),
            ("any_dx", None) => (D::Any, P::Free),
            ("principal_procedure", None) => (D::Free, P::Principal),
            ("principal_procedure_valid", None) => (D::Free, P::PrincipalValid),
            ("no_valid_procedure", None) => (D::Free, P::NoneValid),
            ("procedures_of_both_lists", None) => (D::Free, P::BothLists),
            ("principal_dx_and_procedure", None) => (D::Principal, P::Principal),
            ("principal_dx_and_procedures_of_both_lists", None) => (D::Principal, P::BothLists),
            ("any_dx_and_principal_procedure_valid", None) => (D::Any, P::PrincipalValid),
            ("procedure_groups", Some(sets)) => (D::Free, P::Groups(groups(sets).ok_or_else(unknown)?)),
            ("principal_dx_and_procedure_groups", Some(sets)) => {
                (D::Principal, P::Groups(groups(sets).ok_or_else(unknown)?))
            }
            _ => return Err(unknown()),
        };
        Ok(Self { dx, procedure })
    }
}

/// `1|2&3`: group 1, or groups 2 and 3 together. Each set as the bits of its groups.
fn groups(text: &str) -> Option<Vec<u8>> {
    let set = |set: &str| set.split('&').try_fold(0, |bits, group| Some(bits | group_bit(group)?));
    text.split('|').map(set).collect()
}

fn group_bit(group: &str) -> Option<u8> {
    let number: usize = group.trim().parse().ok()?;
    (1..=LISTS_MAX).contains(&number).then(|| 1 << (number - 1))
}

#[test]
fn an_expression_reads_as_it_is_written() {
    assert_eq!(groups("1|2&3"), Some(vec![0b001, 0b110]));
    assert_eq!(groups("1&2|1&3&4"), Some(vec![0b0011, 0b1101]));
    for bad in ["", "0", "9", "1|", "1&&2", "one"] {
        assert_eq!(groups(bad), None, "{bad}");
    }
    assert!(AdrgRule::parse("always 1").is_err());
    assert!(AdrgRule::parse("procedure_groups").is_err());
}
