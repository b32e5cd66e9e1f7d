//! By which means a person's share is paid, beside cash: a top-up, a voucher, the personal account and the family's.

use futures_util::future::join_all;
use proto::anjia::adjudication::v1 as wire;
use proto::anjia::adjudication::v1::account_service_client::AccountServiceClient;
use proto::anjia::common::v1::{CareKind, Scheme};
use proto::anjia::identity::v1 as identity;
use proto::anjia::identity::v1::vulnerability_service_client::VulnerabilityServiceClient;
use proto::convert::{to_date, to_money};
use testkit::{TestCaller, callers, reason, request_id};
use tonic::Code;
use types::ids::{BillId, JourneyId, ResidentId};
use types::money::Money;

use crate::days::{last_year, text};
use crate::world::{COVERED, World, claim, money, today};

pub(crate) const MEANS: &str = include_str!("means.json");
/// As many desks at once.
const DESKS: usize = 64;

impl World {
    /// Half of the care is the person's; who is a migrant has vouchers, and accounts pay.
    async fn with_means() -> Self {
        let world = Self::without_policy().await;
        let policy = world.propose(MEANS).await.expect("the document is complete");
        world.release("insurer-releaser", &policy.policy_id).await.expect("another officer releases it");
        world
    }

    fn accounts(&self) -> AccountServiceClient<chassis::channel::Channel> {
        AccountServiceClient::new(self.mesh.channel("adjudication"))
    }

    async fn migrant(&self) {
        let flag = identity::VulnerabilityFlag {
            resident_id: self.resident.to_string(),
            kind: identity::VulnerabilityKind::Migrant.into(),
            document_reference: "居住证 2020-001".to_owned(),
            from: Some(to_date(last_year(1, 1))),
            ..Default::default()
        };
        let message = identity::SetFlagRequest { request_id: request_id(), flag: Some(flag) };
        let request = self.caller("operator").request(message).await;
        let mut flags = VulnerabilityServiceClient::new(self.mesh.channel("identity"));
        flags.set_flag(request).await.expect("no such flag yet");
    }

    async fn topped_up(&self) {
        self.record(identity::Enrolment {
            resident_id: self.resident.to_string(),
            scheme: Scheme::Employee.into(),
            insured_region_code: "110000".to_owned(),
            layer: identity::CoverLayer::Commercial.into(),
            payer_organisation_id: callers::CLINIC.to_string(),
            from: Some(to_date(last_year(1, 1))),
            ..Default::default()
        })
        .await;
    }

    pub(crate) async fn credit(&self, holder: ResidentId, amount: &str) -> Result<String, tonic::Status> {
        self.credit_by(wire::CreditAccountRequest {
            request_id: request_id(),
            resident_id: holder.to_string(),
            amount: Some(to_money(money(amount))),
            reference: "2026-03".to_owned(),
        })
        .await
    }

    async fn credit_by(&self, request: wire::CreditAccountRequest) -> Result<String, tonic::Status> {
        let request = self.caller("insurer-proposer").request(request).await;
        Ok(self.accounts().credit_account(request).await?.into_inner().account_entry_id)
    }

    async fn share(
        &self,
        caller: &TestCaller,
        holder: ResidentId,
        member: ResidentId,
        until: Option<chrono::NaiveDate>,
    ) -> Result<wire::PersonalAccount, tonic::Status> {
        let request = wire::ShareAccountRequest {
            request_id: request_id(),
            resident_id: holder.to_string(),
            member_resident_id: member.to_string(),
            until: until.map(to_date),
        };
        let request = caller.request(request).await;
        Ok(self.accounts().share_account(request).await?.into_inner().account.unwrap_or_default())
    }

    /// What stands in the resident's account, and what of it is free.
    pub(crate) async fn account(&self) -> (String, String) {
        let request = wire::GetAccountRequest { resident_id: self.resident.to_string() };
        let request = self.caller("resident").request(request).await;
        let answer = self.accounts().get_account(request).await.expect("her own").into_inner();
        let account = answer.account.unwrap_or_default();
        (text(account.balance.as_ref()), text(account.free.as_ref()))
    }

    async fn clinic_visit(&self, resident: ResidentId) -> String {
        self.visit("clinic", resident, CareKind::Outpatient, JourneyId::generate()).await
    }

    async fn divided(&self, visit: &str, amount: &str) -> wire::Settlement {
        let divided = self.divide("clinic", visit, COVERED, amount).await.expect("divided");
        divided.settlement.unwrap_or_default()
    }

