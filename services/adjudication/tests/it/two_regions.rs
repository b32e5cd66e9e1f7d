//! One person, cared for at home and away: the year is one, whichever region gives the care.

use chassis::Context;
use postgres::Scope;
use proto::anjia::adjudication::v1::policy_service_client::PolicyServiceClient;
use proto::anjia::adjudication::v1::{self as wire};
use proto::anjia::common::v1 as common;
use proto::anjia::scheduling::v1 as scheduling;
use proto::anjia::scheduling::v1::visit_service_client::VisitServiceClient;
use proto::convert::{to_date, to_timestamp};
use testkit::{TestCaller, callers, reason, request_id};
use types::ids::{BillId, JourneyId, SettlementId};
use types::region::RegionCode;

use crate::days::{claim_on, last_year, noon, paid};
use crate::layers::LAYERS;
use crate::means::MEANS;
use crate::world::{BEIJING, COVERED, World};

/// Where care away from home is given.
const AWAY_CLINIC: uuid::Uuid = uuid::uuid!("01930000-0000-7000-8000-00000000c0a1");

/// The world, whose desks are Beijing's, and a desk of another region.
pub(crate) struct Two {
    pub(crate) world: World,
    away: RegionCode,
    desk: TestCaller,
}

impl Two {
    /// `policy` is Beijing's, where everybody is insured.
    pub(crate) async fn with(policy: &str, away: &str) -> Self {
        let world = World::founded(&[("REGIONS", away)]).await;
        let policy = world.propose(policy).await.expect("the document is complete");
        world.release("insurer-releaser", &policy.policy_id).await.expect("another officer releases it");
        // Identity answers of its own region's people alone. Here it answers wherever they are.
        let mut identity = world.mesh.owner("identity").await;
        for table in [
            "residents",
            "identifiers",
            "enrolments",
            "vulnerability_flags",
            "family_doctor_contracts",
            "remote_care_filings",
        ] {
            let answers = format!("CREATE POLICY answers_everywhere ON {table} FOR SELECT TO identity USING (true)");
            sqlx::query(sqlx::AssertSqlSafe(answers)).execute(&mut identity).await.expect("it answers");
        }
        world.organisation(AWAY_CLINIC, common::Tier::Community, "9199000000000077").await;
        let of_away = |client: callers::Client| callers::Client { region: away.to_owned(), ..client };
        let roles = ["clinician", "clinic_clerk"];
        let desk = callers::Client::practitioner("away-desk", uuid::Uuid::now_v7(), AWAY_CLINIC, &roles);
        let officer =
            callers::Client::practitioner("away-officer", uuid::Uuid::now_v7(), callers::INSURER, &["insurer_officer"]);
        let desk = world.mesh.register(of_away(desk)).await;
        let officer = world.mesh.register(of_away(officer)).await;
        let message = wire::PutCatalogueRequest {
            request_id: request_id(),
            region_code: away.to_owned(),
            effective_from: Some(to_date("2020-01-01".parse().expect("a date"))),
            items: vec![wire::CatalogueItem {
                item_code: COVERED.to_owned(),
                name: COVERED.to_owned(),
                catalogue_class: common::CatalogueClass::A.into(),
                ..Default::default()
            }],
        };
        let mut policies = PolicyServiceClient::new(world.mesh.channel("adjudication"));
        policies.put_catalogue(officer.request(message).await).await.expect("the items are new");
        Self { world, away: away.parse().expect("a region"), desk }
    }

    async fn admitted_away(&self, kind: common::CareKind, month: u32) -> String {
        let message = scheduling::CheckInRequest {
            request_id: request_id(),
            resident_id: self.world.resident.to_string(),
            kind: kind.into(),
            provider_organisation_id: AWAY_CLINIC.to_string(),
            present: scheduling::Present::Self_.into(),
            identity_proof: scheduling::IdentityProof::IdCard.into(),
            credential: Some(testkit::id_card(&self.world.number(self.world.resident))),
            occurred_at: Some(to_timestamp(noon(month, 10))),
            journey_id: JourneyId::generate().to_string(),
            ..Default::default()
        };
        let mut visits = VisitServiceClient::new(self.world.mesh.channel("scheduling"));
        let begun = visits.check_in(self.desk.request(message).await).await.expect("the patient is there");
        begun.into_inner().visit.unwrap_or_default().visit_id
    }

