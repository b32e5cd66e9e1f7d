//! The deductible along a referral chain, when settlements of the chain are made, corrected and paid otherwise than in the order of service.

use proto::anjia::adjudication::v1 as wire;
use proto::anjia::common::v1::{self as common, CareKind};
use proto::anjia::identity::v1 as identity;
use proto::convert::to_date;
use serde_json::{Value, json};
use types::ids::{BillId, JourneyId, ReferralId, ResidentId, VisitId};

use crate::days::{claim_on, last_year, noon, text};
use crate::world::{BEIJING, COVERED, World};

/// Beijing's document with stays at clinics, too, under a scheme.
pub(crate) fn with_clinics(scheme: &str) -> String {
    let mut document: Value = serde_json::from_str(BEIJING).expect("the example reads");
    document["scheme"] = json!(scheme);
    let inpatient = &mut document["inpatient"];
    inpatient["tiers"] = json!(["COMMUNITY", "TERTIARY"]);
    let amounts = |amount: &str| json!({"active": amount, "retired": amount});
    inpatient["deductible"]["per_stay"]["COMMUNITY"] = json!({"first": amounts("300.00"), "repeat": amounts("300.00")});
    for band in inpatient["bands"].as_array_mut().expect("bands") {
        let by_tier = &mut band["fund_ratio"][0]["by_tier"];
        by_tier["COMMUNITY"] = by_tier["TERTIARY"].clone();
    }
    document.to_string()
}

impl World {
    async fn with_stays_at_clinics() -> Self {
        let world = Self::without_policy().await;
        for scheme in ["EMPLOYEE", "RESIDENT"] {
            let policy = world.propose(&with_clinics(scheme)).await.expect("the document is complete");
            world.release("insurer-releaser", &policy.policy_id).await.expect("another officer releases it");
        }
        world
    }

    /// A stay of five days from the tenth of a month on, by referral within a journey, divided.
    async fn referred_stay(
        &self,
        desk: &str,
        resident: ResidentId,
        journey: JourneyId,
        month: u32,
    ) -> Result<wire::Settlement, tonic::Status> {
        let visit = self.visit_at(desk, resident, CareKind::Inpatient, noon(month, 10)).await;
        // Referrals are the referral service's, which does not run here.
        let mut scheduling = self.mesh.owner("scheduling").await;
        sqlx::query("UPDATE visits SET referral_id = $2, journey_id = $3 WHERE id = $1")
            .bind(visit.parse::<VisitId>().expect("an id").uuid())
            .bind(ReferralId::generate().uuid())
            .bind(journey.uuid())
            .execute(&mut scheduling)
            .await
            .expect("the visit");
        let request = claim_on(&visit, COVERED, "5000.00", last_year(month, 10));
        let answer = self.adjudication().divide_claim(self.caller(desk).request(request).await).await?;
        Ok(answer.into_inner().settlement.unwrap_or_default())
    }

    async fn settled_stay(&self, desk: &str, resident: ResidentId, journey: JourneyId, month: u32) -> wire::Settlement {
        let divided = self.referred_stay(desk, resident, journey, month).await.expect("divided");
        self.confirm(&divided.settlement_id, &BillId::generate().to_string()).await.expect("confirmed")
    }

    async fn insure(
        &self,
        resident: ResidentId,
        scheme: common::Scheme,
        from: chrono::NaiveDate,
        until: Option<chrono::NaiveDate>,
    ) {
        self.record(identity::Enrolment {
            resident_id: resident.to_string(),
            scheme: scheme.into(),
            insured_region_code: "110000".to_owned(),
            layer: identity::CoverLayer::Basic.into(),
            from: Some(to_date(from)),
            until: until.map(to_date),
            retired: scheme == common::Scheme::Employee,
            ..Default::default()
        })
        .await;
    }
}

fn deductible(settlement: &wire::Settlement) -> String {
    text(settlement.division.clone().unwrap_or_default().deductible.as_ref())
}

#[tokio::test]
async fn rf_09_a_chain_runs_in_the_order_of_service_though_a_stay_of_it_was_corrected_later() {
    let world = World::with_stays_at_clinics().await;
    let journey = JourneyId::generate();
    let clinic = world.settled_stay("clinic", world.resident, journey, 3).await;
    let hospital = world.settled_stay("hospital", world.resident, journey, 4).await;
    // Upward the 1,300 of the upper hospital count on from the 300 of the clinic.
    assert_eq!((deductible(&clinic), deductible(&hospital)), ("300.00".to_owned(), "1000.00".to_owned()));
    world.correct(&clinic, "4000.00", last_year(3, 10)).await.expect("in force");
    world.judged().await;

    // The next stay comes from the hospital, not from the clinic: no way up, and the repeat deductible.
    let again = world.referred_stay("hospital", world.resident, journey, 5).await.expect("divided");
    assert_eq!(deductible(&again), "650.00");
}

#[tokio::test]
async fn rf_09_a_stay_that_is_claimed_late_finds_only_those_before_it_in_its_chain() {
    let world = World::with_stays_at_clinics().await;
    let journey = JourneyId::generate();
    let hospital = world.settled_stay("hospital", world.resident, journey, 4).await;
    assert_eq!(deductible(&hospital), "1300.00");
    // It came before: nobody was referred down to it. The hospital's then counts on from it.
    let clinic = world.settled_stay("clinic", world.resident, journey, 3).await;
    assert_eq!(deductible(&clinic), "300.00");
    let told = world.told("anjia.adjudication.settlement.corrected.v1", 1).await;
    let corrected = world.read(&told[0].subject).await;
    assert_eq!(
        (corrected.corrects_settlement_id.clone(), deductible(&corrected)),
        (hospital.settlement_id, "1000.00".to_owned())
    );
}

#[tokio::test]
async fn rf_09_a_change_of_scheme_within_a_journey_begins_the_chain_anew() {
    let world = World::with_stays_at_clinics().await;
    let resident = ResidentId::generate();
    world.register(resident).await;
    world.insure(resident, common::Scheme::Employee, last_year(1, 1), Some(last_year(3, 31))).await;
    world.insure(resident, common::Scheme::Resident, last_year(4, 1), None).await;
    let journey = JourneyId::generate();
    let before = world.settled_stay("clinic", resident, journey, 3).await;
    assert_eq!(deductible(&before), "300.00");
    // What was borne to the other scheme is not this one's to credit.
    let after = world.settled_stay("hospital", resident, journey, 4).await;
    assert_eq!(deductible(&after), "1300.00");

    // Nor is it when the year is judged anew.
    world.correct(&before, "4000.00", last_year(3, 10)).await.expect("in force");
    world.judged().await;
    assert_eq!(deductible(&world.present(&after.claim_id, "hospital").await), "1300.00");
}
