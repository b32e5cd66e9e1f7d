//! What becomes of a settlement: taken back, corrected, judged anew.

use proto::anjia::adjudication::v1 as wire;
use proto::anjia::common::v1::{self as common, CareKind};
use proto::anjia::identity::v1 as identity;
use proto::convert::to_date;
use testkit::{reason, request_id};
use tonic::Code;
use types::ids::{BillId, ClaimId, ResidentId, SettlementId};

use crate::days::{adjusted, claim_on, last_year, noon, paid};
use crate::world::{COVERED, World};

const CORRECTED: &str = "anjia.adjudication.settlement.corrected.v1";
const REVERSED: &str = "anjia.adjudication.settlement.reversed.v1";

fn both(fund: &str, own: &str) -> (String, String) {
    (fund.to_owned(), own.to_owned())
}

fn all(total: &str, fund: &str, own: &str) -> (String, String, String) {
    (total.to_owned(), fund.to_owned(), own.to_owned())
}

#[tokio::test]
async fn ad_03_a_reversal_moves_the_year_back_and_later_care_is_judged_without_it() {
    let world = World::new().await;
    // The deductible of 1,300, then 90 % for a retired person at the clinic.
    let (first, bill) = world.settled(world.resident, 3, "1300.00").await;
    let (second, second_bill) = world.settled(world.resident, 4, "2000.00").await;
    assert_eq!((paid(&first), paid(&second)), (both("0.00", "1300.00"), both("1800.00", "200.00")));

    let back = world.reverse(&first.settlement_id, &bill).await.expect("it is in force");
    assert_eq!(back.state(), wire::SettlementState::Reversed);
    assert_eq!(adjusted(&back), all("-1300.00", "0.00", "-1300.00"));
    assert_eq!(world.told(REVERSED, 1).await[0].subject, first.settlement_id);

    // Without the first, the second bears the deductible.
    let told = world.told(CORRECTED, 1).await;
    let corrected = world.read(&told[0].subject).await;
    assert_eq!(paid(&corrected), both("630.00", "1370.00"));
    assert_eq!(adjusted(&corrected), all("0.00", "-1170.00", "1170.00"));
    assert_eq!(corrected.corrects_settlement_id, second.settlement_id);
    assert_eq!(
        (corrected.cause(), corrected.bill_id.as_str()),
        (wire::CorrectionCause::Reversal, second_bill.as_str())
    );
    assert_eq!(world.read(&second.settlement_id).await.state(), wire::SettlementState::Corrected);
    let year = ("2000.00".to_owned(), "1300.00".to_owned(), "630.00".to_owned(), 1);
    assert_eq!((world.year().await, world.year_by_settlements().await), (year.clone(), year));
}

