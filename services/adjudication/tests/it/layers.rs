//! The funds above basic insurance: what they take over reaches the wire, the database and the fund's months.

use proto::anjia::adjudication::v1 as wire;
use proto::anjia::identity::v1 as identity;
use proto::anjia::identity::v1::vulnerability_service_client::VulnerabilityServiceClient;
use proto::convert::to_date;
use testkit::request_id;
use types::money::Money;

use crate::days::{adjusted, last_year, paid, text};
use crate::world::{World, money};

const CORRECTED: &str = "anjia.adjudication.settlement.corrected.v1";
pub(crate) const LAYERS: &str = include_str!("layers.json");

/// What of a settlement stands in columns: by the names of the funds.
type Columns = (String, String, String);

impl World {
    /// The resident receives the minimum living allowance (低保), under a policy with critical illness insurance and medical assistance.
    async fn assisted() -> Self {
        let world = Self::without_policy().await;
        let policy = world.propose(LAYERS).await.expect("the document is complete");
        world.release("insurer-releaser", &policy.policy_id).await.expect("another officer releases it");
        world.flag_low_income().await;
        world
    }

    /// Since the beginning of last year.
    pub(crate) async fn flag_low_income(&self) {
        self.flag_low_income_from(last_year(1, 1)).await;
    }

    pub(crate) async fn flag_low_income_from(&self, from: chrono::NaiveDate) {
        let flag = identity::VulnerabilityFlag {
            resident_id: self.resident.to_string(),
            kind: identity::VulnerabilityKind::LowIncome.into(),
            document_reference: "低保证 2020-001".to_owned(),
            from: Some(to_date(from)),
            ..Default::default()
        };
        let message = identity::SetFlagRequest { request_id: request_id(), flag: Some(flag) };
        let request = self.caller("operator").request(message).await;
        let mut flags = VulnerabilityServiceClient::new(self.mesh.channel("identity"));
        flags.set_flag(request).await.expect("no such flag yet");
    }

    async fn columns(&self, settlement_id: &str) -> Columns {
        let mut owner = self.mesh.owner("adjudication").await;
        sqlx::query_as(
            "SELECT pooled_fund::text, critical_illness_fund::text, assistance_fund::text FROM settlements WHERE id = $1::uuid",
        )
        .bind(settlement_id)
        .fetch_one(&mut owner)
        .await
        .expect("the settlement")
    }
}

/// Pooled fund, critical illness, assistance and the person; and that they are the total.
fn divided(settlement: &wire::Settlement) -> [String; 4] {
    let division = settlement.division.clone().unwrap_or_default();
    let funds = [&division.pooled_fund, &division.critical_illness_fund, &division.assistance_fund];
    let [pooled, critical, assistance] = funds.map(|amount| text(amount.as_ref()));
    let person = text(division.person_total.as_ref());
    let sum = |amounts: &[&String]| amounts.iter().map(|amount| money(amount)).sum::<Money>().to_string();
    let (fund_total, total) = (text(division.fund_total.as_ref()), text(division.total.as_ref()));
    assert_eq!(sum(&[&pooled, &critical, &assistance]), fund_total);
    assert_eq!(sum(&[&fund_total, &person]), total);
    let left = [&division.out_of_scope, &division.deductible, &division.pooled_self_pay, &division.over_limit];
    let left = left.map(|amount| text(amount.as_ref()));
    assert_eq!(sum(&left.each_ref()), sum(&[&critical, &assistance, &person]), "what is taken over is the person's");
    [pooled, critical, assistance, person]
}

