//! What the change comes to for some people, on the engine that settles claims: a bill that is wholly in scope, the first of the year.

use adjudication::domain::circumstances::Circumstances;
use adjudication::domain::engine;
use adjudication::domain::input::{Accumulators, Input, Person};
use adjudication::domain::line::{Class, Line};
use adjudication::domain::localized::Localized;
use adjudication::domain::policy::Policy;
use chrono::NaiveDate;
use rust_decimal::Decimal;
use serde_json::{Value, json};
use types::care::CareKind;
use types::money::Money;
use types::scheme::Scheme;
use types::tier::Tier;

use super::words::{Words, joined, term};

/// Yuan.
const OUTPATIENT_BILLS: [i64; 2] = [500, 5_000];
const INPATIENT_BILLS: [i64; 3] = [5_000, 30_000, 200_000];
const AGES: [(u32, bool); 3] = [(40, false), (65, true), (75, true)];

/// One bill under both policies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Example {
    who: Words,
    bill: Money,
    old: Money,
    new: Money,
}

/// Those whose own share changes.
pub(super) fn compare(old: &Policy, new: &Policy) -> Vec<Example> {
    let mut examples = vec![];
    let (policies, day) = ([as_if_in_force(old), as_if_in_force(new)], new.effective_from);
    let bills = |kind| if kind == CareKind::Inpatient { &INPATIENT_BILLS[..] } else { &OUTPATIENT_BILLS[..] };
    // Nobody retires in the resident scheme: the ages alone are told apart.
    let retires = new.scheme == Scheme::Employee;
    for kind in [CareKind::Outpatient, CareKind::Inpatient] {
        for tier in Tier::ALL {
            for (age, is_retired) in AGES {
                for yuan in bills(kind) {
                    let person = Person { age, retired: is_retired && retires };
                    let bill = Money::from_fen(yuan * 100);
                    let input = input(person, *tier, kind, day, bill);
                    let own = policies.each_ref().map(|policy| own_share(policy, &input));
                    if let [Some(old), Some(new)] = own
                        && old != new
                    {
                        examples.push(Example { who: who(person, *tier, kind, retires), bill, old, new });
                    }
                }
            }
        }
    }
    examples
}

fn as_if_in_force(policy: &Policy) -> Policy {
    let mut policy = policy.clone();
    policy.effective_from = NaiveDate::MIN;
    policy.effective_to = None;
    policy
}

/// None where a policy has no rules for such care.
fn own_share(policy: &Policy, input: &Input) -> Option<Money> {
    engine::calculate(policy, input).ok().map(|answer| answer.shares.own())
}

fn input(person: Person, tier: Tier, kind: CareKind, day: NaiveDate, bill: Money) -> Input {
    let line = Line {
        code: String::new(),
        name: Localized::new("", ""),
        quantity: Decimal::ONE,
        unit_price: bill.decimal(),
        amount: bill,
        class: Class::A,
        price_limit: None,
    };
    Input {
        person,
        tier,
        kind,
        from: day,
        to: day,
        total: bill,
        lines: vec![line],
        unknown_items: vec![],
        before: Accumulators::default(),
        chain: None,
        referred: true,
        family_doctor: false,
        circumstances: Circumstances::default(),
    }
}

fn who(person: Person, tier: Tier, kind: CareKind, retires: bool) -> Words {
    let mut parts = vec![[format!("{}岁", person.age), format!("aged {}", person.age)]];
    if retires {
        parts.push(term(if person.retired { "retired" } else { "active" }));
    }
    parts.extend([term(tier.as_str()), term(kind.as_str())]);
    joined(&parts, ["、", ", "])
}

impl Example {
    pub(super) fn words(&self) -> Words {
        let [zh, en] = &self.who;
        let (bill, old, new) = (self.bill, self.old, self.new);
        let (less_zh, less_en) = if new < old { ("少付", "less") } else { ("多付", "more") };
        let change = if new < old { old - new } else { new - old };
        [
            format!("{zh}，范围内费用{bill}元：个人负担由{old}元变为{new}元，{less_zh}{change}元"),
            format!("{en}, a bill of ¥{bill} in scope: own share from ¥{old} to ¥{new}, ¥{change} {less_en}"),
        ]
    }

    pub(super) fn json(&self) -> Value {
        let [zh, en] = self.words();
        json!({ "bill": self.bill, "own_old": self.old, "own_new": self.new, "zh": zh, "en": en })
    }
}
