//! What makes settled care be judged anew, and what its new settlement says of itself.

use proto::anjia::adjudication::v1 as wire;
use proto::anjia::common::v1::{CareKind, ExpectedLine};
use proto::convert::to_date;
use serde_json::{Value, json};
use testkit::{callers, request_id};
use types::ids::{BillId, JourneyId};

use crate::days::{claim_on, last_year, noon, paid};
use crate::layers::LAYERS;
use crate::world::{BEIJING, COVERED, World};

const CORRECTED: &str = "anjia.adjudication.settlement.corrected.v1";

async fn insured_by(document: Value) -> World {
    let world = World::without_policy().await;
    let policy = world.propose(&document.to_string()).await.expect("the document is complete");
    world.release("insurer-releaser", &policy.policy_id).await.expect("another officer releases it");
    world
}

fn both(fund: &str, own: &str) -> (String, String) {
    (fund.to_owned(), own.to_owned())
}

#[tokio::test]
async fn ad_02_ad_12_a_late_low_income_flag_counts_for_the_year_though_it_pays_nothing_of_the_claim() {
    // Assistance begins above 1,000 a year.
    let mut document: Value = serde_json::from_str(LAYERS).expect("it reads");
    document["medical_assistance"]["rows"][0]["deductible"] = json!("1000.00");
    let world = insured_by(document).await;
    let (first, _) = world.settled(world.resident, 3, "900.00").await;
    assert_eq!(paid(&first), both("400.00", "500.00"));

    world.flag_low_income().await;
    let told = world.told(CORRECTED, 1).await;
    let corrected = world.read(&told[0].subject).await;
    assert_eq!(
        (corrected.corrects_settlement_id.as_str(), corrected.cause()),
        (first.settlement_id.as_str(), wire::CorrectionCause::Entitlement)
    );
    assert_eq!(paid(&corrected), paid(&first), "assistance pays nothing of it");

    // 500 of 1,000 were borne already: 70 % of the other 500.
    let (second, _) = world.settled(world.resident, 4, "2000.00").await;
    assert_eq!(paid(&second), both("1350.00", "650.00"));
}

#[tokio::test]
async fn ad_02_ad_03_a_late_stay_is_late_for_outpatient_care_too_where_layers_run_over_both() {
    let mut document: Value = serde_json::from_str(LAYERS).expect("it reads");
    let beijing: Value = serde_json::from_str(BEIJING).expect("it reads");
    document["inpatient"] = document["outpatient"].clone();
    document["inpatient"]["tiers"] = json!(["TERTIARY"]);
    document["inpatient"]["bands"][0]["fund_ratio"][0]["by_tier"] = json!({"TERTIARY": "0.50"});
    assert_eq!(document["scheme"], beijing["scheme"]);
    let world = insured_by(document).await;
    let (visit, _) = world.settled(world.resident, 5, "100.00").await;
    let (later, _) = world.settled(world.resident, 6, "1000.00").await;
    assert_eq!((paid(&visit), paid(&later)), (both("0.00", "100.00"), both("500.00", "500.00")));
    // Of 40,100 in March 20,100 are the person's, 100 of them above the threshold of 20,000.
    let (stay, _) = world.settled_at("hospital", world.resident, CareKind::Inpatient, (3, 10), "40100.00").await;
    // In the order of service the visits lie above the threshold now: critical illness insurance pays 60 % of what was theirs.
    let told = world.told(CORRECTED, 3).await;
    let mut now = Vec::new();
    for event in &told {
        now.push(world.read(&event.subject).await);
    }
    let corrected: Vec<&str> = now.iter().map(|settlement| settlement.corrects_settlement_id.as_str()).collect();
    assert_eq!(corrected, [&stay.settlement_id, &visit.settlement_id, &later.settlement_id]);
    let now: Vec<_> = now.iter().map(paid).collect();
    assert_eq!(now, [both("20060.00", "20040.00"), both("60.00", "40.00"), both("800.00", "200.00")]);
}

