use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use chassis::Context;
use proto::anjia::identity::v1::{GetKeysRequest, ListOrganisationsRequest};
use proto::anjia::scheduling::v1::GetVisitRequest;
use proto::anjia::scheduling::v1::visit_service_client::VisitServiceClient;
use testkit::{Mesh, reason};

use crate::support::World;

/// A new key begins to sign this long after it is published.
const AHEAD: Duration = Duration::from_secs(3);

fn rotate(folder: &Path, ahead: Duration) {
    let output = Command::new(env!("CARGO_BIN_EXE_identity"))
        .args(["keys", "rotate", "--ahead-s", &ahead.as_secs().to_string()])
        .env("TOKEN_KEY_FOLDER", folder)
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    assert!(String::from_utf8_lossy(&output.stdout).contains("signs from"), "{output:?}");
}

fn key_id(context: &Context) -> String {
    let header = context.request(()).metadata().get("authorization").unwrap().to_str().unwrap().to_owned();
    jsonwebtoken::decode_header(header.trim_start_matches("Bearer ")).unwrap().kid.unwrap()
}

#[tokio::test]
async fn f20_keys_rotate_twice_under_load_and_no_call_fails() {
    let folder = tempfile::tempdir().unwrap();
    rotate(folder.path(), Duration::ZERO);
    let settings = [("TOKEN_KEY_FOLDER", folder.path().to_str().unwrap())];
    let world = World { mesh: Mesh::start_with(&["identity", "scheduling"], &settings).await };
    let clinic = world.caller("clinic");
    let first = clinic.fresh().await;

    let (mut seen, mut calls, mut kept) = (vec![key_id(&first)], 0, vec![first]);
    let begun = Instant::now();
    let mut rotations = [Duration::from_secs(1), Duration::from_secs(5)].into_iter().peekable();
    while seen.len() < 3 {
        assert!(begun.elapsed() < Duration::from_secs(30), "{} keys seen", seen.len());
        if rotations.next_if(|due| begun.elapsed() >= *due).is_some() {
            rotate(folder.path(), AHEAD);
        }
        let fresh = clinic.fresh().await;
        if seen.last() != Some(&key_id(&fresh)) {
            seen.push(key_id(&fresh));
            kept.push(fresh.clone());
        }
        // Old tokens and new ones, at identity itself and at a service that fetches keys.
        for with in kept.iter().chain([&fresh]) {
            let visit = GetVisitRequest { visit_id: "01930000-0000-7000-8000-000000000001".to_owned() };
            let mut visits = VisitServiceClient::new(world.mesh.channel("scheduling"));
            assert_eq!(reason(&visits.get_visit(with.request(visit)).await.unwrap_err()), "VISIT_NOT_FOUND");
            world.organisations().list_organisations(with.request(ListOrganisationsRequest::default())).await.unwrap();
            calls += 2;
        }
    }
    assert!(calls > 100, "{calls} calls are no load");
    let published = world.tokens().get_keys(GetKeysRequest {}).await.unwrap().into_inner().keys;
    assert_eq!(published.iter().map(|key| key.key_id.clone()).rev().collect::<Vec<_>>(), seen);
    assert!(published.iter().all(|key| key.signs_from.is_some()));
}

#[tokio::test]
async fn id_07_a_key_that_is_removed_is_refused_by_every_service_within_two_seconds() {
    let folder = tempfile::tempdir().unwrap();
    rotate(folder.path(), Duration::ZERO);
    let settings = [("TOKEN_KEY_FOLDER", folder.path().to_str().unwrap())];
    let world = World { mesh: Mesh::start_with(&["identity", "scheduling"], &settings).await };
    let before = world.caller("clinic").fresh().await;
    let call = async |with: &Context| {
        let visit = GetVisitRequest { visit_id: "01930000-0000-7000-8000-000000000001".to_owned() };
        let answer = VisitServiceClient::new(world.mesh.channel("scheduling")).get_visit(with.request(visit)).await;
        reason(&answer.unwrap_err())
    };
    assert_eq!(call(&before).await, "VISIT_NOT_FOUND");

    // The key was stolen: another one signs at once, and nothing of the old one is good.
    let stolen = std::fs::read_dir(folder.path()).unwrap().next().unwrap().unwrap().path();
    tokio::time::sleep(Duration::from_secs(1)).await;
    rotate(folder.path(), Duration::ZERO);
    std::fs::remove_file(stolen).unwrap();
    let begun = Instant::now();
    while call(&before).await != "TOKEN_INVALID" {
        assert!(begun.elapsed() < Duration::from_secs(3), "still good");
    }
    assert_eq!(call(&world.caller("clinic").fresh().await).await, "VISIT_NOT_FOUND");
}