#[tokio::test]
async fn ad_03_a_reversal_repeated_changes_nothing_and_each_refusal_has_its_reason() {
    let world = World::new().await;
    let (settled, bill) = world.settled(world.resident, 3, "1500.00").await;
    let other = BillId::generate().to_string();
    let refused = world.reverse(&settled.settlement_id, &other).await.expect_err("another bill");
    assert_eq!((refused.code(), reason(&refused).as_str()), (Code::FailedPrecondition, "SETTLEMENT_CONFIRMED"));
    let unknown = world.reverse(&SettlementId::generate().to_string(), &bill).await.expect_err("none");
    assert_eq!((unknown.code(), reason(&unknown).as_str()), (Code::NotFound, "SETTLEMENT_NOT_FOUND"));

    let tries = (0..8).map(|_| world.reverse(&settled.settlement_id, &bill));
    let outcomes = futures_util::future::join_all(tries).await;
    let first = outcomes[0].as_ref().expect("it is in force");
    assert!(outcomes.iter().all(|outcome| outcome.as_ref().is_ok_and(|again| again == first)), "{outcomes:?}");
    assert_eq!(world.year().await, ("0.00".to_owned(), "0.00".to_owned(), "0.00".to_owned(), 0));
    assert_eq!(world.count("events WHERE kind = 'anjia.adjudication.settlement.reversed.v1'").await, 1);
    let gone = world.confirm(&settled.settlement_id, &bill).await.expect_err("it was taken back");
    assert_eq!(reason(&gone).as_str(), "SETTLEMENT_REVERSED");
    let gone = world.correct(&settled, "10.00", last_year(3, 10)).await.expect_err("it was taken back");
    assert_eq!(reason(&gone).as_str(), "SETTLEMENT_REVERSED");

    let visit = world.visit_at("clinic", world.resident, CareKind::Outpatient, noon(5, 10)).await;
    let request = world.caller("clinic").request(claim_on(&visit, COVERED, "10.00", last_year(5, 10))).await;
    let divided = world.adjudication().divide_claim(request).await.expect("divided").into_inner();
    let divided = divided.settlement.unwrap_or_default();
    let early = world.reverse(&divided.settlement_id, &bill).await.expect_err("not yet");
    assert_eq!((early.code(), reason(&early).as_str()), (Code::FailedPrecondition, "SETTLEMENT_NOT_CONFIRMED"));
    let early = world.correct(&divided, "9.00", last_year(5, 10)).await.expect_err("not yet");
    assert_eq!(reason(&early).as_str(), "SETTLEMENT_NOT_CONFIRMED");
}

#[tokio::test]
async fn ad_03_a_correction_is_the_next_version_with_the_net_difference() {
    let world = World::new().await;
    let (first, bill) = world.settled(world.resident, 3, "1500.00").await;
    let (second, _) = world.settled(world.resident, 4, "100.00").await;
    assert_eq!((paid(&first), paid(&second)), (both("180.00", "1320.00"), both("90.00", "10.00")));

    let outside = world.correct(&first, "1000.00", last_year(3, 12)).await.expect_err("after the visit");
    assert_eq!((outside.code(), reason(&outside).as_str()), (Code::InvalidArgument, "DATE_OUTSIDE_STAY"));
    let answer = world.correct(&first, "1000.00", last_year(3, 10)).await.expect("in force");
    let (claim, corrected) = (answer.claim.unwrap_or_default(), answer.settlement.unwrap_or_default());
    assert_eq!((claim.version, corrected.claim_version), (2, 2));
    assert_eq!(corrected.state(), wire::SettlementState::Confirmed);
    // At its own place in the order of service: nothing of the year was borne before it.
    assert_eq!(paid(&corrected), both("0.00", "1000.00"));
    assert_eq!(adjusted(&corrected), all("-500.00", "-180.00", "-320.00"));
    assert_eq!((corrected.bill_id.as_str(), corrected.reason()), (bill.as_str(), wire::ChangeReason::BilledWrong));

    // The later claim now bears what is left of the deductible.
    let told = world.told(CORRECTED, 2).await;
    assert_eq!(told[0].subject, corrected.settlement_id);
    let later = world.read(&told[1].subject).await;
    assert_eq!(
        (later.corrects_settlement_id.clone(), later.cause()),
        (second.settlement_id, wire::CorrectionCause::Correction)
    );
    assert_eq!(paid(&later), both("0.00", "100.00"));
    assert_eq!(world.year().await, world.year_by_settlements().await);
    assert_eq!(world.year().await, ("1100.00".to_owned(), "1100.00".to_owned(), "0.00".to_owned(), 2));

    let stale = world.reverse(&first.settlement_id, &bill).await.expect_err("replaced");
    assert_eq!(reason(&stale).as_str(), "SETTLEMENT_CORRECTED");
    let unknown = wire::Settlement { claim_id: ClaimId::generate().to_string(), ..first };
    let unknown = world.correct(&unknown, "1.00", last_year(3, 10)).await.expect_err("none");
    assert_eq!((unknown.code(), reason(&unknown).as_str()), (Code::NotFound, "CLAIM_NOT_FOUND"));
}

