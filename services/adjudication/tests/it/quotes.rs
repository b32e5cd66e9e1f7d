use chrono::Datelike as _;
use proto::anjia::adjudication::v1 as wire;
use proto::anjia::common::v1::{self as common, CareKind};
use proto::convert::to_date;
use testkit::{TestCaller, callers, reason, request_id};
use tonic::Code;
use types::ids::{JourneyId, ResidentId};

use crate::world::{COVERED, DEMONSTRATION, OWN, World, today};

fn asked(
    resident: ResidentId,
    provider: impl std::fmt::Display,
    kind: CareKind,
    item: &str,
    price: &str,
) -> wire::QuoteCareRequest {
    wire::QuoteCareRequest {
        request_id: request_id(),
        resident_id: resident.to_string(),
        provider_organisation_id: provider.to_string(),
        kind: kind.into(),
        on: Some(to_date(today())),
        lines: vec![common::ExpectedLine {
            item_code: item.to_owned(),
            quantity: "1".to_owned(),
            unit_price: price.to_owned(),
        }],
        journey_id: JourneyId::generate().to_string(),
        ..Default::default()
    }
}

async fn quote(
    asking: &TestCaller,
    world: &World,
    request: wire::QuoteCareRequest,
) -> Result<wire::Quote, tonic::Status> {
    let request = asking.request(request).await;
    Ok(world.adjudication().quote_care(request).await?.into_inner().quote.unwrap_or_default())
}

fn person(quote: &wire::Quote) -> Option<(i64, i32)> {
    let division = quote.division.as_ref()?;
    division.person_total.as_ref().map(|money| (money.units, money.nanos))
}

/// What the event tells of the price: searches for care learn from it what such care costs.
async fn told(world: &World) -> (String, Option<String>) {
    let kind = "anjia.adjudication.quote.made.v1";
    sqlx::query_as("SELECT data ->> 'total', data ->> 'own_share' FROM events WHERE kind = $1")
        .bind(kind)
        .fetch_one(&mut world.mesh.owner("adjudication").await)
        .await
        .expect("one quote was told of")
}

#[tokio::test]
async fn ad_03_a_quote_says_what_the_person_pays_and_can_be_read_again() {
    let world = World::new().await;
    // The first stay of the year: 1,300 deductible, then 91 % of the first band.
    let request = asked(world.resident, callers::HOSPITAL, CareKind::Inpatient, COVERED, "10355.48");
    let made = quote(&world.caller("resident"), &world, request).await.expect("a quote");
    assert_eq!(made.outcome(), wire::QuoteOutcome::Priced);
    assert_eq!(person(&made), Some((2114, 990_000_000)));
    assert!(
        made.explanation
            .iter()
            .all(|step| step.text.as_ref().is_some_and(|text| !text.zh.is_empty() && !text.en.is_empty()))
    );

    let request = world.caller("hospital").request(wire::GetQuoteRequest { quote_id: made.quote_id.clone() }).await;
    let read = world.adjudication().get_quote(request).await.expect("it is there").into_inner().quote;
    assert_eq!(read, Some(made));
    assert_eq!(told(&world).await, ("10355.48".to_owned(), Some("2114.99".to_owned())));
}

#[tokio::test]
async fn ad_03_who_is_not_enrolled_gets_a_quote_that_is_all_own_share() {
    let world = World::new().await;
    let stranger = ResidentId::generate();
    world.register(stranger).await;
    let caller = world.mesh.register(callers::Client::resident("stranger", stranger.uuid())).await;
    let request = asked(stranger, callers::CLINIC, CareKind::Outpatient, COVERED, "240.00");
    let made = quote(&caller, &world, request).await.expect("never refused for cover");
    assert_eq!(made.outcome(), wire::QuoteOutcome::NotEnrolled);
    assert_eq!(person(&made), Some((240, 0)));
}

#[tokio::test]
async fn ad_03_no_policy_in_force_means_no_price() {
    let world = World::without_policy().await;
    let request = asked(world.resident, callers::CLINIC, CareKind::Outpatient, COVERED, "240.00");
    let made = quote(&world.caller("resident"), &world, request).await.expect("never refused for policy");
    assert_eq!((made.outcome(), person(&made)), (wire::QuoteOutcome::NoPolicy, None));
    assert_eq!(told(&world).await, ("240.00".to_owned(), None));
}

