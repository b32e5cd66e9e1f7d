use std::time::Duration;

use proto::anjia::referral::v1::{Referral, ReferralState, WatchWorkListRequest, WatchWorkListResponse};
use testkit::reason;
use tonic::{Code, Streaming};

use crate::world::{World, acceptance, desk, referral};

async fn next(stream: &mut Streaming<WatchWorkListResponse>) -> Referral {
    let line = tokio::time::timeout(Duration::from_secs(15), stream.message()).await.expect("a line comes");
    line.unwrap().expect("the stream lasts").referral.unwrap()
}

#[tokio::test]
async fn rf_03_the_work_list_is_live() {
    let mut world = World::start().await;
    let slots = world.ward().await;
    let waiting = world.submitted().await;
    let request = world.caller("hospital").request(WatchWorkListRequest {}).await;
    let mut list = world.referrals().watch_work_list(request).await.unwrap().into_inner();
    assert_eq!(next(&mut list).await, waiting, "first those there are");

    let fresh = world.submit(&world.caller("resident"), referral(desk())).await.unwrap();
    let seen = next(&mut list).await;
    assert_eq!(seen.referral_id, fresh.referral_id);
    assert!(!seen.clinical_summary.is_empty());
    world.accept(acceptance(&waiting, &slots[0])).await.unwrap();
    let left = next(&mut list).await;
    assert_eq!(left.referral_id, waiting.referral_id);
    assert_ne!(left.state(), ReferralState::Submitted, "once more, in its new state");

    world.mesh.terminate("referral").await;
    let ended = list.message().await.unwrap_err();
    assert_eq!(ended.code(), Code::Unavailable);
}

#[tokio::test]
async fn rf_03_a_work_list_is_an_organisations() {
    let world = World::start().await;
    let request = world.caller("resident").request(WatchWorkListRequest {}).await;
    let refused = world.referrals().watch_work_list(request).await.unwrap_err();
    assert_eq!((refused.code(), reason(&refused).as_str()), (Code::PermissionDenied, "METHOD_NOT_PERMITTED"));
}