#[tokio::test]
async fn ad_03_a_correction_is_its_own_providers_and_is_made_once() {
    let world = World::new().await;
    let (settled, _) = world.settled(world.resident, 3, "1500.00").await;
    let wire::DivideClaimRequest { diagnoses, lines, total, .. } = claim_on("", COVERED, "10.00", last_year(3, 10));
    let request = wire::CorrectClaimRequest {
        request_id: request_id(),
        claim_id: settled.claim_id.clone(),
        reason: wire::ChangeReason::ItemsReturned.into(),
        diagnoses,
        lines,
        total,
    };
    let foreign = world.caller("hospital").request(request.clone()).await;
    let refused = world.adjudication().correct_claim(foreign).await.expect_err("the clinic's claim");
    assert_eq!(refused.code(), Code::PermissionDenied);
    let none = wire::CorrectClaimRequest { reason: 0, ..request.clone() };
    let refused = world.adjudication().correct_claim(world.caller("clinic").request(none).await).await;
    assert!(refused.is_err_and(|refused| refused.message().starts_with("reason")));

    let once = world.adjudication().correct_claim(world.caller("clinic").request(request.clone()).await).await;
    let again = world.adjudication().correct_claim(world.caller("clinic").request(request).await).await;
    assert_eq!(once.expect("in force").into_inner(), again.expect("the same answer").into_inner());
    assert_eq!(world.count("settlements").await, 2);
}

#[tokio::test]
async fn ad_03_late_claims_are_judged_anew_in_the_order_of_service() {
    let world = World::new().await;
    let (may, _) = world.settled(world.resident, 5, "1300.00").await;
    let (june, _) = world.settled(world.resident, 6, "500.00").await;
    assert_eq!((paid(&may), paid(&june)), (both("0.00", "1300.00"), both("450.00", "50.00")));
    // Care of March, claimed after both.
    let (march, _) = world.settled(world.resident, 3, "900.00").await;
    assert_eq!(paid(&march), both("810.00", "90.00"));

    // In the order of service March bears 900 of the deductible and May the other 400; June is as it was.
    let told = world.told(CORRECTED, 2).await;
    let [march, may] = [world.read(&told[0].subject).await, world.read(&told[1].subject).await];
    assert_eq!(adjusted(&march), all("0.00", "-810.00", "810.00"));
    assert_eq!(adjusted(&may), all("0.00", "810.00", "-810.00"));
    assert_eq!((march.cause(), may.cause()), (wire::CorrectionCause::LateClaim, wire::CorrectionCause::LateClaim));
    assert_eq!(world.present(&june.claim_id, "clinic").await.settlement_id, june.settlement_id);
    assert_eq!(world.year().await, world.year_by_settlements().await);
    assert_eq!(world.count("readjudications WHERE state = 'COMPLETED' AND corrected = 2").await, 1);
}

#[tokio::test]
async fn ad_03_cover_that_turns_out_late_is_judged_as_of_the_day_of_service() {
    let world = World::new().await;
    let late = ResidentId::generate();
    world.register(late).await;
    let (first, _) = world.settled(late, 3, "1500.00").await;
    let (stay, _) = world.settled_at("hospital", late, CareKind::Inpatient, (4, 10), "10355.48").await;
    assert_eq!((paid(&first), paid(&stay)), (both("0.00", "1500.00"), both("0.00", "10355.48")));
    assert_eq!(first.explanation[0].rule, "NOT_ENROLLED");

    // Enrolled from the first of April of that year on, as it turns out: the visit of March stays as it was.
    world
        .record(identity::Enrolment {
            resident_id: late.to_string(),
            scheme: common::Scheme::Employee.into(),
            insured_region_code: "110000".to_owned(),
            layer: identity::CoverLayer::Basic.into(),
            from: Some(to_date(last_year(4, 1))),
            retired: true,
            ..Default::default()
        })
        .await;
    let told = world.told(CORRECTED, 1).await;
    let corrected = world.read(&told[0].subject).await;
    assert_eq!(corrected.corrects_settlement_id, stay.settlement_id);
    assert_eq!((paid(&corrected), corrected.cause()), (both("8240.49", "2114.99"), wire::CorrectionCause::Entitlement));
    assert_eq!(adjusted(&corrected), all("0.00", "8240.49", "-8240.49"));
    assert_eq!(world.present(&first.claim_id, "clinic").await.settlement_id, first.settlement_id);
    assert_eq!(world.year().await, world.year_by_settlements().await);
}

