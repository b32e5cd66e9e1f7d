//! A person with a history asks to be erased: an open bill blocks it, its end lets it go on by itself, whoever dies meanwhile, and
//! afterwards no database of the mesh can name her.

use std::time::{Duration, Instant};

use mesh_tests::{City, Patient, requests};
use proto::anjia::common::v1::ExportRequest;
use proto::anjia::identity::v1::privacy_service_client::PrivacyServiceClient;
use proto::anjia::identity::v1::resident_service_client::ResidentServiceClient;
use proto::anjia::identity::v1::{
    Erasure, ErasureState, ErasureWord, ExportResidentRequest, GetErasureRequest, GetResidentRequest,
    RequestErasureRequest,
};
use proto::anjia::payment::v1::{AuthoriseBillRequest, Payer, Share};
use proto::anjia::referral::v1::{ReturnReferralRequest, Returned};
use proto::anjia::scheduling::v1::appointment_service_client::AppointmentServiceClient;
use proto::anjia::scheduling::v1::{
    CancelAppointmentRequest, GetVisitRequest, visit_service_client::VisitServiceClient,
};
use sqlx::PgConnection;
use testkit::{reason, request_id};
use tonic::Status;

use crate::privacy::{SUMMARY, dump};

const DONE_WITHIN: Duration = Duration::from_secs(90);
const POLL: Duration = Duration::from_millis(250);

fn privacy(city: &City) -> PrivacyServiceClient<chassis::channel::Channel> {
    PrivacyServiceClient::new(city.channel("identity"))
}

async fn stands(city: &City, erasure_id: &str) -> Result<Erasure, Status> {
    let message = GetErasureRequest { erasure_id: erasure_id.to_owned() };
    let request = city.caller("operator").request(message).await;
    Ok(privacy(city).get_erasure(request).await?.into_inner().erasure.expect("it answers the request"))
}

/// Polls until it is so; identity may be away meanwhile.
async fn until(city: &City, erasure_id: &str, is_so: impl Fn(&Erasure) -> bool) -> Erasure {
    let begun = Instant::now();
    loop {
        let found = stands(city, erasure_id).await;
        if let Ok(found) = &found
            && is_so(found)
        {
            return found.clone();
        }
        assert!(begun.elapsed() < DONE_WITHIN, "{found:?}");
        tokio::time::sleep(POLL).await;
    }
}

/// A booking that came to nothing, and a referral that was returned.
async fn history(city: &City, patient: &Patient) {
    let slot = city.clinic_hours(1).await.remove(0);
    let held = city.hold(patient, &slot.slot_id).await.expect("a place is held");
    let cancel = CancelAppointmentRequest {
        request_id: request_id(),
        appointment_id: held.appointment_id,
        ..CancelAppointmentRequest::default()
    };
    let mut appointments = AppointmentServiceClient::new(city.channel("scheduling"));
    appointments.cancel_appointment(patient.caller.request(cancel).await).await.expect("the hold is cancelled");

    let referral = city.submit_referral(patient).await;
    let returned =
        Returned { reason: "NO_CAPACITY".to_owned(), advice: "请转区医院。".to_owned(), ..Returned::default() };
    let message = ReturnReferralRequest {
        request_id: request_id(),
        referral_id: referral.referral_id,
        version: referral.version,
        returned: Some(returned),
    };
    let request = city.caller("hospital").request(message).await;
    city.referrals().return_referral(request).await.expect("the referral is returned");
}

/// What the patient owes for a visit, to be paid at the clinic's desk.
fn at_the_desk(settlement: &proto::anjia::adjudication::v1::Settlement) -> AuthoriseBillRequest {
    let division = settlement.division.as_ref().expect("a settlement is divided");
    AuthoriseBillRequest {
        request_id: request_id(),
        basis: Some(proto::anjia::payment::v1::authorise_bill_request::Basis::SettlementId(
            settlement.settlement_id.clone(),
        )),
        payers: vec![Share { payer: Payer::Desk.into(), amount: division.person_total.clone(), ..Share::default() }],
        ..AuthoriseBillRequest::default()
    }
}

async fn rows(city: &City, service: &str, sql: &'static str, patient: &Patient) -> i64 {
    let url = &city.mesh.fleet().database(service).expect("it is there").owner;
    let mut owner = <PgConnection as sqlx::Connection>::connect(url).await.expect("its owner connects");
    sqlx::query_scalar(sql).bind(patient.id.uuid()).fetch_one(&mut owner).await.expect("it is counted")
}

