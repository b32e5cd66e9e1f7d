//! The explanation of benefits beyond the steps of the engine: the national vocabulary, and what the same care would have cost at the
//! person's community clinic.

use types::care::CareKind;
use types::money::Money;
use types::tier::Tier;

use super::circumstances::{Area, Circumstances, OwnClinic};
use super::claim::BilledLine;
use super::engine::{self, Adjudication};
use super::input::Input;
use super::localized::Localized;
use super::policy::Policy;
use super::settlement::Settlement;
use super::vocabulary::{self, Field};

/// Everything that a reader needs to recompute a settlement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Benefits {
    pub settlement: Settlement,
    /// Of its version of the claim.
    pub lines: Vec<BilledLine>,
    pub fields: Vec<Field>,
    pub counterfactual: Option<Counterfactual>,
}

/// What would have been elsewhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Counterfactual {
    pub tier: Tier,
    pub fund: Money,
    pub own: Money,
    /// How much less the person would have paid; negative if more.
    pub saving: Money,
    pub text: Localized,
}

impl Benefits {
    /// `basis` is what the engine was given, `policy` what judged it.
    pub fn of(settlement: Settlement, lines: Vec<BilledLine>, basis: &Input, policy: Option<&Policy>) -> Self {
        let fields = vocabulary::fields(&settlement.adjudication.settlement);
        let counterfactual = policy.and_then(|policy| at_the_community_clinic(policy, basis, &settlement.adjudication));
        Self { settlement, lines, fields, counterfactual }
    }
}

