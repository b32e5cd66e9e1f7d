//! The books of the funds: months that are over, care elsewhere, and what findings withhold as the database has it.

use adjudication::domain::inspection::money::withheld;
use adjudication::store;
use chrono::NaiveDate;
use proto::anjia::common::v1::CareKind;
use proto::convert::to_date;
use rust_decimal::Decimal;
use types::ids::{BillId, JourneyId, ResidentId, SettlementId};
use types::money::Money;
use types::region::RegionCode;
use uuid::Uuid;

use crate::days::text;
use crate::world::{COVERED, DEMONSTRATION, World, money, today};

impl World {
    pub(crate) async fn months_of(&self, region: RegionCode) -> Vec<adjudication::domain::fund::FundMonth> {
        let db = self.mesh.connect("adjudication").await;
        let mut tx = db.begin(postgres::Scope::Region(region)).await.expect("begun");
        store::funds::months(&mut tx, region, today()).await.expect("the months")
    }
}

fn first_of_month(on: NaiveDate) -> NaiveDate {
    chrono::Datelike::with_day(&on, 1).expect("a day")
}

#[tokio::test]
async fn ad_09_a_month_that_is_over_keeps_what_was_paid_in_it() {
    let world = World::new().await;
    let (settled, bill) = world.settled(world.resident, 3, "1500.00").await;
    // It was confirmed two months ago.
    let mut owner = world.mesh.owner("adjudication").await;
    sqlx::query("UPDATE settlements SET confirmed_at = confirmed_at - interval '2 months'")
        .execute(&mut owner)
        .await
        .expect("aged");
    let then = first_of_month(today()) - chrono::Months::new(2);
    let before = world.fund_since(then).await;
    assert_eq!(before.len(), 1);
    assert_eq!((text(before[0].pooled_fund.as_ref()), before[0].settlements), ("180.00".to_owned(), 1));

    world.reverse(&settled.settlement_id, &bill).await.expect("it is in force");
    let after = world.fund_since(then).await;
    assert_eq!(after[0], before[0], "what was paid then was paid then");
    let [_, now] = after.as_slice() else { panic!("two months: {after:?}") };
    assert_eq!(now.month, Some(to_date(first_of_month(today()))));
    assert_eq!((text(now.pooled_fund.as_ref()), now.settlements, now.persons), ("-180.00".to_owned(), -1, 0));
    assert_eq!((text(now.own_share.as_ref()), text(now.balance.as_ref())), ("-1320.00".to_owned(), "0.00".to_owned()));
}

#[tokio::test]
async fn ad_06_ad_09_care_of_its_people_elsewhere_is_in_the_insured_regions_books_and_in_no_others() {
    let world = World::without_policy().await;
    let policy = world.propose(DEMONSTRATION).await.expect("the document is complete");
    world.release("insurer-releaser", &policy.policy_id).await.expect("another officer releases it");
    let visitor = ResidentId::generate();
    world.register(visitor).await;
    world.enrol_in_demonstration(visitor, None, "2024-01-01").await;
    let visit = world.visit("clinic", visitor, CareKind::Outpatient, JourneyId::generate()).await;
    let divided =
        world.divide("clinic", &visit, COVERED, "100.00").await.expect("divided").settlement.unwrap_or_default();
    let bill = BillId::generate().to_string();
    world.confirm(&divided.settlement_id, &bill).await.expect("confirmed");

    let [month]: [_; 1] = world.months_of(RegionCode::DEMONSTRATION).await.try_into().expect("one month");
    assert_eq!((month.month, month.pooled_fund), (first_of_month(today()), money("85.00")));
    assert!(world.fund_since(today()).await.is_empty(), "the place of care is paid back");

    world.reverse(&divided.settlement_id, &bill).await.expect("it is in force");
    let [month]: [_; 1] = world.months_of(RegionCode::DEMONSTRATION).await.try_into().expect("one month");
    assert_eq!(month.pooled_fund, Money::ZERO);
}

