//! Circumstances that a document may go by and that nobody tells of a claim: such a document can be read, compared and tried out, and is not
//! put into force, for it would divide claims as if the circumstance were nobody's.

use std::collections::BTreeSet;

use super::{CareRules, Policy};
use crate::domain::circumstances::Group;

/// Groups that no flag of identity's says.
const UNTOLD: [(Group, &str); 2] = [(Group::Student, "STUDENT"), (Group::Borderline, "BORDERLINE")];

impl Policy {
    /// The paths of what the document goes by and nobody tells: the day of a referral, the person's own clinic, some groups.
    pub fn untold(&self) -> Vec<String> {
        let sections = [("outpatient", &self.outpatient), ("inpatient", &self.inpatient)];
        let mut untold: Vec<String> = sections
            .into_iter()
            .filter_map(|(section, rules)| Some((section, rules.as_ref()?)))
            .flat_map(|(section, rules)| of_care(section, rules))
            .collect();
        let above = &self.above;
        if let Some((groups, _)) = above.critical_illness.as_ref().and_then(|cover| cover.assisted.as_ref()) {
            untold.extend(of_groups("critical_illness.assisted.groups", groups));
        }
        if let Some(assistance) = &above.assistance {
            let rows = assistance.value.rows.iter().enumerate();
            untold.extend(
                rows.flat_map(|(row, of)| of_groups(&format!("medical_assistance.rows[{row}].groups"), &of.groups)),
            );
        }
        if let Some(voucher) = &above.voucher {
            untold.extend(of_groups("voucher.groups", &voucher.value.groups));
        }
        untold
    }
}

fn of_care(section: &str, rules: &CareRules) -> Vec<String> {
    let mut untold = Vec::new();
    if rules.referral_valid_days.is_some() {
        untold.push(format!("{section}.referral_valid_days"));
    }
    if !rules.deductible_waived.is_empty() {
        untold.push(format!("{section}.deductible.waived_at"));
    }
    let bands = rules.bands.iter().enumerate();
    let by_clinic = bands.filter(|(_, band)| band.rows.iter().any(|row| row.own_clinic.is_some()));
    untold.extend(by_clinic.map(|(band, _)| format!("{section}.bands[{band}].fund_ratio.own_clinic")));
    if let Some(rule) = &rules.unreferred_not_paid {
        untold.extend(of_groups(&format!("{section}.unreferred_not_paid.except_groups"), &rule.value.except));
    }
    untold
}

fn of_groups(path: &str, groups: &BTreeSet<Group>) -> Vec<String> {
    let named = UNTOLD.into_iter().filter(|(group, _)| groups.contains(group));
    named.map(|(_, name)| format!("{path}.{name}")).collect()
}