    async fn visit_away(&self, month: u32) -> String {
        self.ended_away(common::CareKind::Outpatient, month, chrono::TimeDelta::hours(1)).await
    }

    pub(crate) async fn ended_away(&self, kind: common::CareKind, month: u32, after: chrono::TimeDelta) -> String {
        let visit = self.admitted_away(kind, month).await;
        let message = scheduling::EndVisitRequest {
            request_id: request_id(),
            visit_id: visit.clone(),
            outcome: scheduling::VisitOutcome::Completed.into(),
            occurred_at: Some(to_timestamp(noon(month, 10) + after)),
            reason: String::new(),
        };
        let mut visits = VisitServiceClient::new(self.world.mesh.channel("scheduling"));
        visits.end_visit(self.desk.request(message).await).await.expect("the visit is open");
        visit
    }

    async fn divided_away(&self, visit: &str, month: u32, amount: &str) -> wire::Settlement {
        let request = self.desk.request(claim_on(visit, COVERED, amount, last_year(month, 10))).await;
        let divided = self.world.adjudication().divide_claim(request).await.expect("divided").into_inner();
        divided.settlement.unwrap_or_default()
    }

    async fn paying_away(&self) -> Context {
        self.world.caller("payment").context_in(self.away).await
    }

    pub(crate) async fn settled_away(&self, month: u32, amount: &str) -> (wire::Settlement, String) {
        let visit = self.visit_away(month).await;
        self.confirmed_away(&visit, month, amount).await
    }

    pub(crate) async fn confirmed_away(&self, visit: &str, month: u32, amount: &str) -> (wire::Settlement, String) {
        let settlement_id = self.divided_away(visit, month, amount).await.settlement_id;
        let bill_id = BillId::generate().to_string();
        let message =
            wire::ConfirmSettlementRequest { request_id: request_id(), settlement_id, bill_id: bill_id.clone() };
        let request = self.paying_away().await.request(message);
        let confirmed = self.world.adjudication().confirm_settlement(request).await.expect("confirmed").into_inner();
        (confirmed.settlement.unwrap_or_default(), bill_id)
    }

    /// Own share, deductible and cause of what is in force of a claim.
    pub(crate) async fn in_force(&self, claim_id: &str) -> (String, Option<String>) {
        let mut owner = self.world.mesh.owner("adjudication").await;
        sqlx::query_as(
            "SELECT deductible::text, cause FROM settlements WHERE claim_id = $1::uuid AND state = 'CONFIRMED'",
        )
        .bind(claim_id)
        .fetch_one(&mut owner)
        .await
        .expect("one is in force")
    }
}

#[tokio::test]
async fn ad_03_ad_06_care_at_home_and_away_is_of_one_year_and_judged_anew_in_both() {
    let two = Two::with(BEIJING, "990000").await;
    let world = &two.world;
    let (first, bill) = world.settled(world.resident, 3, "1300.00").await;
    let (away, _) = two.settled_away(4, "2000.00").await;
    let (last, _) = world.settled(world.resident, 5, "1000.00").await;
    // The deductible of 1,300 is borne once, at home; what is paid away counts towards the same ceiling.
    assert_eq!(paid(&first).1, "1300.00");
    for settled in [&away, &last] {
        assert_eq!(two.in_force(&settled.claim_id).await, ("0.00".to_owned(), None));
    }
    assert_eq!(world.count("accumulators").await, 2, "a year, with its kinds of care");
    let (in_scope, deductible, _, visits) = world.year().await;
    assert_eq!((in_scope.as_str(), deductible.as_str(), visits), ("4300.00", "1300.00", 3));
    assert_eq!(world.year().await, world.year_by_settlements().await);

    // Without the first, care away bears the deductible; the last, at home again, none in the end, whichever region judged first.
    world.reverse(&first.settlement_id, &bill).await.expect("it is in force");
    world.judged().await;
    assert_eq!(two.in_force(&away.claim_id).await, ("1300.00".to_owned(), Some("REVERSAL".to_owned())));
    assert_eq!(two.in_force(&last.claim_id).await.0, "0.00");
    assert_eq!(world.year().await, world.year_by_settlements().await);

    // A late claim at home comes before both, and each region judges its own anew until nothing changes.
    let (late, _) = world.settled(world.resident, 2, "1000.00").await;
    world.judged().await;
    assert_eq!(two.in_force(&late.claim_id).await.0, "1000.00");
    assert_eq!(two.in_force(&away.claim_id).await, ("300.00".to_owned(), Some("LATE_CLAIM".to_owned())));
    // A correction at home is judged on what came before it away.
    let corrected = world.correct(&last, "500.00", last_year(5, 10)).await.expect("in force");
    assert_eq!(two.in_force(&corrected.claim.unwrap_or_default().claim_id).await.0, "0.00");
    world.judged().await;
    let (in_scope, deductible, ..) = world.year().await;
    assert_eq!((in_scope.as_str(), deductible.as_str()), ("3500.00", "1300.00"));
    assert_eq!(world.year().await, world.year_by_settlements().await);
    assert_eq!(world.found_by_a_verifier().await, Vec::<String>::new());
}