#[tokio::test]
async fn id_08_a_person_with_an_open_bill_is_erased_by_itself_once_it_is_settled_whoever_dies_meanwhile() {
    let mut city = City::start().await;
    let patient = city.patient().await;
    let stranger = city.patient().await;
    history(&city, &patient).await;
    let visit = city.visit(&patient).await;
    let settlement = city.settlement(&visit, "240.00").await;
    let request = city.caller("clinic").request(at_the_desk(&settlement)).await;
    let bill = city.bills().authorise_bill(request).await.expect("a bill is opened").into_inner();
    let bill = bill.bill.expect("it answers the bill");

    let ask = RequestErasureRequest {
        request_id: request_id(),
        resident_id: patient.id.to_string(),
        ..RequestErasureRequest::default()
    };
    let asked = privacy(&city).request_erasure(patient.caller.request(ask).await).await.expect("she may ask");
    let id = asked.into_inner().erasure.expect("it answers the request").erasure_id;
    let blocked = until(&city, &id, |erasure| {
        let said = |name: &str, word| {
            erasure.standings.iter().any(|standing| standing.service == name && standing.word() == word)
        };
        said("payment", ErasureWord::Open)
            && said("adjudication", ErasureWord::Open)
            && said("scheduling", ErasureWord::Clear)
    })
    .await;
    assert_eq!(blocked.state(), ErasureState::Blocked);
    let open: Vec<(&str, &str)> = blocked
        .standings
        .iter()
        .flat_map(|standing| &standing.open)
        .map(|open| (open.kind.as_str(), open.id.as_str()))
        .collect();
    assert_eq!(open, [("SETTLEMENT", settlement.settlement_id.as_str()), ("BILL", bill.bill_id.as_str())]);

    // One of them dies, the bill is settled, and the request goes on by itself; then identity dies, too.
    city.kill("scheduling");
    city.capture(&bill).await.expect("the clinic captures");
    until(&city, &id, |erasure| erasure.state() == ErasureState::Closing).await;
    city.kill("identity");
    city.start_again("scheduling").await;
    city.start_again("identity").await;
    let done = until(&city, &id, |erasure| erasure.state() == ErasureState::Completed).await;

    let receipt = done.receipt.expect("she is given a receipt");
    for (zh, en) in [("《会计档案管理办法》", "accounting"), ("《医疗机构管理条例实施细则》", "outpatient records")]
    {
        assert!(receipt.zh.contains(zh) && receipt.en.contains(en), "{receipt:?}");
    }
    nobody_can_name_her(&city, &patient, &receipt.zh).await;
    what_is_kept_is_refused_and_told(&city, &patient, &visit.visit_id).await;
    let get = GetResidentRequest { resident_id: stranger.id.to_string() };
    let mut residents = ResidentServiceClient::new(city.channel("identity"));
    residents.get_resident(stranger.caller.request(get).await).await.expect("nobody else is touched");
    mesh_tests::assert_invariants(&city.mesh).await;
}

/// Neither in the open nor under a key that anybody has.
async fn nobody_can_name_her(city: &City, patient: &Patient, receipt: &str) {
    let known = ["陈淑芬", patient.national_id.expose(), SUMMARY];
    for service in devstack::SERVICES {
        let dump = dump(city, service).await;
        assert!(dump.contains(&patient.id.to_string()), "{service} keeps her number");
        for known in known {
            assert!(!dump.contains(known) && !dump.contains(&hex::encode(known)), "{known} stands in {service}");
        }
        let answers =
            "SELECT count(*) FROM requests WHERE resident_ids @> ARRAY[$1] OR subject = 'resident:' || $1::uuid";
        assert_eq!(rows(city, service, answers, patient).await, 0, "answers about her in {service}");
    }
    assert!(known.iter().all(|known| !receipt.contains(known)));
    for sql in [
        "SELECT count(*) FROM identifiers WHERE resident_id = $1",
        "SELECT num_nonnulls(name_sealed, birth_date_sealed, sex_sealed, name_birth_index)::bigint FROM residents WHERE id = $1",
    ] {
        assert_eq!(rows(city, "identity", sql, patient).await, 0, "{sql}");
    }
    let cancelled = "SELECT count(*) FROM appointments WHERE resident_id = $1";
    assert_eq!(rows(city, "scheduling", cancelled, patient).await, 0, "the booking that came to nothing");
    assert_eq!(
        rows(city, "scheduling", "SELECT count(*) FROM visits WHERE resident_id = $1", patient).await,
        2,
        "the visit that was billed, and that of the referral"
    );
}

/// The clinic's staff get no more of it, and an operator is told what there is and why.
async fn what_is_kept_is_refused_and_told(city: &City, patient: &Patient, visit_id: &str) {
    let mut visits = VisitServiceClient::new(city.channel("scheduling"));
    let get = GetVisitRequest { visit_id: visit_id.to_owned() };
    let refused = visits.get_visit(city.caller("clinic").request(get).await).await.expect_err("it is only kept");
    assert_eq!(reason(&refused), "RESIDENT_ERASED");
    let claim = requests::claim(visit_id, "240.00");
    let refused = proto::anjia::adjudication::v1::adjudication_service_client::AdjudicationServiceClient::new(
        city.channel("adjudication"),
    )
    .divide_claim(city.caller("clinic").request(claim).await)
    .await
    .expect_err("nothing new begins");
    assert_eq!(reason(&refused), "RESIDENT_ERASED");

    let asked = ExportRequest {
        resident_id: patient.id.to_string(),
        reason: "after the erasure".to_owned(),
        page_size: 200,
        ..ExportRequest::default()
    };
    let request = city.caller("operator").request(ExportResidentRequest { export: Some(asked) }).await;
    let page = privacy(city).export_resident(request).await.expect("an operator may see what is kept").into_inner();
    let rows = page.page.expect("it is there").rows;
    let resident = rows.iter().find(|row| row.table == "residents").expect("the number is left");
    assert!(resident.json.contains("\"ERASED\""), "{}", resident.json);
    assert!(rows.iter().any(|row| row.table == "enrolments" && row.retention_rule == "insurance"));
    assert!(rows.iter().all(|row| row.table != "identifiers"));
}
