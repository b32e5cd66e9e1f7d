//! Where merges, mandates and households meet an erasure: it is of the person, by every id of theirs.

use proto::anjia::common::v1::{Credential, IdentifierKind};
use proto::anjia::identity::v1::{
    AddIdentifierRequest, DelegatedAction, ErasureState, ErasureWord, FindResidentRequest, GetResidentRequest,
    HouseholdRelation as Relation, MergeState, RegisterResidentRequest,
};
use testkit::{TestCaller, request_id};
use tonic::Status;
use types::ids::ResidentId;

use crate::mandates::for_a_referral;
use crate::merges::failed;
use crate::support::{Person, World, new_consent, new_resident, not_found, refused};

const HOLD: &str = "anjia.scheduling.v1.AppointmentService/HoldSlot";

impl World {
    async fn seen(&self, caller: &TestCaller, id: ResidentId) -> Result<(), Status> {
        let request = caller.request(GetResidentRequest { resident_id: id.to_string() }).await;
        self.residents().get_resident(request).await.map(|_| ())
    }

    async fn with_passport(&self, id: ResidentId) -> Credential {
        let credential = Credential {
            kind: IdentifierKind::Passport.into(),
            number: "E12345678".to_owned(),
            country_code: "CHN".to_owned(),
        };
        let message = AddIdentifierRequest {
            request_id: request_id(),
            resident_id: id.to_string(),
            credential: Some(credential.clone()),
            evidence: "desk".to_owned(),
            ..AddIdentifierRequest::default()
        };
        self.residents().add_identifier(self.caller("worker").request(message).await).await.unwrap();
        credential
    }
}

#[tokio::test]
async fn id_08_an_erasure_asked_for_by_an_old_id_takes_every_id_of_the_person() {
    let world = World::start().await;
    let hospital = world.hospital().await;
    let (worker, operator) = (world.caller("worker"), world.caller("operator"));
    let (old, person) = (world.unknown("old").await, world.person("person").await);
    let passport = world.with_passport(old.id).await;
    world.consent(&old.caller, new_consent(old.id, hospital)).await.unwrap();
    world.delegate(&old, &[DelegatedAction::Book]).await;
    let merge = world.merged(old.id, person.id).await;
    let other = world.unknown("other").await;
    let proposal = world.propose_merge(&worker, other.id, person.id).await.unwrap();

    let asked = world.ask_to_erase(&operator, old.id, "file 2026-17").await.unwrap();
    assert_eq!(asked.resident_id, person.id.to_string(), "it is the survivor's");
    let again = world.ask_to_erase(&operator, person.id, "file 2026-17").await;
    assert_eq!(refused(again).1, "ERASURE_REQUESTED");
    let told: serde_json::Value = sqlx::query_scalar(
        "SELECT data FROM events WHERE kind = 'anjia.identity.resident.erasure_requested.v1' AND subject = $1",
    )
    .bind(person.id.to_string())
    .fetch_one(&mut world.mesh.owner("identity").await)
    .await
    .unwrap();
    let mut both = [old.id.to_string(), person.id.to_string()];
    both.sort();
    assert_eq!(told["resident_ids"], serde_json::json!(both));

    world.all_say(&asked.erasure_id, ErasureWord::Clear).await;
    world.all_say(&asked.erasure_id, ErasureWord::Closed).await;
    assert_eq!(world.count_of("SELECT count(*) FROM person_keys WHERE resident_id = $1", old.id).await, 0);
    for id in [old.id, person.id] {
        assert_eq!(refused(world.seen(&worker, id).await), failed("RESIDENT_ERASED"), "{id}");
        for sql in [
            "SELECT count(*) FROM identifiers WHERE resident_id = $1",
            "SELECT count(*) FROM resident_merges WHERE resident_id = $1 OR survivor_id = $1",
            "SELECT count(*) FROM consents WHERE resident_id = $1 AND revoked_at IS NULL",
            "SELECT count(*) FROM delegations WHERE resident_id = $1 AND revoked_at IS NULL",
            "SELECT count(*) FROM requests WHERE resident_ids @> ARRAY[$1]",
            "SELECT num_nonnulls(name_sealed, name_birth_index, birth_year_index)::bigint FROM residents WHERE id = $1",
        ] {
            assert_eq!(world.count_of(sql, id).await, 0, "{sql}");
        }
        for sql in [
            "SELECT count(*) FROM erasures WHERE resident_id = $1 AND state = 'ERASED'",
            "SELECT count(*) FROM revocations WHERE target = 'resident:' || $1::uuid AND lasting",
            "SELECT count(*) FROM audit_entries WHERE resident_id = $1 AND action ~ 'person_key.destroy$'",
        ] {
            assert_eq!(world.count_of(sql, id).await, 1, "{sql}");
        }
    }
    let find = FindResidentRequest { credential: Some(passport), ..FindResidentRequest::default() };
    let find = world.residents().find_resident(worker.request(find).await).await;
    assert_eq!(refused(find), not_found("RESIDENT_NOT_FOUND"));

    // Nothing revives either, and what was merely proposed has gone with her.
    assert_eq!(refused(world.countersign(&operator, &proposal).await), not_found("MERGE_NOT_FOUND"));
    assert_eq!(refused(world.doubt(&worker, &merge).await), not_found("MERGE_NOT_FOUND"));
    for (one, two) in [(person.id, other.id), (other.id, person.id), (old.id, other.id)] {
        assert_eq!(refused(world.propose_merge(&operator, one, two).await), failed("RESIDENT_ERASED"));
    }
    world.seen(&worker, other.id).await.unwrap();
    // She may be registered anew.
    let anew = RegisterResidentRequest { national_id: person.number, ..new_resident() };
    world.register(&worker, anew).await.unwrap();
}

