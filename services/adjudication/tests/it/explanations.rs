//! The explanation of benefits.

use proto::anjia::adjudication::v1 as wire;
use proto::anjia::common::v1::{CareKind, Tier};
use testkit::reason;
use tonic::Code;
use types::ids::{JourneyId, ResidentId};

use crate::days::text;
use crate::world::{COVERED, DEMONSTRATION, OWN, World, money};

async fn explained(world: &World, caller: &testkit::TestCaller, id: &str) -> Result<wire::Explanation, tonic::Status> {
    let request = caller.request(wire::GetExplanationRequest { settlement_id: id.to_owned() }).await;
    Ok(world.adjudication().get_explanation(request).await?.into_inner().explanation.unwrap_or_default())
}

#[tokio::test]
async fn ad_04_every_fen_has_its_rule_clause_policy_version_and_running_total() {
    let world = World::new().await;
    let visit = world.visit("hospital", world.resident, CareKind::Inpatient, JourneyId::generate()).await;
    let divided = world.divide("hospital", &visit, COVERED, "10355.48").await.expect("divided");
    let id = divided.settlement.unwrap_or_default().settlement_id;
    let explained = explained(&world, &world.caller("resident"), &id).await.expect("her own");
    let settlement = explained.settlement.clone().unwrap_or_default();

    // Fund and own share of the steps, but for the result, are those of the settlement.
    let (result, steps) = settlement.explanation.split_last().expect("steps");
    let sum = |of: fn(&wire::ExplanationStep) -> Option<&proto::google::r#type::Money>| {
        steps.iter().map(|step| money(&text(of(step)))).sum::<types::money::Money>().to_string()
    };
    assert_eq!(
        (sum(|step| step.fund.as_ref()), sum(|step| step.own.as_ref())),
        (text(result.fund.as_ref()), text(result.own.as_ref()))
    );
    for step in steps.iter().filter(|step| step.rule != "IN_SCOPE") {
        assert!(!step.clause.is_empty() && !step.sources.is_empty(), "{} cites nobody", step.rule);
    }
    let deductible = steps.iter().find(|step| step.rule == "DEDUCTIBLE").expect("the first stay of the year");
    assert_eq!(deductible.clause, "inpatient.deductible");
    assert_eq!(deductible.accumulator, "DEDUCTIBLE");
    let moved = [&deductible.accumulator_before, &deductible.accumulator_after].map(|amount| text(amount.as_ref()));
    assert_eq!(moved, ["0.00".to_owned(), "1300.00".to_owned()]);
    assert_eq!((steps[0].line_number, explained.lines.len(), explained.line_names.len()), (1, 1, 1));

    let policy = explained.policy.expect("one judged it");
    assert_eq!((policy.policy_id.clone(), policy.digest), (settlement.policy_id, settlement.policy_digest));
    let name = policy.name.unwrap_or_default();
    assert!(!name.zh.is_empty() && !name.en.is_empty() && !policy.demonstration);

    let field = |code: &str| {
        let field = explained.fields.iter().find(|field| field.code == code).expect(code);
        assert!(field.name.as_ref().is_some_and(|name| !name.zh.is_empty() && !name.en.is_empty()));
        if field.ratio.is_empty() { text(field.amount.as_ref()) } else { field.ratio.clone() }
    };
    assert_eq!(explained.fields.len(), 16);
    assert_eq!((field("medfee_sumamt").as_str(), field("act_pay_dedc").as_str()), ("10355.48", "1300.00"));
    assert_eq!((field("hifp_pay").as_str(), field("psn_part_amt").as_str()), ("8240.49", "2114.99"));
    assert_eq!(field("pool_prop_selfpay"), "0.91");
    assert_eq!(explained.counterfactual, None, "a clinic admits nobody");
}

#[tokio::test]
async fn ad_04_ad_05_the_community_clinic_would_have_cost_less() {
    let world = World::without_policy().await;
    let policy = world.propose(DEMONSTRATION).await.expect("the document is complete");
    world.release("insurer-releaser", &policy.policy_id).await.expect("another officer releases it");
    let resident = ResidentId::generate();
    world.register(resident).await;
    world.enrol_in_demonstration(resident, None, "2024-01-01").await;
    let visit = world.visit("hospital", resident, CareKind::Outpatient, JourneyId::generate()).await;
    let divided = world.divide("hospital", &visit, COVERED, "100.00").await.expect("divided");
    let settlement = divided.settlement.unwrap_or_default();

    // 60 % less 20 points without a referral, against 85 %.
    let explained = explained(&world, &world.caller("hospital"), &settlement.settlement_id).await.expect("its claim");
    let there = explained.counterfactual.expect("cheaper there");
    assert_eq!(there.tier(), Tier::Community);
    let amounts = [&there.person_total, &there.fund_total, &there.saving].map(|amount| text(amount.as_ref()));
    assert_eq!(amounts, ["15.00", "85.00", "45.00"].map(str::to_owned));
    assert!(there.text.is_some_and(|text| text.zh.contains("15.00") && text.en.contains("15.00")));
    assert!(explained.policy.is_some_and(|policy| policy.demonstration));
}

#[tokio::test]
async fn ad_04_an_explanation_is_for_the_person_the_provider_and_who_reviews() {
    let world = World::new().await;
    let visit = world.visit("clinic", world.resident, CareKind::Outpatient, JourneyId::generate()).await;
    let divided = world.divide("clinic", &visit, OWN, "10.00").await.expect("divided");
    let id = divided.settlement.unwrap_or_default().settlement_id;
    for caller in ["resident", "clinic"] {
        explained(&world, &world.caller(caller), &id).await.expect(caller);
    }
    let refused = explained(&world, &world.caller("hospital"), &id).await.expect_err("another's claim");
    assert_eq!((refused.code(), reason(&refused).as_str()), (Code::PermissionDenied, "OUTSIDE_SCOPE"));
    let none = types::ids::SettlementId::generate().to_string();
    let refused = explained(&world, &world.caller("resident"), &none).await.expect_err("none");
    assert_eq!((refused.code(), reason(&refused).as_str()), (Code::NotFound, "SETTLEMENT_NOT_FOUND"));
    assert_eq!(world.count("audit_entries WHERE action = 'adjudication.explanation.read'").await, 2);
}
