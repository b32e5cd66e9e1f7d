//! What enrolment costs in time: months still missing for benefits after retirement, and months of waiting after a gap.
//!
//! No claim is divided by it; identity answers whether a person is insured. Desks and worked examples use it.

use serde::Deserialize;

/// Flexible employment (灵活就业), such as 沪医保规〔2025〕7号: a short gap is forgiven, a longer one is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FlexibleEmployment {
    /// Months of contribution that give benefits for life after retirement.
    pub months_needed: u32,
    /// The longest gap without waiting.
    pub exempt_gap_months: u32,
    pub waiting_months: u32,
}

impl FlexibleEmployment {
    pub const fn missing_months(&self, paid: u32) -> u32 {
        self.months_needed.saturating_sub(paid)
    }

    pub const fn waiting_months(&self, gap: u32) -> u32 {
        if gap <= self.exempt_gap_months { 0 } else { self.waiting_months }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn id_03_a_short_gap_is_forgiven_and_one_month_more_is_waited_for() {
        let shanghai = FlexibleEmployment { months_needed: 180, exempt_gap_months: 3, waiting_months: 6 };
        assert_eq!((shanghai.missing_months(120), shanghai.missing_months(181)), (60, 0));
        assert_eq!((shanghai.waiting_months(1), shanghai.waiting_months(3), shanghai.waiting_months(4)), (0, 0, 6));
    }
}