#[tokio::test]
async fn id_08_nothing_is_merged_or_taken_apart_while_an_erasure_is_requested() {
    let world = World::start().await;
    let (worker, operator) = (world.caller("worker"), world.caller("operator"));
    let (old, person, other) = (world.unknown("old").await, world.person("person").await, world.unknown("other").await);
    let merge = world.merged(old.id, person.id).await;
    let doubted = world.doubt(&operator, &merge).await.unwrap();
    let proposed = world.propose_merge(&worker, other.id, person.id).await.unwrap();
    let asked = world.ask_to_erase(&operator, person.id, "file 2026-17").await.unwrap();
    let second = testkit::callers::Client::new("second", "client:second".to_owned(), None, &["operator"]);
    let second = world.mesh.register(second).await;

    let refusal = failed("MERGE_DURING_ERASURE");
    assert_eq!(refused(world.countersign(&operator, &proposed).await), refusal);
    assert_eq!(refused(world.propose_merge(&worker, other.id, person.id).await), refusal);
    assert_eq!(refused(world.undo(&second, &doubted).await), refusal);
    assert_eq!(refused(world.propose_merge(&worker, person.id, other.id).await), refusal);

    let cancelled = world.cancel_erasure(&operator, &asked.erasure_id).await.unwrap();
    assert_eq!(cancelled.state(), ErasureState::Cancelled);
    assert_eq!(world.undo(&second, &doubted).await.unwrap().state(), MergeState::Unmerged);
    assert_eq!(world.countersign(&operator, &proposed).await.unwrap().state(), MergeState::Merged);
}

#[tokio::test]
async fn id_08_a_merge_signed_as_an_erasure_is_asked_for_comes_before_it_or_not_at_all() {
    let world = World::start().await;
    let (old, person) = (world.unknown("old").await, world.person("person").await);
    let (worker, operator) = (world.caller("worker"), world.caller("operator"));
    let proposed = world.propose_merge(&worker, old.id, person.id).await.unwrap();
    let (merged, asked) =
        tokio::join!(world.countersign(&operator, &proposed), world.ask_to_erase(&operator, person.id, "file 2026-17"));
    let asked = asked.unwrap();
    world.all_say(&asked.erasure_id, ErasureWord::Clear).await;
    world.all_say(&asked.erasure_id, ErasureWord::Closed).await;
    assert_eq!(refused(world.seen(&worker, person.id).await), failed("RESIDENT_ERASED"));
    let old = world.seen(&worker, old.id).await;
    match merged {
        Ok(_) => assert_eq!(refused(old), failed("RESIDENT_ERASED")),
        Err(lost) => {
            assert_eq!(testkit::reason(&lost), "MERGE_DURING_ERASURE");
            old.unwrap();
        }
    }
}