#[tokio::test]
async fn ad_01_what_the_catalogue_excludes_is_the_patients_own_and_what_it_does_not_know_is_refused() {
    let world = World::new().await;
    let stay = |item: &str| asked(world.resident, callers::HOSPITAL, CareKind::Inpatient, item, "100.00");
    let made = quote(&world.caller("resident"), &world, stay(OWN)).await.expect("a quote");
    assert_eq!(person(&made), Some((100, 0)));
    let refused = quote(&world.caller("resident"), &world, stay("T-UNKNOWN")).await.expect_err("nobody knows it");
    assert_eq!((refused.code(), reason(&refused).as_str()), (Code::InvalidArgument, "ITEM_NOT_IN_CATALOGUE"));
}

#[tokio::test]
async fn a_wrong_quote_names_its_field_and_unknown_ids_are_not_found() {
    let world = World::new().await;
    let good = asked(world.resident, callers::CLINIC, CareKind::Outpatient, COVERED, "240.00");
    let wrong = [
        (wire::QuoteCareRequest { request_id: String::new(), ..good.clone() }, "request_id"),
        (wire::QuoteCareRequest { resident_id: "x".to_owned(), ..good.clone() }, "resident_id"),
        (wire::QuoteCareRequest { kind: 0, ..good.clone() }, "kind"),
        (wire::QuoteCareRequest { on: None, ..good.clone() }, "on"),
        (wire::QuoteCareRequest { lines: Vec::new(), ..good.clone() }, "lines"),
        (asked(world.resident, callers::CLINIC, CareKind::Outpatient, COVERED, "-1"), "lines[0].unit_price"),
        (asked(world.resident, callers::CLINIC, CareKind::Outpatient, COVERED, "0.00001"), "lines[0].unit_price"),
        (asked(world.resident, callers::CLINIC, CareKind::Outpatient, COVERED, "0.00"), "lines[0].unit_price"),
    ];
    for (request, field) in wrong {
        let refused = quote(&world.caller("resident"), &world, request).await.expect_err(field);
        assert_eq!(
            (refused.code(), refused.message().starts_with(field)),
            (Code::InvalidArgument, true),
            "{field}: {refused:?}"
        );
    }

    let ghost = ResidentId::generate();
    let caller = world.mesh.register(callers::Client::resident("ghost", ghost.uuid())).await;
    let nobody = asked(ghost, callers::CLINIC, CareKind::Outpatient, COVERED, "1.00");
    let refused = quote(&caller, &world, nobody).await.expect_err("nobody");
    assert_eq!((refused.code(), reason(&refused).as_str()), (Code::NotFound, "RESIDENT_NOT_FOUND"));
    let nowhere = asked(world.resident, JourneyId::generate(), CareKind::Outpatient, COVERED, "1.00");
    let refused = quote(&world.caller("resident"), &world, nowhere).await.expect_err("nowhere");
    assert_eq!((refused.code(), reason(&refused).as_str()), (Code::NotFound, "ORGANISATION_NOT_FOUND"));
}

#[tokio::test]
async fn ad_03_a_price_is_made_for_the_person_only_and_nobody_else_learns_who_exists() {
    let world = World::new().await;
    for resident in [world.resident, ResidentId::generate()] {
        let request = asked(resident, callers::CLINIC, CareKind::Outpatient, COVERED, "240.00");
        let refused = quote(&world.caller("clinic"), &world, request).await.expect_err("not the clinic's to ask");
        assert_eq!((refused.code(), reason(&refused).as_str()), (Code::PermissionDenied, "OUTSIDE_SCOPE"));
    }
}

#[tokio::test]
async fn id_05_a_contract_with_the_family_doctor_pays_more_where_the_policy_says_so() {
    let world = World::without_policy().await;
    let policy = world.propose(DEMONSTRATION).await.expect("the document is complete");
    world.release("insurer-releaser", &policy.policy_id).await.expect("another officer releases it");
    let resident = ResidentId::generate();
    world.register(resident).await;
    let caller = world.resident_caller("demo", resident).await;
    world.enrol_in_demonstration(resident, None, "2024-01-01").await;

    let asked = || asked(resident, callers::CLINIC, CareKind::Outpatient, COVERED, "100.00");
    let without = quote(&caller, &world, asked()).await.expect("a quote");
    assert_eq!(person(&without), Some((15, 0)));
    world.sign_with_the_family_doctor(&caller, resident).await;
    let with = quote(&caller, &world, asked()).await.expect("a quote");
    assert_eq!(person(&with), Some((10, 0)));
}

