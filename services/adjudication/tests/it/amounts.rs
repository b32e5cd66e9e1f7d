//! Amounts as tests write and read them.

use chrono::Datelike as _;
use proto::anjia::adjudication::v1 as wire;
use types::money::Money;

use crate::world::today;

pub(crate) fn money(amount: &str) -> Money {
    Money::from_decimal(amount.parse().expect("a number")).expect("an amount")
}

/// Fund and own share of a settlement, as texts.
pub(crate) fn shares(settlement: &wire::Settlement) -> (String, String) {
    let division = settlement.division.clone().unwrap_or_default();
    let text = |money: Option<proto::google::r#type::Money>| {
        proto::convert::money("money", money.as_ref()).map(|money| money.to_string()).unwrap_or_default()
    };
    assert_eq!(today().year(), settlement.before.as_ref().map_or(today().year(), |before| before.year));
    (text(division.fund_total), text(division.person_total))
}
