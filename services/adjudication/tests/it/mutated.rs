//! Some hundred claims that are wrong in some way, by the RPC itself: an answer or a refusal with a reason, and nothing of what is refused is
//! stored.

use proptest::strategy::{Strategy as _, ValueTree as _};
use proptest::test_runner::TestRunner;
use prost::Message as _;
use proto::anjia::adjudication::v1 as wire;
use proto::anjia::common::v1::CareKind;
use testkit::{reason, request_id};
use tonic::Code;
use types::ids::{JourneyId, VisitId};

use crate::mutations::{mutated, mutations};
use crate::world::{COVERED, OWN, World, claim};

const CLAIMS: usize = 300;

#[tokio::test]
async fn ad_03_hundreds_of_mutated_claims_are_answered_or_refused_and_what_is_refused_leaves_nothing() {
    let world = World::new().await;
    let (mut runner, strategy) = (TestRunner::deterministic(), mutations());
    let mut visit = world.visit("clinic", world.resident, CareKind::Outpatient, JourneyId::generate()).await;
    let (mut answered, mut refused) = (0, 0);
    for _ in 0..CLAIMS {
        let changes = strategy.new_tree(&mut runner).expect("a value").current();
        let bytes = mutated(&claim(&visit, COVERED, "10.00"), &[COVERED, OWN], &changes);
        // What is no message reaches no handler.
        let Ok(message) = wire::DivideClaimRequest::decode(bytes.as_slice()) else { continue };
        let message = wire::DivideClaimRequest { request_id: request_id(), ..message };
        match world.adjudication().divide_claim(world.caller("clinic").request(message).await).await {
            Ok(_) => {
                answered += 1;
                visit = world.visit("clinic", world.resident, CareKind::Outpatient, JourneyId::generate()).await;
            }
            Err(status) => {
                refused += 1;
                let is_callers =
                    matches!(status.code(), Code::InvalidArgument | Code::FailedPrecondition | Code::NotFound);
                assert!(is_callers && !reason(&status).is_empty(), "{changes:?}: {status:?}");
            }
        }
    }
    assert!(answered > 20 && refused > 100, "{answered} answered, {refused} refused");
    for table in ["claims", "settlements"] {
        assert_eq!(world.count(table).await, answered, "{table}");
    }
    let unknown = claim(&VisitId::generate().to_string(), COVERED, "10.00");
    let status = world.adjudication().divide_claim(world.caller("clinic").request(unknown).await).await;
    assert_eq!(reason(&status.expect_err("no such visit")).as_str(), "VISIT_NOT_FOUND");
}