#[tokio::test]
async fn ad_05_an_emergency_counts_as_referred() {
    let world = World::without_policy().await;
    let policy = world.propose(DEMONSTRATION).await.expect("the document is complete");
    world.release("insurer-releaser", &policy.policy_id).await.expect("another officer releases it");
    let resident = ResidentId::generate();
    world.register(resident).await;
    let caller = world.resident_caller("demo", resident).await;
    world.enrol_in_demonstration(resident, None, "2024-01-01").await;
    // 60 % at a tertiary hospital; 20 points less for who comes unreferred otherwise.
    for (kind, own) in [(CareKind::Emergency, 40), (CareKind::Outpatient, 60)] {
        let quoted = quote(&caller, &world, asked(resident, callers::HOSPITAL, kind, COVERED, "100.00")).await;
        assert_eq!(person(&quoted.expect("a quote")), Some((own, 0)), "{kind:?}");
    }
}

#[tokio::test]
async fn id_03_in_a_waiting_period_all_is_own_share() {
    let world = World::without_policy().await;
    let policy = world.propose(DEMONSTRATION).await.expect("the document is complete");
    world.release("insurer-releaser", &policy.policy_id).await.expect("another officer releases it");
    let resident = ResidentId::generate();
    world.register(resident).await;
    let caller = world.resident_caller("demo", resident).await;
    // In May, when nobody joins; in force since today, so that the wait has just begun.
    let joined = today().with_day(1).and_then(|day| day.with_month(5)).expect("a day");
    world.enrol_in_demonstration(resident, Some(joined), &today().to_string()).await;

    let today_asked = asked(resident, callers::CLINIC, CareKind::Outpatient, COVERED, "100.00");
    let quoted = quote(&caller, &world, today_asked).await.expect("a quote");
    assert_eq!(person(&quoted), Some((100, 0)));
    assert_eq!((quoted.outcome(), quoted.explanation[0].rule.as_str()), (wire::QuoteOutcome::NotEnrolled, "WAITING"));
    let (from, text) = (today(), quoted.explanation[0].text.clone().unwrap_or_default());
    let ends =
        (0..400).map(|days| from + chrono::Days::new(days)).find(|day| text.en.contains(&format!("until {day}")));
    let ends = ends.expect("it says until when");
    // The day after, insurance pays: what was said is what holds.
    let after = wire::QuoteCareRequest {
        on: Some(to_date(ends + chrono::Days::new(1))),
        ..asked(resident, callers::CLINIC, CareKind::Outpatient, COVERED, "100.00")
    };
    assert_eq!(person(&quote(&caller, &world, after).await.expect("a quote")), Some((15, 0)));
    let last = wire::QuoteCareRequest {
        on: Some(to_date(ends)),
        ..asked(resident, callers::CLINIC, CareKind::Outpatient, COVERED, "100.00")
    };
    assert_eq!(person(&quote(&caller, &world, last).await.expect("a quote")), Some((100, 0)));
}

#[tokio::test]
async fn id_02_care_is_paid_by_the_providers_designation_on_the_day_of_service() {
    let world = World::new().await;
    let hospital = world.suspended_hospital().await;
    let asked = || asked(world.resident, hospital.clone(), CareKind::Inpatient, COVERED, "10355.48");
    let today_it_is_not = quote(&world.caller("resident"), &world, asked()).await.expect("a quote");
    assert_eq!(person(&today_it_is_not), Some((10_355, 480_000_000)));
    assert_eq!(today_it_is_not.explanation[0].rule, "NOT_DESIGNATED");
    assert_eq!(today_it_is_not.outcome(), wire::QuoteOutcome::NotDesignated, "cover is not what is missing");

    let yesterday = to_date(today() - chrono::Days::new(1));
    let earlier = wire::QuoteCareRequest { on: Some(yesterday), ..asked() };
    let earlier = quote(&world.caller("resident"), &world, earlier).await.expect("a quote");
    assert_eq!(person(&earlier), Some((2114, 990_000_000)));
}
