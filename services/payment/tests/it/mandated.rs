//! What referral commits of a resident's money: what her mandate says, once, and nothing else.

use chassis::{Context, Mandate};
use proto::anjia::adjudication::v1 as adjudication;
use proto::anjia::adjudication::v1::adjudication_service_client::AdjudicationServiceClient;
use proto::anjia::common::v1 as common;
use proto::anjia::identity::v1::mandate_service_client::MandateServiceClient;
use proto::anjia::identity::v1::{MandatedCredit, RecordMandateRequest};
use proto::anjia::payment::v1::{self as pb, BillState, Payer};
use proto::convert::to_date;
use testkit::{callers, reason, request_id};
use tonic::{Code, Status};
use types::clock::{Clock as _, SystemClock, local_date};
use types::ids::{BillId, ReferralId};
use types::region::RegionCode;

use crate::world::{ITEM, World, credit, money, on_quote, resident, share, text};

const METHODS: [&str; 4] = [
    "anjia.adjudication.v1.AdjudicationService/QuoteCare",
    "anjia.adjudication.v1.AdjudicationService/GetQuote",
    "anjia.payment.v1.BillService/AuthoriseBill",
    "anjia.payment.v1.BillService/CancelBill",
];

/// Referral at work on one referral.
struct GoingOn {
    ctx: Context,
    referral: String,
}

impl World {
    /// Referral goes on under a mandate that the resident gives now, with credit up to so much of her own share.
    async fn goes_on(&self, line: &pb::CreditLine, own_share_max: &str) -> GoingOn {
        let referral = ReferralId::generate().to_string();
        let mut request = tonic::Request::new(RecordMandateRequest {
            request_id: request_id(),
            resident_id: resident().to_string(),
            work: format!("referral:{referral}"),
            credit: Some(MandatedCredit {
                credit_line_id: line.credit_line_id.clone(),
                own_share_max: Some(money(own_share_max)),
            }),
            valid_days: 1,
            ..Default::default()
        });
        let hers = self.caller("resident").request(()).await;
        let token = hers.metadata().get("authorization").expect("a token").clone();
        request.metadata_mut().insert("authorization", token);
        let mut mandates = MandateServiceClient::new(self.mesh.channel_as("referral", "identity"));
        let given = mandates.record_mandate(request).await.expect("hers to give").into_inner();
        let mandate = Mandate {
            id: given.mandate.unwrap_or_default().mandate_id.parse().expect("an id"),
            region: RegionCode::BEIJING,
            methods: METHODS.map(str::to_owned).to_vec(),
        };
        let credentials = self.mesh.fleet().credentials("referral").expect("it has a key");
        GoingOn { ctx: credentials.continuation(&mandate).await.expect("it stands"), referral }
    }

    /// What care is expected to cost her along a referral, or without one.
    async fn quote_along(&self, ctx: &Context, referral_id: &str, amount: &str) -> Result<String, Status> {
        let message = adjudication::QuoteCareRequest {
            request_id: request_id(),
            resident_id: resident().to_string(),
            provider_organisation_id: callers::CLINIC.to_string(),
            kind: common::CareKind::Outpatient.into(),
            on: Some(to_date(local_date(SystemClock.now()))),
            lines: vec![common::ExpectedLine {
                item_code: ITEM.to_owned(),
                quantity: "1".to_owned(),
                unit_price: amount.to_owned(),
            }],
            referral_id: referral_id.to_owned(),
            ..Default::default()
        };
        let mut adjudication = AdjudicationServiceClient::new(self.mesh.channel("adjudication"));
        let quoted = adjudication.quote_care(ctx.request(message)).await?.into_inner();
        Ok(quoted.quote.unwrap_or_default().quote_id)
    }

    async fn quoted(&self, going_on: &GoingOn, amount: &str) -> String {
        self.quote_along(&going_on.ctx, &going_on.referral, amount).await.expect("priced")
    }

    async fn commits(&self, going_on: &GoingOn, message: pb::AuthoriseBillRequest) -> Result<pb::Bill, Status> {
        let answer = self.bills().authorise_bill(going_on.ctx.request(message)).await?;
        Ok(answer.into_inner().bill.unwrap_or_default())
    }

    async fn gives_up(&self, ctx: &Context, bill_id: &str) -> Result<pb::Bill, Status> {
        let message = pb::CancelBillRequest {
            request_id: request_id(),
            bill_id: bill_id.to_owned(),
            resident_id: resident().to_string(),
        };
        Ok(self.bills().cancel_bill(ctx.request(message)).await?.into_inner().bill.unwrap_or_default())
    }
}

fn refused<T: std::fmt::Debug>(outcome: Result<T, Status>) -> (Code, String) {
    let status = outcome.expect_err("refused");
    (status.code(), reason(&status))
}

fn denied(reason: &str) -> (Code, String) {
    (Code::PermissionDenied, reason.to_owned())
}

