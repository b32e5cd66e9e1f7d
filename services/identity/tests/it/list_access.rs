use postgres::audit::{self, Against, Anchor, NoteSigner, Verified};
use postgres::vault::{FileKeys, Vault};
use proto::anjia::common::v1::{Access, AccessPage, PageRequest};
use proto::anjia::identity::v1::audit_service_client::AuditServiceClient;
use proto::anjia::identity::v1::{self as wire, DelegatedAction, ListAccessRequest};
use testkit::TestCaller;
use tonic::Status;
use types::ids::ResidentId;

use crate::support::{World, denied, new_consent, new_enrolment, refused};

impl World {
    async fn accesses(
        &self,
        caller: &TestCaller,
        resident: ResidentId,
        page_size: i32,
        page_token: &str,
    ) -> Result<AccessPage, Status> {
        let page = Some(PageRequest { page_size, page_token: page_token.to_owned() });
        let message = ListAccessRequest { resident_id: resident.to_string(), page };
        let answer = AuditServiceClient::new(self.channel()).list_access(caller.request(message).await).await?;
        Ok(answer.into_inner().page.unwrap())
    }

    async fn look(&self, caller: &TestCaller, resident: ResidentId) -> Result<(), Status> {
        let message = wire::GetResidentRequest { resident_id: resident.to_string() };
        self.residents().get_resident(caller.request(message).await).await.map(drop)
    }
}

fn actions(accesses: &[Access]) -> Vec<&str> {
    accesses.iter().map(|access| access.action.as_str()).collect()
}

#[tokio::test]
async fn id_06_residents_see_who_looked_at_their_data_newest_first_and_page_by_page() {
    let world = World::start().await;
    let person = world.person("chen").await;
    let other = world.person("li").await;
    let worker = world.caller("worker");
    world.look(&worker, person.id).await.unwrap();
    world.look(&person.caller, person.id).await.unwrap();

    let first = world.accesses(&person.caller, person.id, 2, "").await.unwrap();
    assert_eq!(actions(&first.accesses), ["identity.resident.read", "identity.resident.read"]);
    assert_eq!(first.accesses[0].actor, format!("resident:{}", person.id));
    assert_eq!(first.accesses[1].actor, worker.party());
    assert!(!first.accesses[1].organisation_id.is_empty());
    let second = world.accesses(&person.caller, person.id, 2, &first.next_page_token).await.unwrap();
    assert_eq!(actions(&second.accesses), ["identity.resident.register"]);

    // The look itself is an access, and nobody else's stands there.
    let again = world.accesses(&person.caller, person.id, 0, "").await.unwrap();
    assert_eq!(actions(&again.accesses)[..2], ["identity.access.list", "identity.access.list"]);
    let foreign = world.accesses(&other.caller, other.id, 0, "").await.unwrap();
    assert!(!actions(&foreign.accesses).contains(&"identity.resident.read"), "{foreign:?}");

    let auditor = world.auditor().await;
    assert!(!world.accesses(&auditor, person.id, 0, "").await.unwrap().accesses.is_empty());
    assert_eq!(world.audited("identity.access.list", person.id).await, 4);
}

#[tokio::test]
async fn id_06_nobody_else_learns_who_looked() {
    let world = World::start().await;
    let person = world.person("chen").await;
    let other = world.person("li").await;
    assert_eq!(refused(world.accesses(&other.caller, person.id, 0, "").await), denied("OUTSIDE_SCOPE"));
    let worker = world.caller("worker");
    assert_eq!(refused(world.accesses(&worker, person.id, 0, "").await), denied("OUTSIDE_SCOPE"));

    // Who acts for the resident needs VIEW.
    let book = world.delegate(&person, &[DelegatedAction::Book]).await;
    let acting = worker.acting_for(person.id, book);
    assert_eq!(refused(world.accesses(&acting, person.id, 0, "").await), denied("ACTION_NOT_DELEGATED"));
    let view = world.delegate(&person, &[DelegatedAction::View]).await;
    let seen = world.accesses(&worker.acting_for(person.id, view), person.id, 0, "").await.unwrap();
    assert!(!seen.accesses.is_empty());
    let own = world.accesses(&person.caller, person.id, 1, "").await.unwrap();
    assert_eq!(
        (own.accesses[0].actor.as_str(), own.accesses[0].delegation_id.as_str()),
        (worker.party(), view.to_string().as_str())
    );
    assert_eq!(own.accesses[0].subject, format!("resident:{}", person.id));
}

impl World {
    /// What a verifier with the keys says; of an edit, which is taken back afterwards, if there is one.
    pub(crate) async fn verified_after(&self, edit: Option<String>) -> Verified {
        let keys = self.mesh.fleet().keys();
        let vault = Vault::new(std::sync::Arc::new(FileKeys::load(&keys.secret("wrapping").unwrap()).unwrap()));
        let mut owner = self.mesh.owner("identity").await;
        // That a key was destroyed counts once its entry is chained.
        let waits = "SELECT EXISTS (SELECT FROM audit_entries WHERE position IS NULL)";
        while sqlx::query_scalar::<_, bool>(waits).fetch_one(&mut owner).await.unwrap() {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
        let opener = audit::unlock(&mut owner, &vault).await.unwrap();
        let signer = NoteSigner::load("anjia/identity", &keys.private("audit-identity").unwrap()).unwrap();
        let anchor = Anchor::in_folder(self.mesh.fleet().root().join("anchor/identity"));
        let verifier = signer.verifier();
        let against = Against { anchor: Some((&anchor, &verifier)), opener: Some(&*opener), ..Against::default() };
        let Some(edit) = edit else { return audit::verify(&mut owner, against).await.unwrap() };
        let mut tx = sqlx::Connection::begin(&mut owner).await.unwrap();
        sqlx::query(sqlx::AssertSqlSafe(edit)).execute(&mut *tx).await.unwrap();
        audit::verify_in(&mut tx, against).await.unwrap()
    }
}

#[tokio::test]
async fn id_09_every_row_is_as_its_last_entry_says_and_an_edited_one_is_found() {
    let world = World::start().await;
    let person = world.person("chen").await;
    let hospital = world.hospital().await;
    world.enrol(&world.caller("operator"), new_enrolment(person.id, "2025-01-01", None)).await.unwrap();
    world.consent(&person.caller, new_consent(person.id, hospital)).await.unwrap();
    let delegation = world.delegate(&person, &[DelegatedAction::Book]).await;
    world.revoke(&person, delegation).await.unwrap();

    let told = world.verified_after(None).await;
    assert!(told.is_whole() && told.unopened == 0 && told.rows > 10, "{told:#?}");

    for (table, column, id) in [
        ("residents", "name_sealed = mobile_sealed", person.id.to_string()),
        ("residents", "language = 'en'", person.id.to_string()),
        ("delegations", "revoked_at = NULL", delegation.to_string()),
    ] {
        let sql = format!("UPDATE {table} SET {column} WHERE id = '{id}'");
        let edited = world.verified_after(Some(sql.clone())).await;
        let places: Vec<String> = edited.findings.iter().map(|finding| finding.place.to_string()).collect();
        assert_eq!(places, [format!("{table}/{id}")], "{sql}");
    }
}