/// Line from 1, or the claim as a whole; amount and what was cut of it; state.
type Found = (Option<i32>, i64, Option<i64>, &'static str);

/// Findings of every kind about three lines and the whole claim, some of them more than the claim itself.
fn some_findings(seed: &mut u64) -> Vec<Found> {
    let mut next = |below: u64| {
        *seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (*seed >> 33) % below
    };
    let count = next(7);
    (0..count)
        .map(|_| {
            let line = i32::try_from(next(4)).ok().filter(|line| *line > 0);
            let amount = i64::try_from(next(120_000)).expect("small");
            let part = i64::try_from(next(1 + amount.unsigned_abs())).expect("small");
            let states = [
                ("OPEN", false),
                ("ASKED", false),
                ("CLEARED", false),
                ("SUPERSEDED", false),
                ("CUT", true),
                ("APPEALED", true),
                ("UPHELD", true),
            ];
            let (state, is_cut) = states[usize::try_from(next(7)).expect("small")];
            (line, amount, is_cut.then_some(part), state)
        })
        .collect()
}

/// Nobody withholds for a finding that was cleared, or that the next version of its claim does not bear out.
fn takes_nothing(state: &str) -> bool {
    matches!(state, "CLEARED" | "SUPERSEDED")
}

#[tokio::test]
async fn ad_08_ad_09_what_the_books_say_is_withheld_is_what_the_rules_say() {
    let world = World::with_rules().await;
    let settlement = world.settle("1500.00").await;
    let id = settlement.settlement_id.parse::<SettlementId>().expect("an id").uuid();
    let mut owner = world.mesh.owner("adjudication").await;
    let mut seed = 2_026;
    let of = |found: &[Found], counts: &dyn Fn(&Found) -> i64| {
        let parts = found.iter().map(|one| {
            let line = one.0.and_then(|line| usize::try_from(line).ok());
            (line, Money::from_fen(counts(one)))
        });
        withheld(money("1500.00"), parts)
    };
    for round in 0..60 {
        let found = some_findings(&mut seed);
        sqlx::query("CREATE TEMP TABLE IF NOT EXISTS template AS SELECT * FROM findings LIMIT 1")
            .execute(&mut owner)
            .await
            .expect("made");
        sqlx::query("DELETE FROM findings").execute(&mut owner).await.expect("deleted");
        for (line, amount, cut, state) in &found {
            let withheld = if takes_nothing(state) { 0 } else { cut.unwrap_or(*amount) };
            sqlx::query(
                "INSERT INTO findings (id, region, settlement_id, claim_id, claim_version, resident_id, provider_organisation_id, rule_book_id, \
                 rule, line_number, amount, evidence, state, cut, cut_by, withheld, noted_at, raised_at) \
                 SELECT $1, region, settlement_id, claim_id, claim_version, resident_id, provider_organisation_id, rule_book_id, rule, $2, $3, \
                 evidence, $4, $5, CASE WHEN $5 IS NOT NULL THEN 'client:x' END, $6, noted_at, noted_at FROM template",
            )
            .bind(Uuid::now_v7())
            .bind(line)
            .bind(Decimal::new(*amount, 2))
            .bind(state)
            .bind(cut.map(|cut| Decimal::new(cut, 2)))
            .bind(Decimal::new(withheld, 2))
            .execute(&mut owner)
            .await
            .expect("inserted");
        }
        let stored: Option<(Decimal, Decimal)> =
            sqlx::query_as("SELECT withheld, cut FROM withheld_by_claim WHERE settlement_id = $1")
                .bind(id)
                .fetch_optional(&mut owner)
                .await
                .expect("the view");
        let (stored_withheld, stored_cut) = stored.unwrap_or_default();
        let as_things_stand =
            of(&found, &|(_, amount, cut, state)| if takes_nothing(state) { 0 } else { cut.unwrap_or(*amount) });
        let for_good =
            of(&found, &|(_, _, cut, state)| cut.filter(|_| matches!(*state, "CUT" | "UPHELD")).unwrap_or(0));
        assert_eq!(
            (stored_withheld, stored_cut),
            (as_things_stand.decimal(), for_good.decimal()),
            "{round}: {found:?}"
        );
    }
}

#[tokio::test]
async fn ad_11_a_cut_of_a_whole_claim_counts_once_in_a_providers_year() {
    let world = World::with_rules().await;
    world.settle("1500.00").await;
    let mut owner = world.mesh.owner("adjudication").await;
    // The same 100 are cut of line 1, and of the claim as a whole.
    sqlx::query("UPDATE findings SET state = 'CUT', cut = 100, cut_by = 'client:x', withheld = 100")
        .execute(&mut owner)
        .await
        .expect("cut");
    sqlx::query(
        "INSERT INTO findings SELECT (jsonb_populate_record(finding, jsonb_build_object('id', gen_random_uuid(), 'line_number', NULL))).* \
         FROM findings finding",
    )
    .execute(&mut owner)
    .await
    .expect("the same of the claim as a whole");
    let clinic = types::ids::OrganisationId::from_uuid(testkit::callers::CLINIC);
    let db = world.mesh.connect("adjudication").await;
    let region = "110000".parse().expect("a region");
    let mut tx = db.begin(postgres::Scope::Region(region)).await.expect("begun");
    let year = store::funds::year_of_provider(&mut tx, clinic, &[(today(), today())]).await.expect("figures");
    assert_eq!((year.cut, year.upheld_claims), (money("100.00"), 1));
}
