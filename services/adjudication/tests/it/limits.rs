//! Limits of prices, of items and of bed days: from the catalogue to the lines, and what is above them is the person's.

use proto::anjia::adjudication::v1 as wire;
use proto::anjia::common::v1::{CareKind, CatalogueClass, ExpectedLine};
use proto::convert::{to_date, to_money};
use testkit::{callers, reason, request_id};
use tonic::Code;
use types::ids::{BillId, JourneyId};

use crate::days::{last_year, noon, text};
use crate::world::{World, money};

const BED: &str = "T-BED";
const DRUG: &str = "T-LIMITED";

fn limited(code: &str, of: wire::PricedUnit, most: &str) -> wire::CatalogueItem {
    wire::CatalogueItem {
        item_code: code.to_owned(),
        name: code.to_owned(),
        catalogue_class: CatalogueClass::A.into(),
        first_self_pay_ratio: String::new(),
        price_limit: Some(wire::PriceLimit { of: of.into(), unit_price_max: most.to_owned() }),
    }
}

impl World {
    async fn put(&self, items: Vec<wire::CatalogueItem>) -> Result<i32, tonic::Status> {
        let request = wire::PutCatalogueRequest {
            request_id: request_id(),
            region_code: "110000".to_owned(),
            effective_from: Some(to_date(last_year(1, 1))),
            items,
        };
        let request = self.caller("insurer-proposer").request(request).await;
        Ok(self.policies().put_catalogue(request).await?.into_inner().changed_items)
    }
}

/// Days in a bed, and a drug: 10 × 80 and 3 × 12.50 of a day in March.
fn billed(visit: &str) -> wire::DivideClaimRequest {
    let line = |code: &str, quantity: &str, unit_price: &str, amount: &str| wire::ClaimLine {
        item_code: code.to_owned(),
        quantity: quantity.to_owned(),
        unit_price: unit_price.to_owned(),
        amount: Some(to_money(money(amount))),
        on: Some(to_date(last_year(3, 10))),
    };
    wire::DivideClaimRequest {
        lines: vec![line(BED, "10", "80", "800.00"), line(DRUG, "3", "12.50", "37.50")],
        total: Some(to_money(money("837.50"))),
        ..crate::world::claim(visit, BED, "1.00")
    }
}

#[tokio::test]
async fn ad_01_what_is_above_the_catalogues_limit_of_a_price_is_the_persons_and_explained() {
    let world = World::new().await;
    let items = vec![limited(BED, wire::PricedUnit::BedDay, "50"), limited(DRUG, wire::PricedUnit::Item, "12.4999")];
    assert_eq!(world.put(items.clone()).await.expect("new"), 2);
    assert_eq!(world.put(items).await.expect("the same again"), 0);
    let other = vec![limited(BED, wire::PricedUnit::BedDay, "60")];
    let refused = world.put(other).await.expect_err("claims were judged by the first");
    assert_eq!((refused.code(), reason(&refused).as_str()), (Code::AlreadyExists, "CATALOGUE_ITEM_EXISTS"));
    for (of, most, field) in [
        (wire::PricedUnit::Unspecified, "50", "items[0].price_limit.of"),
        (wire::PricedUnit::Item, "-1", "items[0].price_limit.unit_price_max"),
        (wire::PricedUnit::Item, "0.00001", "items[0].price_limit.unit_price_max"),
    ] {
        let refused = world.put(vec![limited("T-WRONG", of, most)]).await.expect_err(field);
        assert!(refused.code() == Code::InvalidArgument && refused.message().starts_with(field), "{refused:?}");
    }
    let request = wire::GetCatalogueItemRequest { item_code: BED.to_owned(), on: Some(to_date(last_year(3, 10))) };
    let request = world.caller("clinic").request(request).await;
    let item = world.policies().get_catalogue_item(request).await.expect("it is there").into_inner().item;
    assert_eq!(item, Some(limited(BED, wire::PricedUnit::BedDay, "50")));

    let visit = world.visit_at("hospital", world.resident, CareKind::Inpatient, noon(3, 8)).await;
    let request = world.caller("hospital").request(billed(&visit)).await;
    let divided = world.adjudication().divide_claim(request).await.expect("divided").into_inner();
    let settlement = divided.settlement.unwrap_or_default();
    let division = settlement.division.clone().unwrap_or_default();
    // 10 × 30 above the bed day's limit; 37.50 less 3 × 12.4999, rounded half up.
    let parts = [&division.over_price_limit, &division.out_of_scope, &division.in_scope];
    assert_eq!(parts.map(|part| text(part.as_ref())), ["300.00", "300.00", "537.50"]);
    let bed = &settlement.explanation[0];
    let known = (bed.clause.as_str(), text(bed.limit.as_ref()), text(bed.own.as_ref()));
    assert_eq!(known, ("catalogue.110000", "500.00".to_owned(), "300.00".to_owned()));
    let said = settlement.explanation[0].text.clone().unwrap_or_default();
    assert!(said.en.contains("you pay ¥300.00 above the limit (a bed day is known up to ¥50)"), "{}", said.en);
    assert!(said.zh.contains("床位费限额每日50元，超出的300.00元由个人支付"), "{}", said.zh);
    let confirmed = world.confirm(&settlement.settlement_id, &BillId::generate().to_string()).await;
    assert_eq!(confirmed.expect("confirmed").division, settlement.division);

    // A quote tells the same; judged again, the line has the limit that it was judged by.
    let request = wire::QuoteCareRequest {
        request_id: request_id(),
        resident_id: world.resident.to_string(),
        provider_organisation_id: callers::HOSPITAL.to_string(),
        kind: CareKind::Inpatient.into(),
        on: Some(to_date(last_year(3, 10))),
        lines: vec![ExpectedLine { item_code: BED.to_owned(), quantity: "10".to_owned(), unit_price: "80".to_owned() }],
        journey_id: JourneyId::generate().to_string(),
        ..Default::default()
    };
    let request = world.caller("resident").request(request).await;
    let quoted = world.adjudication().quote_care(request).await.expect("a quote").into_inner().quote;
    let over = quoted.unwrap_or_default().division.unwrap_or_default().over_price_limit;
    assert_eq!(text(over.as_ref()), "300.00");
    let limits = world.count("claim_lines WHERE unit_price_max IS NOT NULL AND price_limit_of IS NOT NULL").await;
    assert_eq!(limits, 2);
}
