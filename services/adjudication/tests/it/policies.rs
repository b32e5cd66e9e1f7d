use proto::anjia::adjudication::v1 as wire;
use testkit::{reason, request_id};
use tonic::Code;

use crate::bad_claims::path;
use crate::world::{BEIJING, World};

#[tokio::test]
async fn ad_01_a_policy_is_proposed_by_one_officer_and_released_by_another() {
    let world = World::without_policy().await;
    let proposed = world.propose(BEIJING).await.expect("the document is complete");
    assert_eq!(proposed.state(), wire::PolicyState::Proposed);

    let same_person = world.release("insurer-proposer", &proposed.policy_id).await.expect_err("four eyes");
    assert_eq!((same_person.code(), reason(&same_person).as_str()), (Code::PermissionDenied, "SAME_PERSON"));

    let released = world.release("insurer-releaser", &proposed.policy_id).await.expect("another officer");
    assert_eq!(released.state(), wire::PolicyState::Released);
    assert_eq!(released.digest, proposed.digest);

    let again = world.release("insurer-releaser", &proposed.policy_id).await.expect_err("released once");
    assert_eq!((reason(&again).as_str(), path(&again).as_str()), ("POLICY_NOT_PROPOSED", "policy_id"));
}

#[tokio::test]
async fn ad_01_a_document_with_a_missing_number_is_refused_with_its_path() {
    let world = World::without_policy().await;
    let document = BEIJING.replacen("1300", "null", 1);
    let refused = world.propose(&document).await.expect_err("a number is missing");
    assert_eq!((refused.code(), reason(&refused).as_str()), (Code::InvalidArgument, "POLICY_INCOMPLETE"));
    assert!(refused.message().contains("deductible"), "{}", refused.message());

    let list = world.caller("insurer-proposer").request(wire::ListPoliciesRequest::default()).await;
    let policies = world.policies().list_policies(list).await.expect("a list").into_inner().policies;
    assert!(policies.is_empty(), "nothing was stored");
}

#[tokio::test]
async fn ad_01_a_second_policy_from_the_same_day_overlaps_and_a_later_one_takes_over() {
    let world = World::new().await;
    let reworded = BEIJING.replacen('\n', "\n\n", 1);
    let twin = world.propose(&reworded).await.expect("another document");
    let overlap = world.release("insurer-releaser", &twin.policy_id).await.expect_err("same first day");
    assert_eq!((overlap.code(), reason(&overlap).as_str()), (Code::FailedPrecondition, "POLICY_OVERLAPS"));

    let later = world
        .propose(&BEIJING.replacen(r#""from": "2023-01-01""#, r#""from": "2099-01-01""#, 1))
        .await
        .expect("a later document");
    world.release("insurer-releaser", &later.policy_id).await.expect("it takes over");
    let list = world.caller("insurer-proposer").request(wire::ListPoliciesRequest::default()).await;
    let policies = world.policies().list_policies(list).await.expect("a list").into_inner().policies;
    let mut states: Vec<_> = policies.iter().map(wire::Policy::state).collect();
    states.sort();
    assert_eq!(states, [wire::PolicyState::Proposed, wire::PolicyState::Released, wire::PolicyState::Superseded]);
}

#[tokio::test]
async fn ad_01_a_policy_does_not_take_over_days_that_are_settled_by_another() {
    let world = World::new().await;
    let backdated = BEIJING.replacen(r#""from": "2023-01-01""#, r#""from": "2024-01-01""#, 1);
    let proposed = world.propose(&backdated).await.expect("a document");
    let refused = world.release("insurer-releaser", &proposed.policy_id).await.expect_err("settled days");
    assert_eq!((refused.code(), reason(&refused).as_str()), (Code::FailedPrecondition, "POLICY_BACKDATED"));
    assert_eq!(path(&refused), "effective.from");
    assert_eq!(world.count("policies WHERE state = 'SUPERSEDED'").await, 0);
}

#[tokio::test]
async fn a_repeated_proposal_is_answered_alike_and_another_body_is_refused() {
    let world = World::without_policy().await;
    let request = wire::ProposePolicyRequest {
        request_id: request_id(),
        policy_id: String::new(),
        document_json: BEIJING.to_owned(),
    };
    let officer = world.caller("insurer-proposer");
    let mut answers = Vec::new();
    for _ in 0..2 {
        let request = officer.request(request.clone()).await;
        answers.push(world.policies().propose_policy(request).await.expect("proposed").into_inner());
    }
    assert_eq!(answers[0], answers[1]);

    let other = wire::ProposePolicyRequest { document_json: "{}".to_owned(), ..request };
    let refused = world.policies().propose_policy(officer.request(other).await).await.expect_err("another body");
    assert_eq!((refused.code(), reason(&refused).as_str()), (Code::InvalidArgument, "REQUEST_ID_REUSED"));
}

#[tokio::test]
async fn ad_01_a_demonstration_does_not_take_over_from_another_regions_policy() {
    let world = World::without_policy().await;
    let demonstration = include_str!("../../policies/demonstration-city.json");
    world.propose(demonstration).await.expect("of no real region");
    let elsewhere = demonstration.replacen(r#""region": "990000""#, r#""region": "440300""#, 1);
    let refused = world.propose(&elsewhere).await.expect_err("a real region, and not the caller's");
    assert_eq!((refused.code(), reason(&refused).as_str()), (Code::PermissionDenied, "FOREIGN_REGION"));
}

#[tokio::test]
async fn ad_01_nothing_of_a_released_document_changes_but_that_another_takes_over() {
    let world = World::new().await;
    let mut owner = world.mesh.owner("adjudication").await;
    for change in [
        "document = document || ' '",
        "effective_from = effective_from + 1",
        "effective_until = '2099-12-31'",
        "released_by = 'client:another'",
        "state = 'PROPOSED', released_by = NULL, released_at = NULL",
    ] {
        let update = sqlx::AssertSqlSafe(format!("UPDATE policies SET {change}"));
        let refused = sqlx::query(update).execute(&mut owner).await.expect_err(change);
        assert!(refused.to_string().contains("a document of policies is immutable"), "{change}: {refused}");
    }
    sqlx::query("UPDATE policies SET state = 'SUPERSEDED'").execute(&mut owner).await.expect("another took over");
}