    /// The claim of a visit whose division went stale.
    async fn divided_again(&self, visit: &str, stale: &wire::Settlement, amount: &str) -> wire::Settlement {
        let request = wire::DivideClaimRequest { claim_id: stale.claim_id.clone(), ..claim(visit, COVERED, amount) };
        let request = self.caller("clinic").request(request).await;
        let divided = self.adjudication().divide_claim(request).await.expect("divided anew").into_inner();
        divided.settlement.unwrap_or_default()
    }

    async fn confirmed(&self, settlement: &wire::Settlement) -> Result<wire::Settlement, tonic::Status> {
        self.confirm(&settlement.settlement_id, &BillId::generate().to_string()).await
    }

    /// The voucher used in all years and what accounts hold, by the rows; and that both are what settlements and entries say.
    pub(crate) async fn books(&self) -> (String, String) {
        let mut owner = self.mesh.owner("adjudication").await;
        let (used, settled, held, moved): (String, String, String, String) = sqlx::query_as(
            "SELECT (SELECT coalesce(sum(voucher), 0.00)::text FROM accumulators), \
                    (SELECT coalesce(sum(voucher), 0.00)::text FROM settlements WHERE state = 'CONFIRMED'), \
                    (SELECT coalesce(sum(balance), 0.00)::text FROM personal_accounts), \
                    (SELECT coalesce(sum(amount), 0.00)::text FROM account_entries)",
        )
        .fetch_one(&mut owner)
        .await
        .expect("sums");
        assert_eq!((&used, &held), (&settled, &moved));
        (used, held)
    }
}

/// Top-up, voucher, account, family's account and cash; and that they are the person's share.
fn paid_by(settlement: &wire::Settlement) -> [String; 5] {
    let division = settlement.division.clone().unwrap_or_default();
    let means = [&division.top_up, &division.voucher, &division.personal_account, &division.mutual_aid];
    let [top_up, voucher, account, family] = means.map(|amount| text(amount.as_ref()));
    let cash = text(division.person_cash.as_ref());
    let sum = [&top_up, &voucher, &account, &family, &cash].map(|amount| money(amount)).into_iter().sum::<Money>();
    assert_eq!(sum.to_string(), text(division.person_total.as_ref()));
    [top_up, voucher, account, family, cash]
}

fn in_account(settlements: &[wire::Settlement]) -> Money {
    settlements.iter().map(|settlement| money(&paid_by(settlement)[2])).sum()
}

#[tokio::test]
async fn ad_12_top_up_voucher_and_account_each_pay_their_part_and_a_reversal_gives_it_back() {
    let world = World::with_means().await;
    world.migrant().await;
    world.topped_up().await;
    world.credit(world.resident, "100.00").await.expect("an employee");

    // Half of 2 000 is hers: a fifth of it the top-up's, then the year's 500 of vouchers, then what is in the account.
    let (first, bill) = world.settled(world.resident, 3, "2000.00").await;
    assert_eq!(paid_by(&first), ["200.00", "500.00", "100.00", "0.00", "200.00"]);
    let rules: Vec<&str> = first.explanation.iter().map(|step| step.rule.as_str()).collect();
    assert!(["TOP_UP", "VOUCHER", "ACCOUNT"].iter().all(|rule| rules.contains(rule)), "{rules:?}");
    let paid_from = |rule: &str| {
        let step = first.explanation.iter().find(|step| step.rule == rule).expect(rule);
        let amounts = [&step.amount, &step.accumulator_before, &step.accumulator_after, &step.limit];
        let amounts = amounts.map(|amount| amount.as_ref().map(|amount| text(Some(amount))).unwrap_or_default());
        (step.clause.clone(), step.accumulator.clone(), amounts.join(" "))
    };
    let said = |clause: &str, accumulator: &str, amounts: &str| (clause.into(), accumulator.into(), amounts.into());
    assert_eq!(paid_from("TOP_UP"), said("top_up", "TOP_UP", "200.00 0.00 200.00 0.00"));
    assert_eq!(paid_from("VOUCHER"), said("voucher", "VOUCHER", "500.00 0.00 500.00 500.00"));
    assert_eq!(paid_from("ACCOUNT"), said("personal_account", "ACCOUNT_BALANCE", "100.00 100.00 0.00 "));
    assert_eq!(world.account().await, ("0.00".to_owned(), "0.00".to_owned()));
    assert_eq!(world.books().await, ("500.00".to_owned(), "0.00".to_owned()));

    // Of the year's vouchers nothing is left.
    let (second, _) = world.settled(world.resident, 4, "200.00").await;
    assert_eq!(paid_by(&second), ["20.00", "0.00", "0.00", "0.00", "80.00"]);

    world.reverse(&first.settlement_id, &bill).await.expect("it is in force");
    assert_eq!(world.account().await, ("100.00".to_owned(), "100.00".to_owned()));
    assert_eq!(world.books().await, ("0.00".to_owned(), "100.00".to_owned()));
    // What was paid in cash stays so; the vouchers are there for what comes.
    let (third, _) = world.settled(world.resident, 5, "1200.00").await;
    assert_eq!(paid_by(&third), ["120.00", "480.00", "0.00", "0.00", "0.00"]);
    assert_eq!(world.books().await, ("480.00".to_owned(), "100.00".to_owned()));
    assert_eq!(world.year().await, world.year_by_settlements().await);
}

