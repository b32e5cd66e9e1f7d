//! The decision itself, the same for an answer and for an explanation.

use crate::explanation::{Step, Ungroupable, Witness};
use crate::record::{Record, Sex};
use crate::rule::{DxRule, MdcRule, ProcedureRule};
use crate::tables::{Adrg, Group, Level, Mdc, Split, Tables};

/// A record with its codes as numbers. Codes that no table knows are left out: no rule can ask for them.
struct Case<'r> {
    record: &'r Record,
    principal_dx: Option<u32>,
    other_dx: Vec<u32>,
    principal_procedure: Option<u32>,
    procedures: Vec<u32>,
}

impl Case<'_> {
    fn dx(&self) -> impl Iterator<Item = u32> {
        self.principal_dx.into_iter().chain(self.other_dx.iter().copied())
    }
}

impl Tables {
    pub(crate) fn decide<W: Witness>(&self, record: &Record, witness: &mut W) -> Group<'_> {
        let case = self.case(record);
        for (number, mdc) in self.mdcs.iter().enumerate() {
            if !self.takes(number, mdc, &case) {
                continue;
            }
            witness.note(|| Step::MdcTakes {
                mdc: mdc.code.to_string(),
                rule: mdc.rule_text.to_string(),
                by: self.taken_by(mdc, &case),
            });
            let accepting = mdc
                .adrgs
                .iter()
                .filter_map(|number| Some((*number, self.adrgs.get(*number)?)))
                .find(|(number, adrg)| self.accepts(*number, adrg, &case));
            if let Some((number, adrg)) = accepting {
                witness.note(|| Step::AdrgAccepts {
                    adrg: adrg.code.to_string(),
                    rule: adrg.rule_text.to_string(),
                    by: self.accepted_by(number, adrg, &case),
                });
                return self.split(mdc, adrg, &case, witness);
            }
            witness.note(|| Step::MdcPassedOver { mdc: mdc.code.to_string() });
        }
        witness.note(|| Step::Ungroupable { why: why_not(&case) });
        Group::Ungroupable
    }

    fn case<'r>(&self, record: &'r Record) -> Case<'r> {
        let principal =
            |codes: &'r [String]| codes.split_first().map_or((None, codes), |(first, rest)| (Some(first), rest));
        let (principal_dx, other_dx) = principal(&record.diagnoses);
        let find = |code: &String| self.procedure_codes.find(code);
        Case {
            record,
            principal_dx: principal_dx.and_then(|code| self.dx_codes.find(code)),
            other_dx: other_dx.iter().filter_map(|code| self.dx_codes.find(code)).collect(),
            principal_procedure: record.procedures.first().and_then(find),
            procedures: record.procedures.iter().filter_map(find).collect(),
        }
    }

    fn takes(&self, number: usize, mdc: &Mdc, case: &Case<'_>) -> bool {
        let principal = || {
            let dx = case.principal_dx.and_then(|dx| self.dx.get(dx as usize));
            dx.is_some_and(|dx| dx.mdcs >> number & 1 == 1)
        };
        match mdc.rule {
            MdcRule::Dx => principal(),
            MdcRule::DxOfMale => case.record.sex == Some(Sex::Male) && principal(),
            MdcRule::DxOfFemale => case.record.sex == Some(Sex::Female) && principal(),
            MdcRule::DxUnderOne => case.record.is_under_one() && principal(),
            MdcRule::DxInTwoRegions => principal() && (self.regions(case) & mdc.regions).count_ones() >= 2,
            MdcRule::ProcedureGroups => case.principal_procedure.is_some_and(|code| self.is_valid(code)),
        }
    }

    fn regions(&self, case: &Case<'_>) -> u64 {
        case.dx().filter_map(|dx| self.dx.get(dx as usize)).fold(0, |regions, dx| regions | dx.regions)
    }

    fn is_valid(&self, procedure: u32) -> bool {
        self.valid.get(procedure as usize).copied().unwrap_or(false)
    }

    fn accepts(&self, number: usize, adrg: &Adrg, case: &Case<'_>) -> bool {
        let is_of_age = adrg.age_days_max.is_none_or(|most| case.record.age_days.is_some_and(|days| days <= most));
        let weight = case.record.weight_g;
        let is_heavy = adrg.weight_g_min.is_none_or(|least| weight.is_some_and(|weight| weight >= least));
        let is_light = adrg.weight_g_below.is_none_or(|limit| weight.is_some_and(|weight| weight < limit));
        is_of_age
            && is_heavy
            && is_light
            && self.dx_holds(number, adrg, case)
            && self.procedure_holds(number, adrg, case)
    }

    fn dx_holds(&self, number: usize, adrg: &Adrg, case: &Case<'_>) -> bool {
        let is_listed = |dx| self.dx_of_adrg.has(dx, number);
        match adrg.rule.dx {
            DxRule::Free => true,
            DxRule::Principal => case.principal_dx.is_some_and(is_listed),
            DxRule::Any => case.dx().any(is_listed),
        }
    }

    fn procedure_holds(&self, number: usize, adrg: &Adrg, case: &Case<'_>) -> bool {
        let some = |list| case.procedures.iter().any(|code| self.is_in_list(*code, number, list));
        match &adrg.rule.procedure {
            ProcedureRule::Free => true,
            ProcedureRule::Principal => case.principal_procedure.is_some_and(|code| self.is_in_list(code, number, 0)),
            ProcedureRule::PrincipalValid => case.principal_procedure.is_some_and(|code| self.is_valid(code)),
            ProcedureRule::NoneValid => !case.procedures.iter().any(|code| self.is_valid(*code)),
            ProcedureRule::BothLists => some(0) && some(1),
            ProcedureRule::Groups(sets) => {
                let lists = 0..self.procedures_of_adrg.len();
                let hit = lists.filter(|list| some(*list)).fold(0_u8, |hit, list| hit | 1 << list);
                sets.iter().any(|set| hit & set == *set)
            }
        }
    }

    fn is_in_list(&self, procedure: u32, adrg: usize, list: usize) -> bool {
        self.procedures_of_adrg.get(list).is_some_and(|rows| rows.has(procedure, adrg))
    }

    fn split<'t, W: Witness>(&'t self, mdc: &'t Mdc, adrg: &'t Adrg, case: &Case<'_>, witness: &mut W) -> Group<'t> {
        let mut drgs = adrg.drgs.iter().filter_map(|number| self.drgs.get(*number)).peekable();
        // Most adjacent groups are not split: nothing has to be weighed.
        let is_split = drgs.peek().is_some_and(|drg| drg.split != Split::None);
        let gravest = if is_split { self.gravest(case, witness) } else { None };
        let found = drgs.find(|drg| match drg.split {
            Split::Mcc => gravest == Some(Level::Mcc),
            Split::MccOrCc => gravest.is_some(),
            Split::None => true,
        });
        let Some(drg) = found else { return Group::Ungroupable };
        witness.note(|| Step::DrgAssigned {
            drg: drg.code.to_string(),
            name: drg.name.to_string(),
            split: drg.split.as_str().to_owned(),
        });
        Group::Grouped { mdc: &mdc.code, adrg: &adrg.code, drg: &drg.code, name: &drg.name }
    }

    /// The gravest complication that counts beside the principal diagnosis.
    fn gravest<W: Witness>(&self, case: &Case<'_>, witness: &mut W) -> Option<Level> {
        let excludes = case.principal_dx.and_then(|dx| self.dx.get(dx as usize)).and_then(|dx| dx.excludes);
        let mut gravest = None;
        for number in &case.other_dx {
            let Some(complication) = self.dx.get(*number as usize).and_then(|dx| dx.complication) else { continue };
            let level = complication.level;
            let table = complication.exclusion_table.filter(|table| Some(*table) == excludes);
            if let Some(table) = table {
                witness.note(|| Step::ComplicationExcluded {
                    diagnosis: self.dx_text(*number),
                    level,
                    principal: case.principal_dx.map(|dx| self.dx_text(dx)).unwrap_or_default(),
                    exclusion_table: self.exclusions.text(table).to_owned(),
                });
            } else {
                gravest = gravest.max(Some(level));
                witness.note(|| Step::ComplicationCounts { diagnosis: self.dx_text(*number), level });
            }
        }
        gravest
    }

    fn taken_by(&self, mdc: &Mdc, case: &Case<'_>) -> Vec<String> {
        match mdc.rule {
            MdcRule::ProcedureGroups => {
                case.principal_procedure.iter().map(|code| self.procedure_text(*code)).collect()
            }
            MdcRule::DxInTwoRegions => {
                let injured = case.dx().filter(|dx| self.dx.get(*dx as usize).is_some_and(|dx| dx.regions != 0));
                injured.map(|dx| self.dx_text(dx)).collect()
            }
            _ => case.principal_dx.iter().map(|dx| self.dx_text(*dx)).collect(),
        }
    }

    fn accepted_by(&self, number: usize, adrg: &Adrg, case: &Case<'_>) -> Vec<String> {
        let listed = |dx: &u32| self.dx_of_adrg.has(*dx, number);
        let mut by: Vec<String> = match adrg.rule.dx {
            DxRule::Free => Vec::new(),
            DxRule::Principal => case.principal_dx.iter().map(|dx| self.dx_text(*dx)).collect(),
            DxRule::Any => case.dx().filter(listed).map(|dx| self.dx_text(dx)).collect(),
        };
        match &adrg.rule.procedure {
            ProcedureRule::Free | ProcedureRule::NoneValid => {}
            ProcedureRule::Principal | ProcedureRule::PrincipalValid => {
                by.extend(case.principal_procedure.iter().map(|code| self.procedure_text(*code)));
            }
            ProcedureRule::BothLists | ProcedureRule::Groups(_) => {
                let lists = 0..self.procedures_of_adrg.len();
                let hit = case
                    .procedures
                    .iter()
                    .filter(|code| lists.clone().any(|list| self.is_in_list(**code, number, list)));
                by.extend(hit.map(|code| self.procedure_text(*code)));
            }
        }
        by
    }

    fn dx_text(&self, number: u32) -> String {
        named(self.dx_codes.text(number), self.dx_names.get(number as usize).map(AsRef::as_ref))
    }

    fn procedure_text(&self, number: u32) -> String {
        named(self.procedure_codes.text(number), self.procedure_names.get(number as usize).map(AsRef::as_ref))
    }
}

fn named(code: &str, name: Option<&str>) -> String {
    name.filter(|name| !name.is_empty()).map_or_else(|| code.to_owned(), |name| format!("{code} {name}"))
}

fn why_not(case: &Case<'_>) -> Ungroupable {
    match (case.record.diagnoses.first(), case.principal_dx) {
        (None, _) => Ungroupable::NoDiagnosis,
        (Some(_), None) => Ungroupable::PrincipalUnknown,
        (Some(_), Some(_)) => Ungroupable::NothingAccepts,
    }
}