#[tokio::test]
async fn ad_03_a_readjudication_survives_the_death_of_the_service_and_happens_once() {
    let mut world = World::new().await;
    let (first, bill) = world.settled(world.resident, 3, "1300.00").await;
    world.settled(world.resident, 4, "2000.00").await;
    // Somebody took it, and died with the lease in its hands: it is as good as over.
    world.reverse(&first.settlement_id, &bill).await.expect("it is in force");
    world.mesh.kill("adjudication");
    let mut owner = world.mesh.owner("adjudication").await;
    sqlx::query("UPDATE readjudications SET fence = fence + 1, lease_until = now() + interval '1 second' WHERE state = 'RUNNING'")
        .execute(&mut owner)
        .await
        .expect("at most one row");
    world.mesh.start_again("adjudication").await;

    let told = world.told(CORRECTED, 1).await;
    assert_eq!(paid(&world.read(&told[0].subject).await), both("630.00", "1370.00"));
    assert_eq!(world.count("readjudications WHERE state = 'COMPLETED'").await, 1);
    assert_eq!(world.count("settlements WHERE corrects IS NOT NULL").await, 1);
    assert_eq!(world.year().await, world.year_by_settlements().await);
}

#[tokio::test]
async fn ad_03_after_a_crash_a_query_tells_which_half_of_settling_happened() {
    let mut world = World::new().await;
    let visit = world.visit_at("clinic", world.resident, CareKind::Outpatient, noon(3, 10)).await;
    let request = world.caller("clinic").request(claim_on(&visit, COVERED, "1500.00", last_year(3, 10))).await;
    let divided = world.adjudication().divide_claim(request).await.expect("divided").into_inner();
    let id = divided.settlement.unwrap_or_default().settlement_id;
    world.mesh.kill("adjudication");
    world.mesh.start_again("adjudication").await;
    assert_eq!(world.read(&id).await.state(), wire::SettlementState::Divided);

    let bill = BillId::generate().to_string();
    world.confirm(&id, &bill).await.expect("confirmed");
    world.mesh.kill("adjudication");
    world.mesh.start_again("adjudication").await;
    let after = world.read(&id).await;
    assert_eq!((after.state(), after.bill_id.as_str()), (wire::SettlementState::Confirmed, bill.as_str()));
    assert_eq!(world.confirm(&id, &bill).await.expect("the same again"), after);
    assert_eq!(world.year().await.3, 1);
}

