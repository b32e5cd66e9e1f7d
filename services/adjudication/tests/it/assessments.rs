//! What a contract's year is assessed by, and reading it.

use adjudication::domain::designation::Days;
use adjudication::domain::supervision::YearFigures;
use adjudication::store;
use chrono::Datelike as _;
use proto::anjia::adjudication::v1 as wire;
use proto::anjia::adjudication::v1::supervision_service_client::SupervisionServiceClient;
use proto::anjia::common::v1::PageRequest;
use serde_json::{Value, json};
use testkit::{callers, reason, request_id};
use tonic::{Code, Status};
use types::ids::OrganisationId;
use uuid::Uuid;

use crate::days::last_year;
use crate::world::{World, money, today};

impl World {
    async fn assess(&self, provider: &str, year: i32) -> Result<wire::Assessment, Status> {
        let provider_organisation_id = provider.to_owned();
        let message = wire::AssessProviderRequest { request_id: request_id(), provider_organisation_id, year };
        let request = self.caller("insurer-proposer").request(message).await;
        let mut client = SupervisionServiceClient::new(self.mesh.channel("adjudication"));
        Ok(client.assess_provider(request).await?.into_inner().assessment.unwrap_or_default())
    }

    async fn assessments(&self, year: i32, page: PageRequest) -> Result<wire::ListAssessmentsResponse, Status> {
        let message = wire::ListAssessmentsRequest { year, page: Some(page) };
        let request = self.caller("insurer-proposer").request(message).await;
        let mut client = SupervisionServiceClient::new(self.mesh.channel("adjudication"));
        Ok(client.list_assessments(request).await?.into_inner())
    }

    async fn figures(&self, days: &[Days]) -> YearFigures {
        let db = self.mesh.connect("adjudication").await;
        let region = "110000".parse().expect("a region");
        let mut tx = db.begin(postgres::Scope::Region(region)).await.expect("begun");
        let clinic = OrganisationId::from_uuid(callers::CLINIC);
        store::funds::year_of_provider(&mut tx, clinic, days).await.expect("figures")
    }

    /// Copies the first settled claim, with another id and what else is said; answers the copy's id.
    async fn settled_again(&self, claim: Value, settlement: Value) -> Uuid {
        let mut owner = self.mesh.owner("adjudication").await;
        let (id, settlement_id) = (Uuid::now_v7(), Uuid::now_v7());
        for (table, ids, other) in [
            ("claims", json!({ "id": id, "settlement_id": settlement_id, "visit_id": id }), claim),
            ("settlements", json!({ "id": settlement_id, "claim_id": id, "bill_id": id }), settlement),
        ] {
            let sql = format!(
                "INSERT INTO {table} SELECT (jsonb_populate_record(model, $1 || $2)).* FROM {table} AS model ORDER BY id LIMIT 1"
            );
            let copied = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(ids).bind(other);
            copied.execute(&mut owner).await.expect(table);
        }
        id
    }
}

#[tokio::test]
async fn ad_11_a_contract_that_began_and_ended_within_the_year_is_assessed() {
    let world = World::with_rules().await;
    let (hospital, _) = world.contracted_hospital(last_year(2, 1), Some(last_year(11, 30))).await;
    let year = today().year();
    let assessed = world.assess(&hospital, year - 1).await.expect("it had a contract from February to November");
    assert_eq!((assessed.claims, assessed.year), (0, year - 1));
    for without in [year - 2, year] {
        let refused = world.assess(&hospital, without).await.expect_err("no contract on any day of it");
        assert_eq!((refused.code(), reason(&refused).as_str()), (Code::FailedPrecondition, "NOT_DESIGNATED"));
    }
}

