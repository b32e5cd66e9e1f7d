use proto::anjia::adjudication::v1 as wire;
use proto::anjia::common::v1::{CareKind, ExpectedLine};
use proto::anjia::scheduling::v1::IdentityProof;
use proto::convert::to_date;
use testkit::{callers, reason, request_id};
use tonic::Code;
use types::ids::{BillId, JourneyId, VisitId};

use crate::bad_claims::path;
use crate::world::{COVERED, OWN, World, claim, shares, today};

async fn settle(world: &World, desk: &str, kind: CareKind, amount: &str) -> wire::Settlement {
    let visit = world.visit(desk, world.resident, kind, JourneyId::generate()).await;
    let divided = world.divide(desk, &visit, COVERED, amount).await.expect("divided").settlement.unwrap_or_default();
    world.confirm(&divided.settlement_id, &BillId::generate().to_string()).await.expect("confirmed")
}

#[tokio::test]
async fn ad_02_the_year_runs_on_from_settlement_to_settlement() {
    let world = World::new().await;
    let filled = settle(&world, "clinic", CareKind::Outpatient, "1300.00").await;
    assert_eq!(shares(&filled), ("0.00".to_owned(), "1300.00".to_owned()));
    let stay = settle(&world, "hospital", CareKind::Inpatient, "10355.48").await;
    assert_eq!(shares(&stay), ("8240.49".to_owned(), "2114.99".to_owned()));
    let visit = settle(&world, "clinic", CareKind::Outpatient, "240.00").await;
    assert_eq!(shares(&visit), ("216.00".to_owned(), "24.00".to_owned()));
}

#[tokio::test]
async fn ad_02_a_division_that_others_overtook_is_stale_and_is_made_again() {
    let world = World::new().await;
    let first = world.visit("clinic", world.resident, CareKind::Outpatient, JourneyId::generate()).await;
    let second = world.visit("clinic", world.resident, CareKind::Outpatient, JourneyId::generate()).await;
    let early = world.divide("clinic", &first, COVERED, "1300.00").await.expect("divided");
    let late = world.divide("clinic", &second, COVERED, "240.00").await.expect("divided");
    let settlement = |divided: &wire::DivideClaimResponse| divided.settlement.clone().unwrap_or_default();
    world.confirm(&settlement(&early).settlement_id, &BillId::generate().to_string()).await.expect("confirmed");

    let bill = BillId::generate().to_string();
    let stale = world.confirm(&settlement(&late).settlement_id, &bill).await.expect_err("the year moved");
    assert_eq!((stale.code(), reason(&stale).as_str()), (Code::FailedPrecondition, "STALE_DIVISION"));

    let request = wire::DivideClaimRequest {
        claim_id: late.claim.unwrap_or_default().claim_id,
        ..claim(&second, COVERED, "240.00")
    };
    let request = world.caller("clinic").request(request).await;
    let again = world.adjudication().divide_claim(request).await.expect("divided anew").into_inner();
    assert_eq!(again.claim.as_ref().map(|claim| claim.version), Some(2));
    let confirmed = world.confirm(&settlement(&again).settlement_id, &bill).await.expect("confirmed");
    assert_eq!(shares(&confirmed), ("216.00".to_owned(), "24.00".to_owned()));
}

#[tokio::test]
async fn ad_02_of_concurrent_confirmations_on_one_person_the_year_counts_each_once() {
    let world = World::new().await;
    let mut settlements = Vec::new();
    for _ in 0..8 {
        let visit = world.visit("clinic", world.resident, CareKind::Outpatient, JourneyId::generate()).await;
        let divided = world.divide("clinic", &visit, COVERED, "100.00").await.expect("divided");
        settlements.push(divided.settlement.unwrap_or_default().settlement_id);
    }
    let confirmations = settlements.iter().map(|id| async { world.confirm(id, &BillId::generate().to_string()).await });
    let outcomes = futures_util::future::join_all(confirmations).await;
    let confirmed = outcomes.iter().filter(|outcome| outcome.is_ok()).count();
    // All were divided on the same year; the first moves it, and the others must be divided anew.
    assert_eq!(confirmed, 1, "{outcomes:?}");
    let mut owner = world.mesh.owner("adjudication").await;
    let in_scope: String =
        sqlx::query_scalar("SELECT sum(in_scope)::text FROM accumulators").fetch_one(&mut owner).await.expect("a sum");
    assert_eq!(in_scope, "100.00");
}