#[tokio::test]
async fn ad_02_what_critical_illness_and_assistance_take_over_is_each_funds_own() {
    let world = World::assisted().await;
    // The deductible of 100 and half of 40 000: 20 100 is left to her. Above 10 000, 65 %; of what that leaves, 70 %.
    let (first, _) = world.settled(world.resident, 3, "40100.00").await;
    assert_eq!(divided(&first), ["20000.00", "6565.00", "9474.50", "4060.50"]);
    assert_eq!(world.columns(&first.settlement_id).await, ("20000.00".into(), "6565.00".into(), "9474.50".into()));
    let fields = first.explanation.iter().map(|step| step.rule.as_str()).collect::<Vec<_>>();
    assert!(fields.contains(&"CRITICAL_ILLNESS") && fields.contains(&"ASSISTANCE"), "{fields:?}");

    // The year runs on above the threshold.
    let (second, _) = world.settled(world.resident, 4, "1000.00").await;
    assert_eq!(divided(&second), ["500.00", "325.00", "122.50", "52.50"]);
    let on_axis = |rule: &str| {
        let step = second.explanation.iter().find(|step| step.rule == rule).expect(rule);
        let axis = [&step.axis_from, &step.axis_to, &step.limit].map(|amount| text(amount.as_ref()));
        (axis.map(|amount| money(&amount)), step.ratio.clone())
    };
    let amounts = |amounts: [&str; 3]| amounts.map(money);
    assert_eq!(on_axis("CRITICAL_ILLNESS"), (amounts(["20100.00", "20600.00", "10000.00"]), "0.65".to_owned()));
    // 13 535 of the first claim, and 175 more; the policy deducts nothing.
    assert_eq!(on_axis("ASSISTANCE"), (amounts(["13535.00", "13710.00", "0.00"]), "0.7".to_owned()));
    let before = second.year_before.clone().unwrap_or_default();
    let before =
        [&before.own_in_scope, &before.critical_illness_fund, &before.assistance_base, &before.assistance_fund];
    assert_eq!(before.map(|amount| text(amount.as_ref())), ["20100.00", "6565.00", "13535.00", "9474.50"]);
    assert_eq!(second.year_before, first.year_after);

    let month = world.fund().await.remove(0);
    let paid = [month.pooled_fund, month.large_amount_fund, month.critical_illness_fund, month.assistance_fund];
    let paid = paid.map(|amount| text(amount.as_ref()));
    assert_eq!(paid, ["20500.00", "0.00", "6890.00", "9597.00"]);
    assert_eq!(
        (text(month.own_share.as_ref()), text(month.balance.as_ref())),
        ("4113.00".into(), "-36987.00".to_owned())
    );
}

#[tokio::test]
async fn ad_02_ad_03_after_a_reversal_the_layers_count_the_year_without_it() {
    let world = World::assisted().await;
    let (first, bill) = world.settled(world.resident, 3, "40100.00").await;
    let (second, _) = world.settled(world.resident, 4, "1000.00").await;
    let back = world.reverse(&first.settlement_id, &bill).await.expect("it is in force");
    assert_eq!(adjusted(&back), ("-40100.00".into(), "-36039.50".into(), "-4060.50".into()));

    // The second bears the deductible now, and nothing of the year lies above the threshold.
    let told = world.told(CORRECTED, 1).await;
    let corrected = world.read(&told[0].subject).await;
    assert_eq!(corrected.corrects_settlement_id, second.settlement_id);
    assert_eq!(divided(&corrected), ["450.00", "0.00", "385.00", "165.00"]);
    assert_eq!(world.columns(&corrected.settlement_id).await, ("450.00".into(), "0.00".into(), "385.00".into()));
    assert_eq!(adjusted(&corrected), ("0.00".into(), "-112.50".into(), "112.50".into()));

    // 20 000 is left of the next, 10 550 of the year's 20 550 above the threshold.
    let (third, _) = world.settled(world.resident, 5, "40000.00").await;
    assert_eq!(divided(&third), ["20000.00", "6857.50", "9199.75", "3942.75"]);
    assert_eq!(paid(&third), ("36057.25".to_owned(), "3942.75".to_owned()));
    assert_eq!(world.year().await, world.year_by_settlements().await);
}