#[tokio::test]
async fn ad_02_ad_03_ad_06_sixty_four_at_once_in_two_regions_count_each_once() {
    let two = Two::with(BEIJING, "990000").await;
    let world = &two.world;
    let mut visits = Vec::new();
    for at in 0..64 {
        visits.push(if at % 2 == 0 {
            world.visit_at("clinic", world.resident, common::CareKind::Outpatient, noon(3, 10)).await
        } else {
            two.visit_away(3).await
        });
    }
    let desks = [world.caller("clinic").fresh().await, two.desk.fresh().await];
    let paying = [world.caller("payment").fresh().await, two.paying_away().await];
    // Each region races in lanes of its own, and the regions with each other.
    let lane = |lane: usize| {
        let (desk, paying) = (&desks[lane % 2], &paying[lane % 2]);
        let own = visits.iter().enumerate().filter(move |(at, _)| at % 8 == lane).map(|(_, visit)| visit);
        async move {
            for visit in own {
                let (mut claim_id, bill_id) = (String::new(), BillId::generate().to_string());
                loop {
                    let message = claim_on(visit, COVERED, "100.00", last_year(3, 10));
                    let message = wire::DivideClaimRequest { claim_id: claim_id.clone(), ..message };
                    let divided = world.adjudication().divide_claim(desk.request(message)).await.expect("divided");
                    let divided = divided.into_inner();
                    claim_id = divided.claim.unwrap_or_default().claim_id;
                    let settlement_id = divided.settlement.unwrap_or_default().settlement_id;
                    let bill_id = bill_id.clone();
                    let message = wire::ConfirmSettlementRequest { request_id: request_id(), settlement_id, bill_id };
                    match world.adjudication().confirm_settlement(paying.request(message)).await {
                        Ok(_) => break,
                        Err(stale) => assert_eq!(reason(&stale).as_str(), "STALE_DIVISION"),
                    }
                }
            }
        }
    };
    futures_util::future::join_all((0..8).map(lane)).await;
    let (in_scope, deductible, _, visits) = world.year().await;
    assert_eq!((in_scope.as_str(), deductible.as_str(), visits), ("6400.00", "1300.00", 64));
    assert_eq!(world.year().await, world.year_by_settlements().await);
}

#[tokio::test]
async fn ad_03_ad_06_cover_that_changes_late_is_judged_anew_wherever_care_was() {
    let two = Two::with(LAYERS, "990000").await;
    let world = &two.world;
    let (away, _) = two.settled_away(3, "900.00").await;
    // Home knows nothing of the claim.
    world.flag_low_income().await;
    world.heard("readjudications WHERE region = '990000' AND asked_in = '110000' AND state = 'COMPLETED'").await;
    assert_eq!(two.in_force(&away.claim_id).await.1.as_deref(), Some("ENTITLEMENT"));
    assert_eq!(world.count("settlements WHERE state = 'CONFIRMED' AND assistance_fund > 0").await, 1);
    assert_eq!(world.found_by_a_verifier().await, Vec::<String>::new());
}