/// Outpatient care only: nobody is admitted to a clinic instead of a hospital for the asking. At home, and where the person's family doctor
/// is, if they have one. None where nothing would differ.
fn at_the_community_clinic(policy: &Policy, basis: &Input, settled: &Adjudication) -> Option<Counterfactual> {
    if basis.kind != CareKind::Outpatient || basis.tier == Tier::Community {
        return None;
    }
    let there = |contracted: bool| {
        let own_clinic = if contracted { OwnClinic::Here } else { OwnClinic::Elsewhere };
        let circumstances = Circumstances { area: Area::Home, own_clinic, ..basis.circumstances.clone() };
        let there = Input { tier: Tier::Community, family_doctor: contracted, circumstances, ..basis.clone() };
        engine::adjudicate(policy, &there).ok().map(|judged| judged.shares)
    };
    let shares = match basis.circumstances.contracted {
        Some(contracted) => there(contracted)?,
        // Nobody knows: what would be the same with a family doctor and without.
        None => there(true).filter(|shares| there(false).as_ref() == Some(shares))?,
    };
    let (paid, own) = (settled.shares.own(), shares.own());
    let saving = paid - own;
    if saving.is_zero() {
        return None;
    }
    let text = if saving.is_positive() {
        Localized::new(
            format!("同样的费用若在您的社区卫生服务机构就诊,您需支付 {own} 元,比本次少 {saving} 元。"),
            format!("At your community clinic you would have paid ¥{own} for the same care: ¥{saving} less."),
        )
    } else {
        let more = -saving;
        Localized::new(
            format!("同样的费用若在您的社区卫生服务机构就诊,您需支付 {own} 元,比本次多 {more} 元。"),
            format!("At your community clinic you would have paid ¥{own} for the same care: ¥{more} more."),
        )
    };
    Some(Counterfactual { tier: Tier::Community, fund: shares.fund(), own, saving, text })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::input::{Accumulators, Person};
    use crate::domain::line::{Class, Line};

    fn demonstration() -> Policy {
        Policy::read(include_str!("../../policies/demonstration-city.json")).unwrap()
    }

    fn visit(tier: Tier, kind: CareKind) -> Input {
        let amount = Money::from_fen(10_000);
        let line = Line {
            code: "T-1".to_owned(),
            name: Localized::new("项目", "item"),
            quantity: 1.into(),
            unit_price: 100.into(),
            amount,
            class: Class::A,
            price_limit: None,
        };
        Input {
            person: Person { retired: false, age: 40 },
            tier,
            kind,
            from: "2026-03-02".parse().unwrap(),
            to: "2026-03-02".parse().unwrap(),
            total: amount,
            lines: vec![line],
            unknown_items: vec![],
            before: Accumulators::default(),
            chain: None,
            referred: true,
            family_doctor: false,
            circumstances: uncontracted(),
        }
    }

    fn uncontracted() -> Circumstances {
        Circumstances { contracted: Some(false), ..Circumstances::default() }
    }

    #[test]
    fn ad_04_the_community_clinic_would_have_cost_less_and_says_how_much() {
        let policy = demonstration();
        let basis = visit(Tier::Tertiary, CareKind::Outpatient);
        let settled = engine::adjudicate(&policy, &basis).unwrap();
        assert_eq!(settled.shares.own(), Money::from_fen(4_000));
        let there = at_the_community_clinic(&policy, &basis, &settled).unwrap();
        assert_eq!((there.own, there.saving), (Money::from_fen(1_500), Money::from_fen(2_500)));
        assert_eq!(there.fund + there.own, basis.total);
        assert!(there.text.zh.contains("15.00") && there.text.en.contains("25.00"));
    }

    /// The demonstration city, where care elsewhere is paid 10 points less and the own clinic 90 %.
    fn with_own_clinic() -> Policy {
        let mut document: serde_json::Value =
            serde_json::from_str(include_str!("../../policies/demonstration-city.json")).unwrap();
        let away = serde_json::json!({ "minus_points": "10" });
        document["outpatient"]["out_of_area"] = serde_json::json!({
            "by_filing": {
                "RESETTLED_RETIRED": away, "LONG_TERM_RESIDENT": away, "TEMPORARY_REFERRAL": away, "EMERGENCY": away, "UNFILED": away,
            },
            "source": ["DEMONSTRATION"],
        });
        document["outpatient"]["bands"][0]["fund_ratio"] = serde_json::json!([
            { "own_clinic": true, "by_tier": { "COMMUNITY": "0.90", "DISTRICT": "0.90", "TERTIARY": "0.90" } },
            { "own_clinic": false, "by_tier": { "COMMUNITY": "0.85", "DISTRICT": "0.70", "TERTIARY": "0.60" } },
        ]);
        Policy::read(&document.to_string()).unwrap()
    }

    #[test]
    fn ad_04_ad_05_with_a_family_doctor_the_community_clinic_is_their_clinic() {
        let policy = demonstration();
        let contracted = Circumstances { contracted: Some(true), ..Circumstances::default() };
        let basis = Input { circumstances: contracted, ..visit(Tier::Tertiary, CareKind::Outpatient) };
        let settled = engine::adjudicate(&policy, &basis).unwrap();
        // 85 %, and 5 points more where the family doctor is.
        let there = at_the_community_clinic(&policy, &basis, &settled).unwrap();
        assert_eq!((there.own, there.saving), (Money::from_fen(1_000), Money::from_fen(3_000)));

        let policy = with_own_clinic();
        let there = at_the_community_clinic(&policy, &basis, &settled).unwrap();
        assert_eq!(there.own, Money::from_fen(500), "90 % at the own clinic, and 5 points");
        // At a hospital that is the own clinic the ratio is the own clinic's; a person without a contract has none to go to.
        let own_clinic = Circumstances { own_clinic: OwnClinic::Here, ..uncontracted() };
        let basis = Input { circumstances: own_clinic, ..visit(Tier::Tertiary, CareKind::Outpatient) };
        let settled = engine::adjudicate(&policy, &basis).unwrap();
        let there = at_the_community_clinic(&policy, &basis, &settled).unwrap();
        assert_eq!((there.own, there.saving), (Money::from_fen(1_500), Money::from_fen(-500)));
    }

    #[test]
    fn ad_04_where_nobody_knows_of_a_family_doctor_only_what_does_not_depend_on_one_is_compared() {
        let unknown = Input { circumstances: Circumstances::default(), ..visit(Tier::Tertiary, CareKind::Outpatient) };
        let settled = engine::adjudicate(&demonstration(), &unknown).unwrap();
        assert_eq!(
            at_the_community_clinic(&demonstration(), &unknown, &settled),
            None,
            "5 points more where the doctor is"
        );
        let mut document: serde_json::Value =
            serde_json::from_str(include_str!("../../policies/demonstration-city.json")).unwrap();
        document["outpatient"].as_object_mut().unwrap().remove("family_doctor_plus").unwrap();
        let policy = Policy::read(&document.to_string()).unwrap();
        assert_eq!(at_the_community_clinic(&policy, &unknown, &settled).unwrap().own, Money::from_fen(1_500));
    }

    #[test]
    fn ad_04_ad_06_who_came_from_away_is_compared_with_the_clinic_at_home() {
        let policy = with_own_clinic();
        let away = Circumstances { area: Area::Unfiled, ..uncontracted() };
        let basis = Input { circumstances: away, ..visit(Tier::Tertiary, CareKind::Outpatient) };
        let settled = engine::adjudicate(&policy, &basis).unwrap();
        assert_eq!(settled.shares.own(), Money::from_fen(5_000));
        let there = at_the_community_clinic(&policy, &basis, &settled).unwrap();
        assert_eq!(there.own, Money::from_fen(1_500));
    }

    #[test]
    fn ad_04_at_the_clinic_itself_or_where_it_gives_no_such_care_nothing_is_compared() {
        let policy = demonstration();
        let at_the_clinic = visit(Tier::Community, CareKind::Outpatient);
        let settled = engine::adjudicate(&policy, &at_the_clinic).unwrap();
        assert_eq!(at_the_community_clinic(&policy, &at_the_clinic, &settled), None);
        let stay = visit(Tier::Tertiary, CareKind::Inpatient);
        assert_eq!(at_the_community_clinic(&policy, &stay, &settled), None);
    }
}