#[tokio::test]
async fn ad_12_what_a_division_is_promised_nobody_else_is_and_a_credit_counts_once() {
    let world = World::with_means().await;
    let credit = wire::CreditAccountRequest {
        request_id: request_id(),
        resident_id: world.resident.to_string(),
        amount: Some(to_money(money("100.00"))),
        reference: "2026-03".to_owned(),
    };
    let entry = world.credit_by(credit.clone()).await.expect("an employee");
    assert_eq!(world.credit_by(credit).await.expect("the same answer"), entry);
    assert_eq!(world.account().await, ("100.00".to_owned(), "100.00".to_owned()));

    let (one, two) = (world.clinic_visit(world.resident).await, world.clinic_visit(world.resident).await);
    let first = world.divided(&one, "160.00").await;
    let second = world.divided(&two, "160.00").await;
    assert_eq!(paid_by(&first), ["0.00", "0.00", "80.00", "0.00", "0.00"]);
    assert_eq!(paid_by(&second), ["0.00", "0.00", "20.00", "0.00", "60.00"]);
    assert_eq!(world.account().await, ("100.00".to_owned(), "0.00".to_owned()));

    // The year moved with the second; the first is divided anew, and its promise with it.
    world.confirmed(&second).await.expect("promised");
    let stale = world.confirmed(&first).await.expect_err("the year moved");
    assert_eq!(reason(&stale).as_str(), "STALE_DIVISION");
    assert_eq!(world.account().await, ("80.00".to_owned(), "0.00".to_owned()));
    let again = world.divided_again(&one, &first, "100.00").await;
    assert_eq!(paid_by(&again), ["0.00", "0.00", "50.00", "0.00", "0.00"]);
    world.confirmed(&again).await.expect("promised");
    assert_eq!(world.account().await, ("30.00".to_owned(), "30.00".to_owned()));

    // Whose account was emptied some other way is not overdrawn.
    let third = world.clinic_visit(world.resident).await;
    let third = world.divided(&third, "40.00").await;
    let mut owner = world.mesh.owner("adjudication").await;
    sqlx::query("UPDATE personal_accounts SET balance = 19.99").execute(&mut owner).await.expect("the owner may");
    let refused = world.confirmed(&third).await.expect_err("a fen short");
    assert_eq!((refused.code(), reason(&refused).as_str()), (Code::FailedPrecondition, "STALE_DIVISION"));
    assert_eq!(world.count("settlements WHERE state = 'CONFIRMED'").await, 2);
}

#[tokio::test]
async fn ad_12_of_64_desks_at_once_none_overdraws_an_account() {
    let world = World::with_means().await;
    world.credit(world.resident, "100.00").await.expect("an employee");
    let mut visits = Vec::new();
    for _ in 0..DESKS {
        visits.push(world.clinic_visit(world.resident).await);
    }
    let divided = join_all(visits.iter().map(|visit| world.divided(visit, "18.00"))).await;
    assert_eq!(in_account(&divided), money("100.00"), "eleven of nine yuan each, and one of what is left");
    assert_eq!(world.account().await, ("100.00".to_owned(), "0.00".to_owned()));

    let outcomes = join_all(divided.iter().map(|settlement| world.confirmed(settlement))).await;
    let confirmed: Vec<_> = outcomes.into_iter().flatten().collect();
    assert_eq!(confirmed.len(), 1, "the first moves the year, and the others are stale");
    let taken = in_account(&confirmed);
    let stale = visits.iter().zip(&divided).filter(|(_, old)| old.settlement_id != confirmed[0].settlement_id);
    let again = join_all(stale.map(|(visit, old)| world.divided_again(visit, old, "18.00"))).await;
    assert!(in_account(&again) + taken <= money("100.00"));
    world.books().await;
    let promised: Money = in_account(&again);
    assert_eq!(world.account().await.1, (money("100.00") - taken - promised).to_string());
}

