//! Who bears what, and the same in the national settlement vocabulary.

use rust_decimal::{Decimal, RoundingStrategy};
use serde::{Deserialize, Serialize};
use types::money::{Money, Ratio};

/// Every fen of a claim, each in exactly one place.
///
/// Basic insurance divides the total; the layers above take over parts of what it leaves to the person; and the person pays the rest by
/// several means, cash being what is left.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shares {
    pub total: Money,
    /// 丙, what is above a limit of the price, or everything for whom no insurance is in force.
    pub fully_own: Money,
    /// What of `fully_own` is above a limit of the price.
    #[serde(default, skip_serializing_if = "is_nothing")]
    pub over_limit: Money,
    /// The first self-pay share of 乙.
    pub first_self_pay: Money,
    pub in_scope: Money,
    pub deductible: Money,
    pub pooled_fund: Money,
    /// The person's share beside the pooled fund.
    pub pooled_own: Money,
    pub large_amount_fund: Money,
    /// The person's share beside the large-amount fund.
    pub large_amount_own: Money,
    /// In scope, but beyond every limit of cover, or not covered without a referral.
    pub beyond_cover: Money,
    /// What critical illness insurance (大病保险) takes over of the person's share.
    #[serde(default, skip_serializing_if = "is_nothing")]
    pub critical_illness_fund: Money,
    /// What medical assistance (医疗救助) takes over of it.
    #[serde(default, skip_serializing_if = "is_nothing")]
    pub assistance_fund: Money,
    /// What a commercial top-up pays of the person's share.
    #[serde(default, skip_serializing_if = "is_nothing")]
    pub top_up: Money,
    /// What a voucher pays of it.
    #[serde(default, skip_serializing_if = "is_nothing")]
    pub voucher: Money,
    /// What the personal account (个人账户) pays of it.
    #[serde(default, skip_serializing_if = "is_nothing")]
    pub account: Money,
    /// What the account of a member of the family (家庭共济) pays of it.
    #[serde(default, skip_serializing_if = "is_nothing")]
    pub mutual_aid: Money,
}

/// Stored and quoted answers stay, byte for byte, what they were before there were these shares.
fn is_nothing(amount: &Money) -> bool {
    amount.is_zero()
}

impl Shares {
    pub fn fund(&self) -> Money {
        self.pooled_fund + self.large_amount_fund + self.critical_illness_fund + self.assistance_fund
    }

    /// Class C, what is above limits of the price, and the first self-pay share of class B.
    pub fn out_of_scope(&self) -> Money {
        self.fully_own + self.first_self_pay
    }

    /// What of the in-scope expenses went to the large-amount layer.
    pub fn large_amount_in_scope(&self) -> Money {
        self.large_amount_fund + self.large_amount_own
    }

    /// What basic insurance leaves to the person of the in-scope expenses.
    pub fn own_in_scope(&self) -> Money {
        self.deductible + self.pooled_own + self.large_amount_own + self.beyond_cover
    }

    /// All that the person pays, by whichever means.
    pub fn own(&self) -> Money {
        self.fully_own + self.first_self_pay + self.own_in_scope() - self.critical_illness_fund - self.assistance_fund
    }

    /// What of it is left to pay in cash.
    pub fn cash(&self) -> Money {
        self.own() - self.top_up - self.voucher - self.account - self.mutual_aid
    }

    pub fn settlement(&self) -> Settlement {
        Settlement {
            medfee_sumamt: self.total,
            fulamt_ownpay_amt: self.fully_own - self.over_limit,
            overlmt_selfpay: self.over_limit,
            preselfpay_amt: self.first_self_pay,
            inscp_scp_amt: self.in_scope,
            act_pay_dedc: self.deductible,
            hifp_pay: self.pooled_fund,
            pool_prop_selfpay: proportion(self.pooled_fund, self.pooled_fund + self.pooled_own),
            hifmi_pay: self.critical_illness_fund,
            hifob_pay: self.large_amount_fund,
            maf_pay: self.assistance_fund,
            fund_pay_sumamt: self.fund(),
            psn_part_amt: self.own(),
            acct_pay: self.account,
            psn_cash_pay: self.cash(),
            acct_mulaid_pay: self.mutual_aid,
        }
    }
}

/// The national settlement vocabulary (医保结算清单). Field names are the interface's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settlement {
    /// 医疗费总额.
    pub medfee_sumamt: Money,
    /// 全自费金额.
    pub fulamt_ownpay_amt: Money,
    /// 超限价自费费用.
    pub overlmt_selfpay: Money,
    /// 先行自付金额 (乙类).
    pub preselfpay_amt: Money,
    /// 符合政策范围金额.
    pub inscp_scp_amt: Money,
    /// 实际支付起付线.
    pub act_pay_dedc: Money,
    /// 基本医疗保险统筹基金支出.
    pub hifp_pay: Money,
    /// 基本医疗保险统筹基金支付比例: over all bands together, four decimals.
    pub pool_prop_selfpay: Ratio,
    /// 居民大病保险资金支出.
    pub hifmi_pay: Money,
    /// 职工大额医疗费用补助基金支出.
    pub hifob_pay: Money,
    /// 医疗救助基金支出.
    pub maf_pay: Money,
    /// 基金支付总额.
    pub fund_pay_sumamt: Money,
    /// 个人负担总金额.
    pub psn_part_amt: Money,
    /// 个人账户支出.
    pub acct_pay: Money,
    /// 个人现金支出.
    pub psn_cash_pay: Money,
    /// 个人账户共济支付金额.
    pub acct_mulaid_pay: Money,
}

fn proportion(part: Money, whole: Money) -> Ratio {
    if whole.is_zero() {
        return Ratio::ZERO;
    }
    let exact: Decimal = part.decimal() / whole.decimal();
    Ratio::from_decimal(exact.round_dp_with_strategy(4, RoundingStrategy::MidpointAwayFromZero)).unwrap_or(Ratio::ZERO)
}