#[tokio::test]
async fn ad_03_a_settlement_that_takes_anothers_place_says_itself_why_it_is_not_what_was_quoted() {
    let world = World::new().await;
    let (first, bill) = world.settled(world.resident, 3, "1300.00").await;
    let request = wire::QuoteCareRequest {
        request_id: request_id(),
        resident_id: world.resident.to_string(),
        provider_organisation_id: callers::CLINIC.to_string(),
        kind: CareKind::Outpatient.into(),
        on: Some(to_date(last_year(4, 10))),
        lines: vec![ExpectedLine {
            item_code: COVERED.to_owned(),
            quantity: "1".to_owned(),
            unit_price: "2000.00".to_owned(),
        }],
        journey_id: JourneyId::generate().to_string(),
        ..Default::default()
    };
    let quoted = world.adjudication().quote_care(world.caller("resident").request(request).await).await;
    let quote_id = quoted.expect("a quote").into_inner().quote.unwrap_or_default().quote_id;

    let visit = world.visit_at("clinic", world.resident, CareKind::Outpatient, noon(4, 10)).await;
    let request = wire::DivideClaimRequest { quote_id, ..claim_on(&visit, COVERED, "2000.00", last_year(4, 10)) };
    let divided = world.adjudication().divide_claim(world.caller("clinic").request(request).await).await;
    let divided = divided.expect("divided").into_inner().settlement.unwrap_or_default();
    assert_eq!((paid(&divided), divided.drift.len()), (both("1800.00", "200.00"), 0));
    world.confirm(&divided.settlement_id, &BillId::generate().to_string()).await.expect("confirmed");

    // Without the first it bears the deductible, which nobody quoted.
    world.reverse(&first.settlement_id, &bill).await.expect("it is in force");
    let told = world.told(CORRECTED, 1).await;
    let corrected = world.read(&told[0].subject).await;
    assert_eq!(paid(&corrected), both("630.00", "1370.00"));
    let [drift] = corrected.drift.as_slice() else { panic!("one cause: {:?}", corrected.drift) };
    assert_eq!(drift.cause, "ACCUMULATOR");
    assert!(drift.text.as_ref().is_some_and(|text| text.en.contains("from CNY 200.00 to CNY 1370.00")), "{drift:?}");
}

#[tokio::test]
async fn id_03_groups_and_retirement_are_those_of_the_day_that_the_policy_judges_by() {
    // Judged on discharge: assistance from the first fen on of who is assisted by then.
    let mut document: Value = serde_json::from_str(LAYERS).expect("it reads");
    document["inpatient"] = document["outpatient"].clone();
    document["inpatient"]["tiers"] = json!(["TERTIARY"]);
    document["inpatient"]["bands"][0]["fund_ratio"][0]["by_tier"] = json!({"TERTIARY": "0.50"});
    let world = insured_by(document).await;
    // The stay is from the 10th to the 15th; she is assisted from the 12th on.
    world.flag_low_income_from(last_year(3, 12)).await;
    let (stay, _) = world.settled_at("hospital", world.resident, CareKind::Inpatient, (3, 10), "1100.00").await;
    // 600 are left to her, of which 70 % are taken over.
    assert_eq!(paid(&stay), both("920.00", "180.00"));
    // Judged anew it is judged by the same day; the deductible turns out to be February's, when she was not assisted.
    let (before, _) = world.settled_at("hospital", world.resident, CareKind::Inpatient, (2, 10), "100.00").await;
    assert_eq!(paid(&before), both("50.00", "50.00"));
    world.judged().await;
    assert_eq!(paid(&world.present(&before.claim_id, "hospital").await), both("0.00", "100.00"));
    assert_eq!(paid(&world.present(&stay.claim_id, "hospital").await), both("935.00", "165.00"));
}