#[tokio::test]
async fn a_confirmation_repeated_for_its_bill_changes_nothing_and_for_another_is_refused() {
    let world = World::new().await;
    let visit = world.visit("clinic", world.resident, CareKind::Outpatient, JourneyId::generate()).await;
    let divided =
        world.divide("clinic", &visit, COVERED, "1500.00").await.expect("divided").settlement.unwrap_or_default();
    let bill = BillId::generate().to_string();
    let first = world.confirm(&divided.settlement_id, &bill).await.expect("confirmed");
    assert_eq!(world.confirm(&divided.settlement_id, &bill).await.expect("the same again"), first);
    let other = world.confirm(&divided.settlement_id, &BillId::generate().to_string()).await.expect_err("another bill");
    assert_eq!(reason(&other).as_str(), "SETTLEMENT_CONFIRMED");
}

#[tokio::test]
async fn each_refusal_of_a_claim_has_its_reason_and_changes_nothing() {
    let world = World::new().await;
    let unknown =
        world.divide("clinic", &VisitId::generate().to_string(), COVERED, "1.00").await.expect_err("no visit");
    assert_eq!((unknown.code(), reason(&unknown).as_str()), (Code::NotFound, "VISIT_NOT_FOUND"));

    let lying = types::ids::ResidentId::generate();
    world.register(lying).await;
    let journey = JourneyId::generate();
    let open = world.check_in("hospital", lying, CareKind::Inpatient, journey, IdentityProof::IdCard).await;
    let refused = world.divide("hospital", &open, COVERED, "1.00").await.expect_err("still open");
    assert_eq!((refused.code(), reason(&refused).as_str()), (Code::FailedPrecondition, "OPEN_STAY"));
    assert_eq!(path(&refused), "visit_id");

    let visit = world.visit("clinic", world.resident, CareKind::Outpatient, JourneyId::generate()).await;
    let foreign = world.divide("hospital", &visit, COVERED, "1.00").await.expect_err("another's visit");
    assert_eq!((foreign.code(), reason(&foreign).as_str()), (Code::PermissionDenied, "OUTSIDE_SCOPE"));

    let good = claim(&visit, COVERED, "10.00");
    let other_total = claim(&visit, OWN, "11.00").total;
    let tomorrow = to_date(today().succ_opt().expect("a day"));
    let mut outside = good.clone();
    outside.lines[0].on = Some(tomorrow);
    let cases = [
        (wire::DivideClaimRequest { total: other_total, ..good.clone() }, "LINES_DO_NOT_SUM"),
        (outside, "DATE_OUTSIDE_STAY"),
        (wire::DivideClaimRequest { lines: Vec::new(), ..good.clone() }, "INVALID_FIELD"),
    ];
    for (request, expected) in cases {
        let request = wire::DivideClaimRequest { request_id: request_id(), ..request };
        let request = world.caller("clinic").request(request).await;
        let refused = world.adjudication().divide_claim(request).await.expect_err(expected);
        assert_eq!((refused.code(), reason(&refused).as_str()), (Code::InvalidArgument, expected));
    }

    let mut owner = world.mesh.owner("adjudication").await;
    let claims: i64 = sqlx::query_scalar("SELECT count(*) FROM claims").fetch_one(&mut owner).await.expect("a count");
    assert_eq!(claims, 0);

    world.divide("clinic", &visit, COVERED, "10.00").await.expect("divided");
    let twice = world.divide("clinic", &visit, COVERED, "10.00").await.expect_err("claimed already");
    assert_eq!((twice.code(), reason(&twice).as_str()), (Code::AlreadyExists, "CLAIM_EXISTS"));
    assert_eq!(path(&twice), "visit_id");
}

