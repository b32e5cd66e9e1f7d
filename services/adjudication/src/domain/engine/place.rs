//! The clause that a step rests on, as data: its path in the document, and the legal texts that the document cites there.

use types::care::CareKind;

use crate::domain::policy::{CareRules, Policy};

/// A place in a policy document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    Deductible,
    /// The deductible along a referral chain: cites the deductible, too.
    ReferralChain,
    Band(usize),
    PooledCeiling,
    LargeAmount,
    LargeAmountCeiling,
    CoverLimit,
    UnreferredNotPaid,
    CriticalIllness {
        assisted: bool,
        /// The ceiling where there is none.
        band: Option<usize>,
    },
    Assistance {
        row: usize,
    },
    AssistanceCeiling,
    TopUp,
    Voucher,
    Account,
}

impl Place {
    /// Such as `inpatient.bands[2]`, for the rules of that kind of care.
    pub fn path(self, care: CareKind) -> String {
        let of_care = |field: &str| format!("{}.{field}", care.as_str().to_ascii_lowercase());
        match self {
            Self::Deductible => of_care("deductible"),
            Self::ReferralChain => of_care("referral_chain"),
            Self::Band(index) => of_care(&format!("bands[{index}]")),
            Self::PooledCeiling => of_care("pooled_ceiling"),
            Self::LargeAmount => of_care("large_amount"),
            Self::LargeAmountCeiling => of_care("large_amount.ceiling"),
            Self::CoverLimit => of_care("cover_limit"),
            Self::UnreferredNotPaid => of_care("unreferred_not_paid"),
            Self::CriticalIllness { assisted, band } => {
                let whose = if assisted { "assisted" } else { "everybody" };
                let field = band.map_or_else(|| "ceiling".to_owned(), |band| format!("bands[{band}]"));
                format!("critical_illness.{whose}.{field}")
            }
            Self::Assistance { row } => format!("medical_assistance.rows[{row}]"),
            Self::AssistanceCeiling => "medical_assistance.ceiling".to_owned(),
            Self::TopUp => "top_up".to_owned(),
            Self::Voucher => "voucher".to_owned(),
            Self::Account => "personal_account".to_owned(),
        }
    }

    /// Keys of the document's sources.
    pub(super) fn sources<'p>(self, policy: &'p Policy, rules: &'p CareRules) -> &'p [String] {
        let above = &policy.above;
        match self {
            Self::Deductible | Self::ReferralChain => &rules.deductible.sources,
            Self::Band(index) => rules.bands.get(index).map_or(&[], |band| &band.sources),
            Self::PooledCeiling => &rules.pooled_ceiling.sources,
            Self::LargeAmount | Self::LargeAmountCeiling => {
                rules.large_amount.as_ref().map_or(&[], |layer| &layer.sources)
            }
            Self::CoverLimit => &rules.cover_limit.sources,
            Self::UnreferredNotPaid => rules.unreferred_not_paid.as_ref().map_or(&[], |rule| &rule.sources),
            Self::CriticalIllness { assisted, .. } => above.critical_illness.as_ref().map_or(&[], |layer| {
                let cover = layer.assisted.as_ref().map(|(_, cover)| cover).filter(|_| assisted);
                &cover.unwrap_or(&layer.everybody).sources
            }),
            Self::Assistance { .. } | Self::AssistanceCeiling => {
                above.assistance.as_ref().map_or(&[], |layer| &layer.sources)
            }
            Self::TopUp => above.top_up.as_ref().map_or(&[], |layer| &layer.sources),
            Self::Voucher => above.voucher.as_ref().map_or(&[], |voucher| &voucher.sources),
            Self::Account => above.account.as_ref().map_or(&[], |account| &account.sources),
        }
    }
}