#[tokio::test]
async fn ad_06_ad_12_a_personal_account_pays_away_and_promises_nothing_twice() {
    let two = Two::with(MEANS, "990000").await;
    let world = &two.world;
    world.credit(world.resident, "80.00").await.expect("an employee");
    // Half of 100 is the person's: the account pays it away, and has 30 left for what is divided at home.
    let visit = two.visit_away(3).await;
    let promised = two.divided_away(&visit, 3, "100.00").await;
    let (home, _) = world.settled(world.resident, 4, "100.00").await;
    let amounts = |settlement: &wire::Settlement| settlement.division.clone().unwrap_or_default();
    assert_eq!(crate::days::text(amounts(&promised).personal_account.as_ref()), "50.00");
    assert_eq!(crate::days::text(amounts(&home).personal_account.as_ref()), "30.00");

    // Divided anew, for the year moved, and confirmed.
    let message = wire::DivideClaimRequest {
        claim_id: promised.claim_id,
        ..claim_on(&visit, COVERED, "100.00", last_year(3, 10))
    };
    let divided = world.adjudication().divide_claim(two.desk.request(message).await).await.expect("divided anew");
    let settlement_id = divided.into_inner().settlement.unwrap_or_default().settlement_id;
    let bill_id = BillId::generate().to_string();
    let drawing: SettlementId = settlement_id.parse().expect("an id");
    let message = wire::ConfirmSettlementRequest { request_id: request_id(), settlement_id, bill_id };
    world.adjudication().confirm_settlement(two.paying_away().await.request(message)).await.expect("confirmed");
    assert_eq!(world.books().await.1, "0.00");
    // Its holder's region sees what moved it, and the account is the sum of that.
    let db = world.mesh.connect("adjudication").await;
    let mut tx = db.begin(Scope::Region(RegionCode::BEIJING)).await.expect("begun");
    let seen: i64 =
        sqlx::query_scalar("SELECT count(*) FROM account_entries").fetch_one(&mut *tx).await.expect("a count");
    assert_eq!(seen, 3);
    world.judged().await;

    // Only the region of a settlement moves an account by it, and while it is in force gives nothing back. Nothing of this is kept.
    world.credit(world.resident, "50.00").await.expect("an employee");
    let moves = async |region: &str, by: i32| -> bool {
        let mut tx = db.begin(Scope::Region(region.parse().expect("a region"))).await.expect("begun");
        sqlx::query_scalar("SELECT move_account($1, $2, $3::integer::numeric, now())")
            .bind(world.resident.uuid())
            .bind(drawing.uuid())
            .bind(by)
            .fetch_one(&mut *tx)
            .await
            .expect("it answers")
    };
    assert_eq!(
        [moves("310000", -30).await, moves("990000", -30).await, moves("990000", 30).await],
        [false, true, false]
    );
    assert_eq!(world.found_by_a_verifier().await, Vec::<String>::new());
}

#[tokio::test]
async fn ad_03_ad_06_a_stay_that_is_open_away_keeps_outpatient_care_at_home_waiting() {
    let two = Two::with(BEIJING, "990000").await;
    let world = &two.world;
    let stay = two.admitted_away(common::CareKind::Inpatient, 3).await;
    world.heard("stays WHERE ended_at IS NULL AND region = '990000'").await;
    let visit = world.visit_at("clinic", world.resident, common::CareKind::Outpatient, noon(4, 10)).await;
    let request = world.caller("clinic").request(claim_on(&visit, COVERED, "10.00", last_year(4, 10))).await;
    let refused = world.adjudication().divide_claim(request).await.expect_err("she lies in hospital");
    assert_eq!(reason(&refused).as_str(), "OPEN_STAY");
    // Which one is the other region's to know.
    assert!(refused.message().contains(&visit) && !refused.message().contains(&stay), "{}", refused.message());
}

#[tokio::test]
async fn ad_06_ad_09_care_in_a_district_is_in_the_books_of_its_municipality() {
    let two = Two::with(BEIJING, "110102").await;
    let world = &two.world;
    let (settled, _) = two.settled_away(3, "2300.00").await;
    assert_eq!(settled.remote_care(), wire::RemoteCare::Unspecified, "it is no care away from home");
    let paid = crate::world::money(&paid(&settled).0);
    let [month]: [_; 1] = world.months_of(RegionCode::BEIJING).await.try_into().expect("one month");
    assert_eq!(month.pooled_fund, paid);
    assert!(paid.is_positive());
    assert!(world.months_of(two.away).await.is_empty(), "a district has no fund of its own");
}