#[tokio::test]
async fn ad_12_an_account_pays_for_the_family_by_its_holders_word_alone() {
    let world = World::with_means().await;
    let member = ResidentId::generate();
    world.register(member).await;
    world
        .record(identity::Enrolment {
            resident_id: member.to_string(),
            scheme: Scheme::Employee.into(),
            insured_region_code: "110000".to_owned(),
            layer: identity::CoverLayer::Basic.into(),
            from: Some(to_date(last_year(1, 1))),
            ..Default::default()
        })
        .await;
    world.credit(world.resident, "50.00").await.expect("an employee");
    let (holder, other) = (world.caller("resident"), world.resident_caller("member", member).await);

    let refused = world.share(&other, world.resident, member, None).await.expect_err("not the member's to say");
    assert_eq!((refused.code(), reason(&refused).as_str()), (Code::PermissionDenied, "OUTSIDE_SCOPE"));
    let worker = world.delegate(identity::DelegatedAction::View).await;
    let refused = world.share(&worker, world.resident, member, None).await.expect_err("nor a worker's");
    assert_eq!(refused.code(), Code::PermissionDenied);
    let refused = world.share(&holder, world.resident, world.resident, None).await.expect_err("her own");
    assert_eq!(reason(&refused).as_str(), "OWN_ACCOUNT");
    let refused = world.share(&holder, world.resident, ResidentId::generate(), None).await.expect_err("nobody");
    assert_eq!(reason(&refused).as_str(), "RESIDENT_NOT_FOUND");

    let shared = world.share(&holder, world.resident, member, None).await.expect("her own account");
    assert_eq!(shared.shares[0].member_resident_id, member.to_string());
    let visit = world.clinic_visit(member).await;
    let paid = world.confirmed(&world.divided(&visit, "60.00").await).await.expect("confirmed");
    assert_eq!(paid_by(&paid), ["0.00", "0.00", "0.00", "30.00", "0.00"]);
    assert_eq!(world.account().await, ("20.00".to_owned(), "20.00".to_owned()));

    world.share(&holder, world.resident, member, today().pred_opt()).await.expect("it ends");
    let visit = world.clinic_visit(member).await;
    assert_eq!(paid_by(&world.divided(&visit, "60.00").await), ["0.00", "0.00", "0.00", "0.00", "30.00"]);

    let uninsured = ResidentId::generate();
    world.register(uninsured).await;
    let refused = world.credit(uninsured, "1.00").await.expect_err("no employee");
    assert_eq!((refused.code(), reason(&refused).as_str()), (Code::FailedPrecondition, "NO_PERSONAL_ACCOUNT"));
    world.books().await;
}

#[tokio::test]
async fn ad_12_ad_03_a_corrected_claim_takes_no_more_of_an_account_than_before() {
    let world = World::with_means().await;
    world.migrant().await;
    world.credit(world.resident, "100.00").await.expect("an employee");
    let (first, _) = world.settled(world.resident, 3, "1160.00").await;
    assert_eq!(paid_by(&first), ["0.00", "500.00", "80.00", "0.00", "0.00"]);

    let less = world.correct(&first, "1100.00", last_year(3, 10)).await.expect("corrected");
    let less = less.settlement.unwrap_or_default();
    assert_eq!(paid_by(&less), ["0.00", "500.00", "50.00", "0.00", "0.00"]);
    assert_eq!(world.account().await, ("50.00".to_owned(), "50.00".to_owned()));

    let more = world.correct(&less, "2000.00", last_year(3, 10)).await.expect("corrected");
    assert_eq!(paid_by(&more.settlement.unwrap_or_default()), ["0.00", "500.00", "50.00", "0.00", "450.00"]);
    assert_eq!(world.account().await, ("50.00".to_owned(), "50.00".to_owned()));
    assert_eq!(world.books().await, ("500.00".to_owned(), "50.00".to_owned()));
}
