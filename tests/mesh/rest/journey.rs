//! The referral journey as other organisations' programs walk it: nothing but JSON.

use std::time::Duration;

use mesh_tests::{Answer, City, Rest, RestCaller, assert_invariants, in_minutes, requests};
use proto::anjia::adjudication::v1::DivideClaimResponse;
use proto::anjia::identity::v1::{GetCoverageRequest, GetCoverageResponse, GetResidentRequest, GetResidentResponse};
use proto::anjia::payment::v1::{
    AuthoriseBillResponse, BillState, CaptureBillRequest, CaptureBillResponse, GetBillRequest, GetBillResponse,
    QueryOrdersRequest, QueryOrdersResponse,
};
use proto::anjia::referral::v1::{
    AcceptReferralResponse, GetJourneyRequest, GetJourneyResponse, GetReferralRequest, GetReferralResponse,
    ReferralState, SubmitReferralResponse,
};
use proto::anjia::scheduling::v1::{
    AppointmentState, CheckInResponse, ConfirmAppointmentRequest, ConfirmAppointmentResponse, EndVisitRequest,
    EndVisitResponse, HoldSlotResponse, SearchSlotsResponse, VisitOutcome,
};
use proto::google::r#type::Date;
use testkit::request_id;

/// A minute, as long as any work may take that goes on by itself.
const TRIES: u32 = 300;

#[tokio::test]
async fn pl_03_the_referral_journey_is_walked_in_json() {
    let Some((city, rest)) = City::behind_gateway().await else { return };
    let patient = city.patient().await;
    let herself = rest.app(&patient.caller.client().client_id).await;
    let (clinic, hospital) = (rest.app("clinic").await, rest.partner("hospital").await);
    city.clinic_hours(2).await;
    let beds = city.ward(1).await;

    // She looks at herself and her cover, and books.
    let own = GetResidentRequest { resident_id: patient.id.to_string() };
    let shown: GetResidentResponse = herself.call("identity.ResidentService.GetResident", &own).await.expect("shown");
    assert_eq!(shown.resident.expect("a resident").resident_id, patient.id.to_string());
    let cover = GetCoverageRequest {
        resident_id: patient.id.to_string(),
        on: Some(Date { year: 2024, month: 3, day: 1 }),
        ..GetCoverageRequest::default()
    };
    let cover: GetCoverageResponse =
        herself.call("identity.EnrolmentService.GetCoverage", &cover).await.expect("the query names a day");
    assert_eq!(cover.coverage.expect("a cover").resident_id, patient.id.to_string());
    let offer = until(async || {
        let found: SearchSlotsResponse =
            herself.call("scheduling.SessionService.SearchSlots", &requests::near_clinic()).await.ok()?;
        found.offers.into_iter().next()
    })
    .await;
    let slot = offer.slot.expect("an offer has a slot").slot_id;
    let wish = requests::hold(&patient, &slot);
    let held: HoldSlotResponse = herself.call("scheduling.AppointmentService.HoldSlot", &wish).await.expect("held");
    let again: HoldSlotResponse =
        herself.call("scheduling.AppointmentService.HoldSlot", &wish).await.expect("replayed");
    assert_eq!(again, held, "sent again it is answered alike");
    let appointment_id = held.appointment.expect("an appointment").appointment_id;
    let confirm = ConfirmAppointmentRequest { request_id: request_id(), appointment_id };
    let confirmed: ConfirmAppointmentResponse =
        herself.call("scheduling.AppointmentService.ConfirmAppointment", &confirm).await.expect("confirmed");
    assert_eq!(confirmed.appointment.expect("an appointment").state(), AppointmentState::Confirmed);

    // Another day she walks in; the clinic claims, and she pays on credit.
    let walk_in = requests::walk_in(&patient);
    let visit: CheckInResponse = clinic.call("scheduling.VisitService.CheckIn", &walk_in).await.expect("checked in");
    let visit_id = visit.visit.expect("a visit").visit_id;
    let end = EndVisitRequest {
        request_id: request_id(),
        visit_id,
        outcome: VisitOutcome::Completed.into(),
        occurred_at: Some(in_minutes(-5)),
    };
    let ended: EndVisitResponse = clinic.call("scheduling.VisitService.EndVisit", &end).await.expect("ended");
    let visit = ended.visit.expect("a visit");
    let claim = requests::claim(&visit.visit_id, "240.00");
    let divided: DivideClaimResponse =
        clinic.call("adjudication.AdjudicationService.DivideClaim", &claim).await.expect("divided");
    let settlement = divided.settlement.expect("a settlement");
    let bill = requests::on_credit(&patient, &settlement);
    let authorised: AuthoriseBillResponse =
        herself.call("payment.BillService.AuthoriseBill", &bill).await.expect("authorised");
    let bill_id = authorised.bill.expect("a bill").bill_id;
    let capture = CaptureBillRequest { request_id: request_id(), bill_id: bill_id.clone() };
    let _: CaptureBillResponse = clinic.call("payment.BillService.CaptureBill", &capture).await.expect("captured");
    until(async || {
        let get = GetBillRequest { bill_id: bill_id.clone() };
        let bill: GetBillResponse = herself.call("payment.BillService.GetBill", &get).await.expect("shown");
        bill.bill.filter(|bill| bill.state() == BillState::Captured)
    })
    .await;
    bank_sees_orders(&rest).await;

    // She is referred up, and the hospital accepts.
    let submit = requests::referral(&patient, &visit);
    let submitted: SubmitReferralResponse =
        herself.call("referral.ReferralService.SubmitReferral", &submit).await.expect("submitted");
    let referral = submitted.referral.expect("a referral");
    // Not at the hour for which she has booked.
    let bed = beds.last().expect("a ward has beds");
    let accept = requests::acceptance(&referral, &bed.slot_id);
    let _: AcceptReferralResponse =
        hospital.call("referral.ReferralService.AcceptReferral", &accept).await.expect("accepted");
    let booked = until(async || {
        let referral = referral_as_seen(&hospital, &referral.referral_id).await.expect("shown").referral?;
        (referral.state() == ReferralState::Booked).then_some(referral)
    })
    .await;
    let journey = GetJourneyRequest { journey_id: booked.journey_id, resident_id: patient.id.to_string() };
    let journey: GetJourneyResponse =
        herself.call("referral.JourneyService.GetJourney", &journey).await.expect("the journey is shown");
    assert_eq!(journey.journey.expect("a journey").referrals.len(), 1);
    assert_invariants(&city.mesh).await;
}

async fn bank_sees_orders(rest: &Rest) {
    let bank = rest.partner("bank").await;
    until(async || {
        let orders: QueryOrdersResponse =
            bank.call("payment.BankService.QueryOrders", &QueryOrdersRequest::default()).await.expect("listed");
        orders.orders.into_iter().next()
    })
    .await;
}

async fn referral_as_seen(by: &RestCaller, referral_id: &str) -> Result<GetReferralResponse, Answer> {
    by.call("referral.ReferralService.GetReferral", &GetReferralRequest { referral_id: referral_id.to_owned() }).await
}

async fn until<T>(mut asked: impl AsyncFnMut() -> Option<T>) -> T {
    for _ in 0..TRIES {
        if let Some(answer) = asked().await {
            return answer;
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    panic!("it did not come about within a minute");
}