#[tokio::test]
async fn ad_02_ad_03_sixty_four_at_once_on_one_person_count_each_once() {
    let world = World::new().await;
    let mut visits = Vec::new();
    for _ in 0..64 {
        visits.push(world.visit_at("clinic", world.resident, CareKind::Outpatient, noon(3, 10)).await);
    }
    // One token each, asked for beforehand: who logs in is not what is tested.
    let (clinic, payment) = (world.caller("clinic"), world.caller("payment"));
    let (clinic, payment) = (clinic.fresh().await, payment.fresh().await);
    let divide = async |visit: &String, claim_id: String| {
        let request = wire::DivideClaimRequest { claim_id, ..claim_on(visit, COVERED, "100.00", last_year(3, 10)) };
        let divided = world.adjudication().divide_claim(clinic.request(request)).await.expect("divided").into_inner();
        (divided.claim.unwrap_or_default().claim_id, divided.settlement.unwrap_or_default().settlement_id)
    };
    let confirm = async |settlement_id: &String, bill_id: &String| {
        let (settlement_id, bill_id) = (settlement_id.clone(), bill_id.clone());
        let request = wire::ConfirmSettlementRequest { request_id: request_id(), settlement_id, bill_id };
        world.adjudication().confirm_settlement(payment.request(request)).await
    };
    // All are divided on the same year and confirmed at once: one moves it, whichever of them it is.
    let divided = futures_util::future::join_all(visits.iter().map(|visit| divide(visit, String::new()))).await;
    let bills: Vec<String> = visits.iter().map(|_| BillId::generate().to_string()).collect();
    let outcomes = divided.iter().zip(&bills).map(|((_, settlement), bill)| confirm(settlement, bill));
    let outcomes = futures_util::future::join_all(outcomes).await;
    let confirmed: Vec<usize> = (0..64).filter(|at| outcomes[*at].is_ok()).collect();
    assert_eq!(confirmed.len(), 1, "{outcomes:?}");
    for stale in outcomes.iter().filter_map(|outcome| outcome.as_ref().err()) {
        assert_eq!(reason(stale).as_str(), "STALE_DIVISION");
    }
    assert_eq!(world.year().await, ("100.00".to_owned(), "100.00".to_owned(), "0.00".to_owned(), 1));

    // The others are divided anew, and race on until all are through.
    let lane = |lane: usize| {
        let rest: Vec<usize> = (0..64).filter(|at| at % 4 == lane && !confirmed.contains(at)).collect();
        let (divide, confirm, divided, bills, visits) = (&divide, &confirm, &divided, &bills, &visits);
        async move {
            for at in rest {
                loop {
                    let (_, settlement) = divide(&visits[at], divided[at].0.clone()).await;
                    match confirm(&settlement, &bills[at]).await {
                        Ok(_) => break,
                        Err(stale) => assert_eq!(reason(&stale).as_str(), "STALE_DIVISION"),
                    }
                }
            }
        }
    };
    futures_util::future::join_all((0..4).map(lane)).await;
    let year = ("6400.00".to_owned(), "1300.00".to_owned(), "4590.00".to_owned(), 64);
    assert_eq!((world.year().await, world.year_by_settlements().await), (year.clone(), year));
}

#[tokio::test]
async fn ad_03_an_open_stay_keeps_outpatient_care_from_being_settled_until_it_ends() {
    let world = World::new().await;
    let stay = world.admitted("hospital", world.resident, noon(3, 1)).await;
    let visit = world.visit_at("clinic", world.resident, CareKind::Outpatient, noon(3, 10)).await;
    let request = claim_on(&visit, COVERED, "10.00", last_year(3, 10));
    let refused = world.adjudication().divide_claim(world.caller("clinic").request(request.clone()).await).await;
    let refused = refused.expect_err("she lies in hospital");
    assert_eq!((refused.code(), reason(&refused).as_str()), (Code::FailedPrecondition, "OPEN_STAY"));
    assert_eq!(crate::bad_claims::path(&refused), "visit_id");
    assert_eq!((world.count("claims").await, world.count("accumulators").await), (0, 0));
    // Care from before the admission is not the stay's.
    let before = world.settled(world.resident, 2, "10.00").await;
    assert_eq!(paid(&before.0).1, "10.00");

    world.discharged("hospital", &stay, noon(3, 20)).await;
    let request = wire::DivideClaimRequest { request_id: request_id(), ..request };
    let divided = world.adjudication().divide_claim(world.caller("clinic").request(request).await).await;
    divided.expect("she is home again");

    // One that is reported with its end keeps nothing waiting once that is heard.
    world.visit_at("hospital", world.resident, CareKind::Inpatient, noon(2, 20)).await;
    world.heard("(SELECT count(*) AS n FROM stays WHERE ended_at IS NOT NULL) AS ended WHERE n = 2").await;
    world.settled(world.resident, 4, "10.00").await;
}
