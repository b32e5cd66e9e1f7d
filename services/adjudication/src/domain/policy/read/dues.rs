//! What insurance costs: shares of a base in order, premiums that add up.

use super::{
    super::{Contribution, CreditRow, Premium, Problem, Relief, Sourced, document as doc},
    AGE_MAX, Read, Sources, amount, error, malformed, present,
};
use crate::domain::input::Person;

impl Sources<'_> {
    pub(super) fn contribution(&self, written: doc::Contribution) -> Read<Sourced<Contribution>> {
        let base_floor = present(written.base_floor, "contribution.base_floor")?.0;
        let base_cap = present(written.base_cap, "contribution.base_cap")?.0;
        if base_floor > base_cap {
            return Err(malformed("contribution.base_cap", &"lies below the floor"));
        }
        let contribution = Contribution {
            employer: present(written.employer, "contribution.employer")?,
            employee: present(written.employee, "contribution.employee")?,
            base_floor,
            base_cap,
        };
        self.sourced("contribution", contribution, written.source)
    }

    pub(super) fn premium(&self, written: doc::Premium) -> Read<Sourced<Premium>> {
        let total = amount("premium.total", written.total)?;
        let own = amount("premium.own", written.own)?;
        let subsidy = amount("premium.subsidy", written.subsidy)?;
        if own + subsidy != total {
            return Err(malformed("premium.total", &"is not what is paid and what is subsidised together"));
        }
        let mut relief = Vec::with_capacity(written.relief.len());
        for (index, row) in written.relief.into_iter().enumerate() {
            let path = format!("premium.relief[{index}]");
            let relieved = amount(&format!("{path}.own"), row.own)?;
            if relieved > own {
                return Err(malformed(&format!("{path}.own"), &"is more than everybody pays"));
            }
            relief.push(Relief { groups: Self::some_groups(&row.groups, &format!("{path}.groups"))?, own: relieved });
        }
        self.sourced("premium", Premium { total, own, subsidy, relief }, written.source)
    }

    pub(super) fn credit(&self, written: doc::Credit) -> Read<Sourced<Vec<CreditRow>>> {
        let mut rows = Vec::with_capacity(written.rows.len());
        for (index, row) in written.rows.into_iter().enumerate() {
            let path = format!("account_credit.rows[{index}]");
            rows.push(CreditRow {
                retired: present(row.retired, &format!("{path}.retired"))?,
                age_from: row.age_from,
                age_below: row.age_below,
                ratio: present(row.ratio, &format!("{path}.ratio"))?,
                of: present(row.of, &format!("{path}.of"))?,
            });
        }
        let persons =
            [false, true].into_iter().flat_map(|retired| (0..=AGE_MAX).map(move |age| Person { retired, age }));
        for person in persons {
            let matches = rows.iter().filter(|row: &&CreditRow| row.applies_to(person)).count();
            if matches != 1 {
                let who = format!("{} persons of {}", if person.retired { "retired" } else { "active" }, person.age);
                return Err(error("account_credit.rows", Problem::RatioNotUnique { who, matches }));
            }
        }
        self.sourced("account_credit", rows, written.source)
    }

    pub(super) fn waiting(&self, written: doc::WaitingMonths) -> Read<Sourced<u32>> {
        self.sourced("waiting_months", present(written.value, "waiting_months.value")?, written.source)
    }
}