#[tokio::test]
async fn id_08_mandates_of_an_erased_person_end_and_go_when_their_time_is_over() {
    let world = World::start().await;
    let (old, person) = (world.unknown("old").await, world.person("person").await);
    let mandate = world.record_as("referral", &old.caller, for_a_referral(old.id)).await.unwrap();
    world.continue_as("referral", &mandate.mandate_id, &[HOLD]).await.unwrap();
    world.merged(old.id, person.id).await;
    let person = world.again(&person, "person-again").await;
    let stranger = world.person("stranger").await;
    world.record_as("referral", &stranger.caller, for_a_referral(stranger.id)).await.unwrap();

    world.erase(&person).await;
    let refusal = world.continue_as("referral", &mandate.mandate_id, &[HOLD]).await.map(|_| ());
    assert_eq!(refused(refusal).1, "MANDATE_ENDED");
    let ended = "SELECT count(*) FROM mandates WHERE resident_id = $1 AND ended_as = 'REVOKED'";
    assert_eq!(world.count_of(ended, old.id).await, 1);
    let lasting = "SELECT count(*) FROM mandates WHERE resident_id = $1 AND ended_at IS NULL";
    assert_eq!(world.count_of(lasting, stranger.id).await, 1);

    // Three years after they ended, with what went on under them.
    let database = world.mesh.connect("identity").await;
    testkit::pass_days(&mut world.mesh.owner("identity").await, 10 * 366).await;
    postgres::retention::apply(&database, "identity", identity::app::PERSONAL).await.unwrap();
    assert_eq!(world.count_of("SELECT count(*) FROM mandates WHERE resident_id = $1", old.id).await, 0);
    assert_eq!(world.count_of("SELECT count(*) FROM mandates WHERE resident_id = $1", stranger.id).await, 0);
}

#[tokio::test]
async fn id_08_an_erased_person_leaves_their_household_and_none_is_left_without_its_head() {
    let world = World::start().await;
    world.community().await;
    let worker = world.caller("worker");
    let (head, spouse, child) = (world.person("head").await, world.person("spouse").await, world.person("child").await);
    let members = [(&head, Relation::Head), (&spouse, Relation::Spouse), (&child, Relation::Child)];
    world.form_household(&worker, &members).await.unwrap();
    let here = async |person: &Person, on: &str| {
        let household = world.lives_with(&worker, person.id, on).await?;
        Ok::<usize, Status>(household.members.len())
    };
    let today = types::clock::local_date(crate::support::now());
    let (today, tomorrow) = (today.to_string(), (today + chrono::Days::new(1)).to_string());

    world.erase(&child).await;
    assert_eq!(here(&head, &tomorrow).await.unwrap(), 2, "it goes on without the child");
    world.erase(&head).await;
    assert_eq!(here(&spouse, &today).await.unwrap(), 1, "the others lived there until today");
    assert_eq!(refused(here(&spouse, &tomorrow).await), not_found("HOUSEHOLD_NOT_FOUND"));
    for person in [&head, &child] {
        let left = "SELECT count(*) FROM household_members WHERE resident_id = $1";
        assert_eq!(world.count_of(left, person.id).await, 0);
    }
    let lasting: i64 = sqlx::query_scalar("SELECT count(*) FROM households WHERE ended_with IS NULL")
        .fetch_one(&mut world.mesh.owner("identity").await)
        .await
        .unwrap();
    assert_eq!(lasting, 0);
}
