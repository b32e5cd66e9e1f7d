//! The services of one installation work in every region of it, and in each on what is there.

use proto::anjia::referral::v1::ReferralState;
use testkit::callers::{CLINIC, Client, HOSPITAL};

use crate::world::{World, credit, priced, referral, yuan};

const SHANGHAI: &str = "310000";

#[tokio::test]
async fn pl_05_an_acceptance_of_another_region_is_arranged_there_and_touches_no_other() {
    let world = World::start_in(SHANGHAI).await;
    world.consent(HOSPITAL).await;
    world.catalogue().await;
    let slots = world.ward().await;
    let line = world.credit_line(yuan(5_000)).await;
    let submitted = world.submit(&world.caller("resident"), referral(credit(line, yuan(2_000)))).await.unwrap();
    let booked = world.decided(priced(&submitted, &slots[0], "1000.00")).await;
    assert_eq!((booked.state(), booked.last_refusal.as_str()), (ReferralState::Booked, ""));

    // What was done in the background, and by whom, stands in that region alone.
    for (service, rows) in [
        ("identity", "SELECT DISTINCT region FROM continuations"),
        ("scheduling", "SELECT DISTINCT region FROM appointments"),
        ("adjudication", "SELECT DISTINCT region FROM quotes"),
        ("payment", "SELECT DISTINCT region FROM bills"),
        ("referral", "SELECT DISTINCT region FROM sagas"),
    ] {
        let found: Vec<String> =
            sqlx::query_scalar(rows).fetch_all(&mut world.mesh.owner(service).await).await.unwrap();
        assert_eq!(found, [SHANGHAI], "{service}");
    }
    // In the services' own region nobody sees any of it, not at that clinic either.
    let here = Client::practitioner("beijing-doctor", uuid::Uuid::now_v7(), CLINIC, &["family_doctor", "clinician"]);
    let here = world.mesh.register(here).await;
    let hidden = world.get(&here, &submitted.referral_id).await.unwrap_err();
    assert_eq!(testkit::reason(&hidden), "REFERRAL_NOT_FOUND");
}
