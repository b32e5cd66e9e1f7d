use std::time::Duration;

use proto::anjia::payment::v1::{self as pb, BillState};
use testkit::{reason, request_id};
use tonic::Code;
use types::ids::BillId;

use crate::world::{World, credit, on_quote, text};

#[tokio::test]
async fn py_06_a_cancelled_bill_holds_nothing_and_stays_cancelled() {
    let world = World::new().await;
    let line = world.line("100.00").await;
    let quote = world.quote("24.00").await;
    let bill = world.authorise("resident", on_quote(&quote, vec![credit(&line, "24.00")])).await.expect("authorised");
    for _ in 0..2 {
        let cancelled = world.cancel("resident", &bill.bill_id).await.expect("cancelled").expect("it is known");
        assert_eq!((cancelled.state(), cancelled.version), (BillState::Cancelled, 2));
    }
    assert_eq!(text(world.line_now(&line).await.held.as_ref()), "0.00");
    let late = pb::AuthoriseBillRequest { bill_id: bill.bill_id, ..on_quote(&quote, vec![]) };
    let late = world.authorise("resident", late).await.expect_err("cancelled");
    assert_eq!((late.code(), reason(&late).as_str()), (Code::Aborted, "BILL_CANCELLED"));
}

#[tokio::test]
async fn py_06_a_cancel_that_overtakes_its_authorisation_is_remembered() {
    let world = World::new().await;
    let bill_id = BillId::generate().to_string();
    for _ in 0..2 {
        assert_eq!(world.cancel("resident", &bill_id).await.expect("remembered"), None);
    }
    let late = pb::AuthoriseBillRequest { bill_id, ..on_quote(&world.quote("24.00").await, vec![]) };
    let late = world.authorise("resident", late).await.expect_err("cancelled before");
    assert_eq!((late.code(), reason(&late).as_str()), (Code::Aborted, "BILL_CANCELLED"));

    let foreign = world.cancel("clinic", &BillId::generate().to_string()).await.expect_err("not theirs to cancel");
    assert_eq!((foreign.code(), reason(&foreign).as_str()), (Code::PermissionDenied, "OUTSIDE_SCOPE"));
    let nobodys = pb::CancelBillRequest {
        request_id: request_id(),
        bill_id: BillId::generate().to_string(),
        resident_id: String::new(),
    };
    let nobodys = world.caller("clinic").request(nobodys).await;
    let unknown = world.bills().cancel_bill(nobodys).await.expect_err("unknown, for nobody");
    assert_eq!((unknown.code(), reason(&unknown).as_str()), (Code::NotFound, "BILL_NOT_FOUND"));
}

#[tokio::test]
async fn py_06_of_a_cancel_and_an_authorisation_that_race_one_wins() {
    let world = World::new().await;
    let line = world.line("1000.00").await;
    let quote = world.quote("24.00").await;
    let mut kept = 0;
    for _ in 0..12 {
        let bill_id = BillId::generate().to_string();
        let asked =
            pb::AuthoriseBillRequest { bill_id: bill_id.clone(), ..on_quote(&quote, vec![credit(&line, "24.00")]) };
        let (authorised, cancelled) =
            tokio::join!(world.authorise("resident", asked), world.cancel("resident", &bill_id));
        let cancelled = cancelled.expect("a cancel is never refused here");
        match authorised {
            // The cancel came after and found the bill.
            Ok(_) => assert_eq!(cancelled.map(|bill| bill.state()), Some(BillState::Cancelled)),
            Err(status) => assert_eq!((reason(&status).as_str(), cancelled), ("BILL_CANCELLED", None)),
        }
        kept += 1;
    }
    assert_eq!(kept, 12);
    assert_eq!(text(world.line_now(&line).await.held.as_ref()), "0.00");
    world.invariants_hold().await;
}