#[tokio::test]
async fn rf_04_under_a_mandate_its_own_line_alone_pays_and_up_to_its_highest_own_share() {
    let world = World::new().await;
    let line = world.line("5000.00").await;
    let agreement = pb::GrantCreditLineRequest { agreement_sha256: "cd".repeat(32), ..world.grant_request("5000.00") };
    let another = world.grant("bank", agreement).await.expect("granted");
    let going_on = world.goes_on(&line, "100.00").await;

    let dearer = world.quoted(&going_on, "100.01").await;
    let above = world.commits(&going_on, on_quote(&dearer, vec![credit(&line, "100.01")])).await;
    assert_eq!(refused(above), denied("OWN_SHARE_ABOVE_MANDATE"));
    let quote = world.quoted(&going_on, "100.00").await;
    for payers in [
        vec![credit(&another, "100.00")],
        vec![credit(&line, "50.00"), credit(&another, "50.00")],
        vec![credit(&line, "50.00"), share(Payer::Arrears, "50.00")],
        vec![share(Payer::Arrears, "100.00")],
        vec![share(Payer::Desk, "100.00")],
        vec![],
    ] {
        let outside = world.commits(&going_on, on_quote(&quote, payers.clone())).await;
        assert_eq!(refused(outside), denied("OUTSIDE_MANDATE"), "{payers:?}");
    }
    let bill = world.commits(&going_on, on_quote(&quote, vec![credit(&line, "100.00")])).await.expect("as she said");
    assert_eq!(bill.state(), BillState::Authorised);
    let held = (world.line_now(&line).await.held, world.line_now(&another).await.held);
    assert_eq!((text(held.0.as_ref()), text(held.1.as_ref())), ("100.00".to_owned(), "0.00".to_owned()));
    world.invariants_hold().await;
}

#[tokio::test]
async fn rf_04_a_mandate_pays_for_the_care_of_its_own_referral() {
    let world = World::new().await;
    let line = world.line("5000.00").await;
    let going_on = world.goes_on(&line, "100.00").await;
    let another = ReferralId::generate().to_string();
    for referral in [another.as_str(), ""] {
        let priced = world.quote_along(&going_on.ctx, referral, "24.00").await;
        assert_eq!(refused(priced), denied("OUTSIDE_MANDATE"));
        // One that she asked for herself is not for its work either.
        let hers = world.caller("resident").context().await.expect("a token");
        let quote = world.quote_along(&hers, referral, "24.00").await.expect("priced");
        let outside = world.commits(&going_on, on_quote(&quote, vec![credit(&line, "24.00")])).await;
        assert_eq!(refused(outside), denied("OUTSIDE_MANDATE"));
    }
    assert_eq!(text(world.line_now(&line).await.held.as_ref()), "0.00");
}

#[tokio::test]
async fn py_02_a_mandate_holds_credit_once_however_many_bills_are_asked_for_at_once() {
    let world = World::new().await;
    let line = world.line("5000.00").await;
    let going_on = world.goes_on(&line, "100.00").await;
    let mut quotes = Vec::new();
    for _ in 0..16 {
        quotes.push(world.quoted(&going_on, "100.00").await);
    }
    let mut running = tokio::task::JoinSet::new();
    for quote in &quotes {
        let request = going_on.ctx.request(on_quote(quote, vec![credit(&line, "100.00")]));
        let mut bills = world.bills();
        running.spawn(async move { bills.authorise_bill(request).await });
    }
    let (opened, others): (Vec<_>, Vec<_>) = running.join_all().await.into_iter().partition(Result::is_ok);
    assert_eq!((opened.len(), others.len()), (1, 15));
    for other in others {
        assert_eq!(refused(other), (Code::AlreadyExists, "MANDATE_BILLED".to_owned()));
    }
    assert_eq!(text(world.line_now(&line).await.held.as_ref()), "100.00");

    // What was given up may be taken again, by an acceptance that is tried anew.
    let bill = opened.into_iter().flatten().next().expect("one").into_inner().bill.unwrap_or_default();
    world.gives_up(&going_on.ctx, &bill.bill_id).await.expect("its own");
    let anew = world.quoted(&going_on, "100.00").await;
    world.commits(&going_on, on_quote(&anew, vec![credit(&line, "100.00")])).await.expect("free again");
    assert_eq!(text(world.line_now(&line).await.held.as_ref()), "100.00");
    world.invariants_hold().await;
}

#[tokio::test]
async fn rf_04_referral_re_bases_and_gives_up_its_own_bills_only() {
    let world = World::new().await;
    let line = world.line("5000.00").await;
    let (going_on, elsewhere) = (world.goes_on(&line, "100.00").await, world.goes_on(&line, "100.00").await);
    let own_name = world.caller("referral").context().await.expect("a token");
    let hers = on_quote(&world.quote("24.00").await, vec![credit(&line, "24.00")]);
    let hers = world.authorise("resident", hers).await.expect("her own");
    let others = on_quote(&world.quoted(&elsewhere, "48.00").await, vec![credit(&line, "48.00")]);
    let others = world.commits(&elsewhere, others).await.expect("of another referral");

    for bill in [&hers, &others] {
        let dearer = world.quoted(&going_on, "96.00").await;
        let rebased = pb::AuthoriseBillRequest {
            bill_id: bill.bill_id.clone(),
            ..on_quote(&dearer, vec![credit(&line, "96.00")])
        };
        assert_eq!(refused(world.commits(&going_on, rebased).await), denied("OUTSIDE_MANDATE"));
        assert_eq!(refused(world.gives_up(&going_on.ctx, &bill.bill_id).await), denied("OUTSIDE_MANDATE"));
    }
    assert_eq!(refused(world.gives_up(&own_name, &hers.bill_id).await), denied("OUTSIDE_MANDATE"));
    assert_eq!(text(world.line_now(&line).await.held.as_ref()), "72.00");

    // What it owes it does in its own name, too: its own bill, and one it never came to open.
    assert_eq!(world.gives_up(&own_name, &others.bill_id).await.expect("its own").state(), BillState::Cancelled);
    world.gives_up(&own_name, &BillId::generate().to_string()).await.expect("remembered");
    assert_eq!(text(world.line_now(&line).await.held.as_ref()), "24.00");
    world.invariants_hold().await;
}