#[tokio::test]
async fn ad_11_figures_are_of_paid_care_on_days_of_the_contract() {
    let world = World::with_rules().await;
    world.settle("1500.00").await;
    let day = |before: u64| today() - chrono::Days::new(before);
    let whole = [(day(300), day(200)), (day(9), today())];
    let figures = world.figures(&whole).await;
    assert_eq!((figures.claims, figures.total, figures.fund_paid), (1, money("1500.00"), money("180.00")));
    // Care of the week before began on no day of this contract, whenever it was confirmed.
    assert_eq!(world.figures(&[(day(300), day(200)), (day(9), day(1))]).await, YearFigures::default());
    assert_eq!(world.figures(&[]).await, YearFigures::default());

    // Of whom nobody insured, whoever waited and where no contract paid: all own share, and no figure of this contract.
    let all_own = json!({
        "fully_own": 1500, "in_scope": 0, "deductible": 0, "pooled_fund": 0, "pooled_own": 0, "beyond_cover": 0,
        "policy_id": null, "policy_digest": null, "year": null, "scheme": null, "kind": null, "accumulator_version": null,
    });
    for outcome in ["NOT_ENROLLED", "NOT_DESIGNATED"] {
        let mut settlement = all_own.clone();
        settlement["outcome"] = outcome.into();
        world.settled_again(json!({}), settlement).await;
    }
    assert_eq!(world.figures(&whole).await, figures);
    world.settled_again(json!({}), json!({})).await;
    assert_eq!(world.figures(&whole).await.claims, 2, "insured care is");
}

#[tokio::test]
async fn ad_11_who_comes_back_by_referral_was_not_readmitted() {
    let world = World::with_rules().await;
    world.settle("1500.00").await;
    let day = |before: u64| today() - chrono::Days::new(before);
    let whole = [(day(60), today())];
    let stay = |from: u64, until: u64, provider: Uuid| {
        json!({
            "kind": "INPATIENT", "from_date": day(from), "until_date": day(until), "provider_organisation_id": provider,
        })
    };
    world.settled_again(stay(20, 15, callers::CLINIC), json!({})).await;
    let elsewhere = json!({ "provider_organisation_id": callers::HOSPITAL });
    let mut again = stay(9, 5, callers::HOSPITAL);
    again["referral_id"] = json!(Uuid::now_v7());
    let again = world.settled_again(again, elsewhere).await;
    let figures = world.figures(&whole).await;
    assert_eq!((figures.stays, figures.readmissions), (1, 0), "planned");
    sqlx::query("UPDATE claims SET referral_id = NULL WHERE id = $1")
        .bind(again)
        .execute(&mut world.mesh.owner("adjudication").await)
        .await
        .expect("updated");
    let figures = world.figures(&whole).await;
    assert_eq!((figures.stays, figures.readmissions), (1, 1), "unplanned, and anywhere");
}

#[tokio::test]
async fn ad_11_the_last_assessment_of_each_provider_and_year_can_be_read() {
    let world = World::with_rules().await;
    let (year, clinic) = (today().year(), callers::CLINIC.to_string());
    let page = |page_size: i32, page_token: &str| PageRequest { page_size, page_token: page_token.to_owned() };
    assert_eq!(world.assessments(0, page(0, "")).await.expect("a list").assessments, []);
    world.assess(&clinic, year).await.expect("it is designated");
    let before = world.assess(&clinic, year - 1).await.expect("it was designated");
    world.settle("1500.00").await;
    let again = world.assess(&clinic, year).await.expect("it is designated");
    assert_eq!((again.claims, again.scores.len()), (1, 4));

    let all = world.assessments(0, page(0, "")).await.expect("a list");
    assert_eq!((all.assessments, all.next_page_token.as_str()), (vec![again.clone(), before.clone()], ""));
    let first = world.assessments(0, page(1, "")).await.expect("a page");
    assert_eq!(first.assessments, std::slice::from_ref(&again));
    let second = world.assessments(0, page(1, &first.next_page_token)).await.expect("the next");
    assert_eq!((second.assessments, second.next_page_token.as_str()), (vec![before.clone()], ""));
    assert_eq!(world.assessments(year - 1, page(0, "")).await.expect("a list").assessments, [before]);
    assert_eq!(world.assessments(year + 1, page(0, "")).await.expect("a list").assessments, []);
    for refused in
        [world.assessments(1, page(0, "")).await, world.assessments(year, page(1, &first.next_page_token)).await]
    {
        assert_eq!(reason(&refused.expect_err("no such year, another list")), "INVALID_FIELD");
    }
}