#[tokio::test]
async fn id_10_nobody_is_paid_for_somebody_who_did_not_prove_who_they_are() {
    let world = World::new().await;
    let journey = JourneyId::generate();
    let unproven = world.check_in("clinic", world.resident, CareKind::Outpatient, journey, IdentityProof::None).await;
    let refused = world.divide("clinic", &unproven, COVERED, "1.00").await.expect_err("not proven");
    assert_eq!((refused.code(), reason(&refused).as_str()), (Code::FailedPrecondition, "IDENTITY_NOT_PROVEN"));
    let mut owner = world.mesh.owner("adjudication").await;
    let claims: i64 = sqlx::query_scalar("SELECT count(*) FROM claims").fetch_one(&mut owner).await.expect("a count");
    assert_eq!(claims, 0);

    let proven = world.visit("clinic", world.resident, CareKind::Outpatient, JourneyId::generate()).await;
    world.divide("clinic", &proven, COVERED, "1.00").await.expect("whoever did is paid for");
}

#[tokio::test]
async fn ad_02_the_id_of_another_claim_leaves_that_claim_alone() {
    let world = World::new().await;
    let first = world.visit("clinic", world.resident, CareKind::Outpatient, JourneyId::generate()).await;
    let divided = world.divide("clinic", &first, COVERED, "10.00").await.expect("divided").claim.unwrap_or_default();

    let second = world.visit("hospital", world.resident, CareKind::Inpatient, JourneyId::generate()).await;
    let request = wire::DivideClaimRequest { claim_id: divided.claim_id.clone(), ..claim(&second, COVERED, "99.00") };
    let request = world.caller("hospital").request(request).await;
    let refused = world.adjudication().divide_claim(request).await.expect_err("another's claim");
    assert_eq!((refused.code(), reason(&refused).as_str()), (Code::AlreadyExists, "CLAIM_EXISTS"));

    let get = world.caller("clinic").request(wire::GetClaimRequest { claim_id: divided.claim_id.clone() }).await;
    let now = world.adjudication().get_claim(get).await.expect("as it was").into_inner().claim;
    assert_eq!(now, Some(divided));
}

#[tokio::test]
async fn ad_03_a_claim_is_compared_with_a_quote_of_its_own_person_and_provider_only() {
    let world = World::new().await;
    let quoted = async |provider: uuid::Uuid| {
        let request = wire::QuoteCareRequest {
            request_id: request_id(),
            resident_id: world.resident.to_string(),
            provider_organisation_id: provider.to_string(),
            kind: CareKind::Outpatient.into(),
            on: Some(to_date(today())),
            lines: vec![ExpectedLine {
                item_code: COVERED.to_owned(),
                quantity: "1".to_owned(),
                unit_price: "777.00".to_owned(),
            }],
            ..Default::default()
        };
        let request = world.caller("resident").request(request).await;
        world.adjudication().quote_care(request).await.expect("a quote").into_inner().quote.unwrap_or_default().quote_id
    };
    let (own, foreign) = (quoted(callers::CLINIC).await, quoted(callers::HOSPITAL).await);
    let visit = world.visit("clinic", world.resident, CareKind::Outpatient, JourneyId::generate()).await;
    let cite = async |quote_id: String| {
        let request = wire::DivideClaimRequest { quote_id, ..claim(&visit, COVERED, "10.00") };
        world.adjudication().divide_claim(world.caller("clinic").request(request).await).await
    };
    let refused = cite(foreign).await.expect_err("the hospital's quote");
    assert_eq!((refused.code(), reason(&refused).as_str()), (Code::NotFound, "QUOTE_NOT_FOUND"));
    assert_eq!(path(&refused), "quote_id");
    let settlement = cite(own).await.expect("divided").into_inner().settlement.unwrap_or_default();
    assert!(!settlement.drift.is_empty(), "it is told why the price differs");
}
