//! What a claim may not be: refused with its reason and path, nothing stored, nothing accumulated.

use proto::anjia::adjudication::v1 as wire;
use proto::anjia::common::v1::{CareKind, ExpectedLine};
use proto::anjia::scheduling::v1::IdentityProof;
use proto::convert::{to_date, to_money};
use testkit::{callers, reason, request_id};
use tonic::Code;
use tonic_types::StatusExt as _;
use types::ids::{JourneyId, ResidentId, VisitId};

use crate::days::{claim_on, last_year};
use crate::world::{BEIJING, COVERED, World, claim, money, shares, today};

/// Where the fault lies, as the refusal says.
pub(crate) fn path(status: &tonic::Status) -> String {
    let details = status.get_error_details();
    let named = details.bad_request().and_then(|bad| bad.field_violations.first()).map(|field| field.field.clone());
    let metadata = details.error_info().and_then(|info| info.metadata.get("path").cloned());
    named.or(metadata).unwrap_or_default()
}

#[tokio::test]
async fn ad_03_bad_claims_are_refused_with_reason_and_path_and_leave_nothing() {
    let world = World::new().await;
    let visit = world.visit("clinic", world.resident, CareKind::Outpatient, JourneyId::generate()).await;
    let good = claim(&visit, COVERED, "10.00");
    let line = |change: fn(&mut wire::ClaimLine)| {
        let mut request = good.clone();
        change(&mut request.lines[0]);
        request
    };
    let with = |change: fn(&mut wire::DivideClaimRequest)| {
        let mut request = good.clone();
        change(&mut request);
        request
    };
    let many = wire::DivideClaimRequest { lines: vec![good.lines[0].clone(); 10_001], ..good.clone() };
    let cases = [
        (line(|line| line.item_code = String::new()), "INVALID_FIELD", "lines[0].item_code"),
        (line(|line| line.item_code = "未知\u{0}".to_owned()), "INVALID_FIELD", "lines[0].item_code"),
        (line(|line| line.item_code = "T-UNKNOWN".to_owned()), "ITEM_NOT_IN_CATALOGUE", "lines[0].item_code"),
        (line(|line| line.quantity = "-1".to_owned()), "INVALID_FIELD", "lines[0].quantity"),
        (line(|line| line.quantity = "0".to_owned()), "INVALID_FIELD", "lines[0].quantity"),
        (line(|line| line.unit_price = "-10".to_owned()), "INVALID_FIELD", "lines[0].unit_price"),
        (line(|line| line.unit_price = "9.99".to_owned()), "LINES_DO_NOT_SUM", "lines[0].amount"),
        (line(|line| line.amount = Some(to_money(money("9.00")))), "LINES_DO_NOT_SUM", "lines[0].amount"),
        (line(|line| line.on = None), "INVALID_FIELD", "lines[0].on"),
        (line(|line| line.on = Some(to_date(today() + chrono::Days::new(1)))), "DATE_OUTSIDE_STAY", "lines[0].on"),
        (with(|request| request.total = Some(to_money(money("11.00")))), "LINES_DO_NOT_SUM", "total"),
        (with(|request| request.total = None), "INVALID_FIELD", "total"),
        (
            with(|request| request.total.as_mut().expect("set").currency_code = "USD".to_owned()),
            "INVALID_FIELD",
            "total",
        ),
        (with(|request| request.lines.clear()), "INVALID_FIELD", "lines"),
        (with(|request| request.diagnoses.clear()), "INVALID_FIELD", "diagnoses"),
        (with(|request| request.visit_id = String::new()), "INVALID_FIELD", "visit_id"),
        (many, "INVALID_FIELD", "lines"),
    ];
    for (request, wanted, at) in cases {
        let request = wire::DivideClaimRequest { request_id: request_id(), ..request };
        let refused = world.adjudication().divide_claim(world.caller("clinic").request(request).await).await;
        let refused = refused.expect_err(at);
        let found = path(&refused);
        assert_eq!((refused.code(), reason(&refused).as_str()), (Code::InvalidArgument, wanted), "{at}: {refused:?}");
        assert!(found.starts_with(at), "{found} for {at}");
    }
    let nowhere = claim(&VisitId::generate().to_string(), COVERED, "10.00");
    let refused = world.adjudication().divide_claim(world.caller("clinic").request(nowhere).await).await;
    let refused = refused.expect_err("no visit");
    assert_eq!((refused.code(), reason(&refused).as_str()), (Code::NotFound, "VISIT_NOT_FOUND"));
    assert_eq!(path(&refused), "visit_id");
    let journey = JourneyId::generate();
    let unproven = world.check_in("clinic", world.resident, CareKind::Outpatient, journey, IdentityProof::None).await;
    let refused = world.divide("clinic", &unproven, COVERED, "10.00").await.expect_err("not proven");
    assert_eq!((refused.code(), reason(&refused).as_str()), (Code::FailedPrecondition, "IDENTITY_NOT_PROVEN"));
    assert_eq!(path(&refused), "visit_id");
    for table in ["claims", "claim_lines", "settlements", "accumulators", "clearing_entries"] {
        assert_eq!(world.count(table).await, 0, "{table}");
    }
    assert_eq!(world.count("events WHERE kind LIKE 'anjia.adjudication.settlement.%'").await, 0);
}

