//! The national settlement vocabulary (医保结算清单; 国家医疗保障局《医疗保障信息平台接口规范》): its fields, in its order, in Chinese and English.

use types::money::{Money, Ratio};

use super::localized::Localized;
use super::shares::Settlement;

/// One field of a settlement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    /// Its name in the interface: never renamed.
    pub code: &'static str,
    pub name: Localized,
    pub value: Value,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Value {
    Amount(Money),
    Ratio(Ratio),
}

/// Every field of a settlement.
pub fn fields(settlement: &Settlement) -> Vec<Field> {
    let amount = |code, zh: &str, en: &str, amount| Field {
        code,
        name: Localized::new(zh.to_owned(), en.to_owned()),
        value: Value::Amount(amount),
    };
    let s = settlement;
    vec![
        amount("medfee_sumamt", "医疗费总额", "Total billed", s.medfee_sumamt),
        amount("fulamt_ownpay_amt", "全自费金额", "Wholly your own", s.fulamt_ownpay_amt),
        amount("overlmt_selfpay", "超限价自费费用", "Above price limits", s.overlmt_selfpay),
        amount("preselfpay_amt", "先行自付金额", "First self-paid share of class B", s.preselfpay_amt),
        amount("inscp_scp_amt", "符合政策范围金额", "In scope", s.inscp_scp_amt),
        amount("act_pay_dedc", "实际支付起付线", "Deductible borne", s.act_pay_dedc),
        amount("hifp_pay", "基本医疗保险统筹基金支出", "Pooled fund", s.hifp_pay),
        Field {
            code: "pool_prop_selfpay",
            name: Localized::new("基本医疗保险统筹基金支付比例".to_owned(), "Ratio paid by the pooled fund".to_owned()),
            value: Value::Ratio(s.pool_prop_selfpay),
        },
        amount("hifmi_pay", "居民大病保险资金支出", "Critical-illness insurance of residents", s.hifmi_pay),
        amount("hifob_pay", "职工大额医疗费用补助基金支出", "Large-amount fund of employees", s.hifob_pay),
        amount("maf_pay", "医疗救助基金支出", "Medical assistance", s.maf_pay),
        amount("fund_pay_sumamt", "基金支付总额", "All funds", s.fund_pay_sumamt),
        amount("psn_part_amt", "个人负担总金额", "You altogether", s.psn_part_amt),
        amount("acct_pay", "个人账户支出", "From your personal account", s.acct_pay),
        amount("psn_cash_pay", "个人现金支出", "From your own pocket", s.psn_cash_pay),
        amount("acct_mulaid_pay", "个人账户共济支付金额", "From family mutual aid", s.acct_mulaid_pay),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::shares::Shares;

    #[test]
    fn ad_04_the_vocabulary_has_every_field_of_a_settlement_once() {
        let settlement = Shares::default().settlement();
        let written = serde_json::to_value(settlement).unwrap();
        let mut codes: Vec<&str> = fields(&settlement).iter().map(|field| field.code).collect();
        codes.sort_unstable();
        let mut stored: Vec<&str> = written.as_object().unwrap().keys().map(String::as_str).collect();
        stored.sort_unstable();
        assert_eq!(codes, stored);
    }
}
