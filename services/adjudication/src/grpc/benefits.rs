//! The explanation of benefits and the clearing of regions, to the wire.

use proto::anjia::adjudication::v1 as wire;
use proto::anjia::common::v1 as common;
use proto::convert::{to_date, to_money};
use types::tier::Tier;

use super::encode::{line, localized, settlement};
use crate::domain::benefits::{Benefits, Counterfactual};
use crate::domain::clearing::Clearing;
use crate::domain::vocabulary::{Field, Value};

pub(super) fn explanation(benefits: &Benefits) -> wire::Explanation {
    wire::Explanation {
        settlement: Some(settlement(&benefits.settlement)),
        lines: benefits.lines.iter().map(line).collect(),
        line_names: benefits.lines.iter().map(|line| line.item.name.clone()).collect(),
        policy: policy(benefits),
        fields: benefits.fields.iter().map(field).collect(),
        counterfactual: benefits.counterfactual.as_ref().map(counterfactual),
    }
}

fn policy(benefits: &Benefits) -> Option<wire::PolicyVersion> {
    let adjudication = &benefits.settlement.adjudication;
    let (cover, named) = benefits.settlement.cover.as_ref().zip(adjudication.policy.as_ref())?;
    Some(wire::PolicyVersion {
        policy_id: cover.policy.to_string(),
        digest: cover.policy_digest.clone(),
        name: Some(localized(&named.name)),
        demonstration: named.demonstration,
        judged_on: Some(to_date(adjudication.judged_date)),
    })
}

fn field(field: &Field) -> wire::SettlementField {
    let (amount, ratio) = match field.value {
        Value::Amount(amount) => (Some(to_money(amount)), String::new()),
        Value::Ratio(ratio) => (None, ratio.decimal().normalize().to_string()),
    };
    wire::SettlementField { code: field.code.to_owned(), name: Some(localized(&field.name)), amount, ratio }
}

fn counterfactual(there: &Counterfactual) -> wire::Counterfactual {
    wire::Counterfactual {
        tier: match there.tier {
            Tier::Community => common::Tier::Community,
            Tier::District => common::Tier::District,
            Tier::Tertiary => common::Tier::Tertiary,
        }
        .into(),
        fund_total: Some(to_money(there.fund)),
        person_total: Some(to_money(there.own)),
        saving: Some(to_money(there.saving)),
        text: Some(localized(&there.text)),
    }
}

pub(super) fn clearing(clearing: &Clearing) -> wire::Clearing {
    let balances = clearing.balances.iter().map(|(region, balance)| wire::ClearingBalance {
        region_code: region.to_string(),
        receivable: Some(to_money(balance.receivable)),
        payable: Some(to_money(balance.payable)),
        net: Some(to_money(balance.net())),
        bookings: i32::try_from(balance.bookings).unwrap_or(i32::MAX),
    });
    wire::Clearing {
        region_code: clearing.region.to_string(),
        month: clearing.month.format("%Y-%m").to_string(),
        balances: balances.collect(),
        net: Some(to_money(clearing.net())),
    }
}