#[tokio::test]
async fn ad_03_what_is_in_no_catalogue_is_neither_quoted_nor_put_in_place_of_what_was_billed() {
    let world = World::new().await;
    let unknown = |name: &str| (Code::InvalidArgument, "ITEM_NOT_IN_CATALOGUE".to_owned(), name.to_owned());
    let told = |refused: &tonic::Status| (refused.code(), reason(refused), path(refused));
    let line = |code: &str| ExpectedLine { item_code: code.to_owned(), quantity: "1".into(), unit_price: "9".into() };
    let request = wire::QuoteCareRequest {
        request_id: request_id(),
        resident_id: world.resident.to_string(),
        provider_organisation_id: callers::CLINIC.to_string(),
        kind: CareKind::Outpatient.into(),
        on: Some(to_date(today())),
        lines: vec![line(COVERED), line("T-UNKNOWN")],
        ..Default::default()
    };
    let request = world.caller("resident").request(request).await;
    let refused = world.adjudication().quote_care(request).await.expect_err("of the second nobody knows anything");
    assert_eq!(told(&refused), unknown("lines[1].item_code"));
    assert_eq!(world.count("quotes").await, 0);

    let (settled, _) = world.settled(world.resident, 3, "100.00").await;
    let mut request = wire::CorrectClaimRequest {
        request_id: request_id(),
        claim_id: settled.claim_id.clone(),
        reason: wire::ChangeReason::BilledWrong.into(),
        ..Default::default()
    };
    let claimed = claim_on("", "T-UNKNOWN", "90.00", last_year(3, 10));
    (request.diagnoses, request.lines, request.total) = (claimed.diagnoses, claimed.lines, claimed.total);
    let request = world.caller("clinic").request(request).await;
    let refused = world.adjudication().correct_claim(request).await.expect_err("nor of this");
    assert_eq!(told(&refused), unknown("lines[0].item_code"));
    assert_eq!(world.count("settlements").await, 1);
}

#[tokio::test]
async fn ad_03_two_policies_cannot_match_one_claim() {
    let world = World::new().await;
    // The same region, scheme and first day, another document.
    let other = BEIJING.replacen("beijing-employee-2023", "beijing-employee-2023-again", 1);
    let proposed = world.propose(&other).await.expect("complete");
    let refused = world.release("insurer-releaser", &proposed.policy_id).await.expect_err("one is in force");
    assert_eq!((refused.code(), reason(&refused).as_str()), (Code::FailedPrecondition, "POLICY_OVERLAPS"));
    assert_eq!(path(&refused), "effective.from");
}

#[tokio::test]
async fn ad_03_ad_04_who_is_not_insured_bears_all_and_is_told_why() {
    let world = World::new().await;
    let stranger = ResidentId::generate();
    world.register(stranger).await;
    let visit = world.visit("clinic", stranger, CareKind::Outpatient, JourneyId::generate()).await;
    let divided = world.divide("clinic", &visit, COVERED, "240.00").await.expect("never refused for cover");
    let settlement = divided.settlement.unwrap_or_default();
    assert_eq!(shares(&settlement), ("0.00".to_owned(), "240.00".to_owned()));
    let why = &settlement.explanation[0];
    assert_eq!(why.rule, "NOT_ENROLLED");
    let text = why.text.clone().unwrap_or_default();
    assert!(text.zh.contains("240.00") && text.en.contains("240.00"));
    assert_eq!(world.count("accumulators").await, 0);
}
