//! The referral journey as other organisations' programs walk it: nothing but JSON.

use std::time::Duration;

use devstack::callers::CLINIC;
use mesh_tests::{Answer, City, Patient, Rest, RestCaller, assert_invariants, in_minutes, requests};
use proto::anjia::adjudication::v1::DivideClaimResponse;
use proto::anjia::common::v1::CareKind;
use proto::anjia::identity::v1::{
    GetCoverageRequest, GetCoverageResponse, GetResidentRequest, GetResidentResponse, GrantConsentResponse,
};
use proto::anjia::payment::v1::{
    AuthoriseBillRequest, AuthoriseBillResponse, BillState, CaptureBillRequest, CaptureBillResponse, GetBillRequest,
    GetBillResponse, GetReceiptRequest, GetReceiptResponse, OrderState, QueryOrdersRequest, QueryOrdersResponse,
    ReportOrderRequest, ReportOrderResponse, VerifyReceiptRequest, VerifyReceiptResponse,
};
use proto::anjia::referral::v1::{
    AcceptReferralRequest, AcceptReferralResponse, CloseReferralRequest, CloseReferralResponse, GetJourneyRequest,
    GetJourneyResponse, GetReferralRequest, GetReferralResponse, Referral, ReferralState, SubmitReferralResponse,
};
use proto::anjia::scheduling::v1::{
    AppointmentState, CheckInRequest, CheckInResponse, ConfirmAppointmentRequest, ConfirmAppointmentResponse,
    EndVisitRequest, EndVisitResponse, HoldSlotResponse, SearchSlotsResponse, Visit, VisitOutcome,
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

    looks_and_books(&patient, &herself).await;

    // Another day she walks in; the clinic claims, and she pays on credit.
    let walk_in = requests::walk_in(&patient);
    let visit: CheckInResponse = clinic.call("scheduling.VisitService.CheckIn", &walk_in).await.expect("checked in");
    let visit_id = visit.visit.expect("a visit").visit_id;
    let end = EndVisitRequest {
        request_id: request_id(),
        visit_id,
        outcome: VisitOutcome::Completed.into(),
        occurred_at: Some(in_minutes(-5)),
        reason: String::new(),
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
    let booked = reaches(&hospital, &referral.referral_id, ReferralState::Booked).await;

    // She is admitted; the stay is claimed for, paid by the bank and receipted; the referral is done.
    let stay = stay(&patient, &hospital, &booked).await;
    paid(&rest, &patient, [&herself, &hospital], &booked, &stay).await;
    let attended = reaches(&hospital, &booked.referral_id, ReferralState::Attended).await;
    let close = CloseReferralRequest {
        request_id: request_id(),
        referral_id: attended.referral_id.clone(),
        version: attended.version,
    };
    let closed: CloseReferralResponse =
        hospital.call("referral.ReferralService.CloseReferral", &close).await.expect("closed");
    assert_eq!(closed.referral.expect("a referral").state(), ReferralState::Closed);

    // And back to the community, along the same journey.
    let consent = requests::consent(&patient, CLINIC);
    let _: GrantConsentResponse =
        herself.call("identity.ConsentService.GrantConsent", &consent).await.expect("granted");
    let down = requests::referral_down(&patient, &booked, &stay);
    let down: SubmitReferralResponse =
        herself.call("referral.ReferralService.SubmitReferral", &down).await.expect("submitted");
    let down = down.referral.expect("a referral");
    let slot = city.follow_up_hours(1).await.remove(0);
    let accept =
        AcceptReferralRequest { kind: CareKind::Outpatient.into(), ..requests::acceptance(&down, &slot.slot_id) };
    let _: AcceptReferralResponse =
        clinic.call("referral.ReferralService.AcceptReferral", &accept).await.expect("accepted");
    let down = reaches(&clinic, &down.referral_id, ReferralState::Booked).await;
    assert_eq!(down.journey_id, booked.journey_id);
    let journey = GetJourneyRequest { journey_id: down.journey_id, resident_id: patient.id.to_string() };
    let journey: GetJourneyResponse =
        herself.call("referral.JourneyService.GetJourney", &journey).await.expect("the journey is shown");
    assert_eq!(journey.journey.expect("a journey").referrals.len(), 2);
    assert_invariants(&city.mesh).await;
}

/// She looks at herself and her cover, and books.
async fn looks_and_books(patient: &Patient, herself: &RestCaller) {
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
    let wish = requests::hold(patient, &slot);
    let held: HoldSlotResponse = herself.call("scheduling.AppointmentService.HoldSlot", &wish).await.expect("held");
    let again: HoldSlotResponse =
        herself.call("scheduling.AppointmentService.HoldSlot", &wish).await.expect("replayed");
    assert_eq!(again, held, "sent again it is answered alike");
    let appointment_id = held.appointment.expect("an appointment").appointment_id;
    let confirm = ConfirmAppointmentRequest { request_id: request_id(), appointment_id };
    let confirmed: ConfirmAppointmentResponse =
        herself.call("scheduling.AppointmentService.ConfirmAppointment", &confirm).await.expect("confirmed");
    assert_eq!(confirmed.appointment.expect("an appointment").state(), AppointmentState::Confirmed);
}

/// She keeps her place in the hospital and is discharged.
async fn stay(patient: &Patient, hospital: &RestCaller, booked: &Referral) -> Visit {
    let walk_in = requests::walk_in(patient);
    let keep = CheckInRequest {
        request_id: walk_in.request_id,
        appointment_id: booked.appointment_id.clone(),
        present: walk_in.present,
        identity_proof: walk_in.identity_proof,
        credential: walk_in.credential,
        occurred_at: Some(in_minutes(0)),
        ..CheckInRequest::default()
    };
    let admitted: CheckInResponse = hospital.call("scheduling.VisitService.CheckIn", &keep).await.expect("admitted");
    let end = EndVisitRequest {
        request_id: request_id(),
        visit_id: admitted.visit.expect("a stay").visit_id,
        outcome: VisitOutcome::Discharged.into(),
        occurred_at: Some(in_minutes(0)),
        reason: String::new(),
    };
    let ended: EndVisitResponse = hospital.call("scheduling.VisitService.EndVisit", &end).await.expect("discharged");
    ended.visit.expect("a stay")
}

/// The claim of the stay is divided, the bill of its quote goes on as the claim's, the bank pays, and the receipt is found in the audit.
async fn paid(rest: &Rest, patient: &Patient, [herself, hospital]: [&RestCaller; 2], booked: &Referral, stay: &Visit) {
    let mut claim = requests::claim(&stay.visit_id, "20000.00");
    let opened_at = proto::convert::timestamp("opened_at", stay.opened_at.as_ref()).expect("a moment");
    let day = proto::convert::to_date(types::clock::local_date(opened_at));
    claim.lines.iter_mut().for_each(|line| line.on = Some(day));
    claim.quote_id.clone_from(&booked.quote_id);
    let divided: DivideClaimResponse =
        hospital.call("adjudication.AdjudicationService.DivideClaim", &claim).await.expect("divided");
    let settlement = divided.settlement.expect("a settlement");
    let bill = AuthoriseBillRequest { bill_id: booked.bill_id.clone(), ..requests::on_credit(patient, &settlement) };
    let authorised: AuthoriseBillResponse =
        herself.call("payment.BillService.AuthoriseBill", &bill).await.expect("authorised");
    let bill_id = authorised.bill.expect("a bill").bill_id;
    assert_eq!(bill_id, booked.bill_id, "what was reserved for the quote");
    let capture = CaptureBillRequest { request_id: request_id(), bill_id: bill_id.clone() };
    let _: CaptureBillResponse = hospital.call("payment.BillService.CaptureBill", &capture).await.expect("captured");

    let bank = rest.partner("bank").await;
    let order = until(async || {
        let orders: QueryOrdersResponse =
            bank.call("payment.BankService.QueryOrders", &QueryOrdersRequest::default()).await.expect("listed");
        orders.orders.into_iter().find(|order| order.bill_id == bill_id)
    })
    .await;
    let report = ReportOrderRequest {
        request_id: request_id(),
        bank_reference: format!("ANMIN-{}", order.order_id),
        order_id: order.order_id,
        outcome: OrderState::Succeeded.into(),
        amount: order.amount,
        occurred_at: Some(in_minutes(0)),
    };
    let _: ReportOrderResponse = bank.call("payment.BankService.ReportOrder", &report).await.expect("reported");
    let settled = until(async || {
        let get = GetBillRequest { bill_id: bill_id.clone() };
        let bill: GetBillResponse = herself.call("payment.BillService.GetBill", &get).await.expect("shown");
        bill.bill.filter(|bill| bill.state() == BillState::Settled)
    })
    .await;
    let get = GetReceiptRequest { receipt_id: settled.receipt_id };
    let receipt: GetReceiptResponse = herself.call("payment.BillService.GetReceipt", &get).await.expect("a receipt");
    let receipt = receipt.receipt.expect("a receipt");
    assert_eq!(receipt.total, claim.total);
    let verified = until(async || {
        let verify = VerifyReceiptRequest { receipt: Some(receipt.clone()) };
        match herself.call::<VerifyReceiptResponse>("payment.BillService.VerifyReceipt", &verify).await {
            Ok(verified) => Some(verified),
            Err(answer) if answer.reason() == "RECEIPT_NOT_SEALED" => None,
            Err(answer) => panic!("{answer:?}"),
        }
    })
    .await;
    assert!(verified.audit_position > 0);
}

async fn reaches(by: &RestCaller, referral_id: &str, state: ReferralState) -> Referral {
    until(async || {
        let referral = referral_as_seen(by, referral_id).await.expect("shown").referral?;
        (referral.state() == state).then_some(referral)
    })
    .await
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