#[tokio::test]
async fn py_02_an_expired_reservation_frees_itself() {
    let world = World::with(&[("RESERVATION_DURATION_S", "1")]).await;
    let line = world.line("100.00").await;
    let quote = world.quote("24.00").await;
    let bill = world.authorise("resident", on_quote(&quote, vec![credit(&line, "24.00")])).await.expect("authorised");
    tokio::time::sleep(Duration::from_millis(1100)).await;
    let late = world.capture("resident", &bill.bill_id).await.expect_err("expired, or cancelled for it");
    assert_eq!(reason(&late), "BILL_NOT_AUTHORISED");
    world.until(&bill.bill_id, BillState::Cancelled).await;
    assert_eq!(text(world.line_now(&line).await.held.as_ref()), "0.00");
    world.invariants_hold().await;
}

#[tokio::test]
async fn py_06_a_cancelled_appointment_takes_its_bill_with_it() {
    let world = World::new().await;
    let line = world.line("100.00").await;
    let appointment = world.appointment().await;
    let quote = world.quote_for(&appointment, "24.00").await;
    let bill = world.authorise("resident", on_quote(&quote, vec![credit(&line, "24.00")])).await.expect("authorised");
    assert_eq!(bill.appointment_id, appointment);
    let other = world.authorise("resident", on_quote(&world.quote("24.00").await, vec![])).await.expect("authorised");
    world.cancel_appointment(&appointment).await;
    world.until(&bill.bill_id, BillState::Cancelled).await;
    assert_eq!(text(world.line_now(&line).await.held.as_ref()), "0.00");
    assert_eq!(world.bill(&other.bill_id).await.state(), BillState::Authorised);
}

#[tokio::test]
async fn py_02_an_expired_bill_that_cannot_be_cancelled_keeps_no_other_from_it() {
    let world = World::with(&[("RESERVATION_DURATION_S", "2")]).await;
    let line = world.line("100.00").await;
    let second = pb::GrantCreditLineRequest { agreement_sha256: "cd".repeat(32), ..world.grant_request("100.00") };
    let second = world.grant("bank", second).await.expect("another agreement");
    let authorised = async |line| {
        let quote = world.quote("24.00").await;
        let bill = world.authorise("resident", on_quote(&quote, vec![credit(line, "24.00")])).await;
        bill.expect("authorised").bill_id
    };
    let (broken, good) = (authorised(&line).await, authorised(&second).await);
    let mut owner = world.mesh.owner("payment").await;
    let mut holds = async |amount: &str| {
        sqlx::query("UPDATE credit_lines SET held = $2::numeric WHERE id = $1::uuid")
            .bind(&line.credit_line_id)
            .bind(amount)
            .execute(&mut owner)
            .await
            .expect("the line");
    };
    holds("0.00").await;
    world.until(&good, BillState::Cancelled).await;
    assert_eq!(world.bill(&broken).await.state(), BillState::Authorised, "its line would hold less than nothing");
    holds("24.00").await;
    world.until(&broken, BillState::Cancelled).await;
    world.invariants_hold().await;
}

#[tokio::test]
async fn py_06_a_patient_who_does_not_come_keeps_no_credit_held() {
    let world = World::new().await;
    let line = world.line("100.00").await;
    let appointment = world.appointment().await;
    let quote = world.quote_for(&appointment, "24.00").await;
    let bill = world.authorise("resident", on_quote(&quote, vec![credit(&line, "24.00")])).await.expect("authorised");
    let mut scheduling = world.mesh.owner("scheduling").await;
    sqlx::query(
        "INSERT INTO events (id, region, kind, subject, data, occurred_at) \
         VALUES (gen_random_uuid(), '110000', 'anjia.scheduling.appointment.no_show.v1', $1, '{}', now())",
    )
    .bind(&appointment)
    .execute(&mut scheduling)
    .await
    .expect("told");
    world.until(&bill.bill_id, BillState::Cancelled).await;
    assert_eq!(text(world.line_now(&line).await.held.as_ref()), "0.00");
}
