//! A person's erasure as identity sees it: who may ask, what services say, what is gone afterwards.

use proto::anjia::identity::v1::privacy_service_client::PrivacyServiceClient;
use proto::anjia::identity::v1::{
    CancelErasureRequest, CheckDelegationRequest, DelegatedAction, Erasure, ErasureState, ErasureStep, ErasureWord,
    FindResidentRequest, GetCoverageRequest, GetErasureRequest, GetResidentRequest, KeptData, OpenObligation,
    ReportErasureRequest, RequestErasureRequest,
};
use testkit::{TestCaller, request_id};
use tonic::{Code, Status};
use tonic_types::StatusExt;
use types::ids::{ErasureId, ResidentId};
use types::region::RegionCode;

use crate::support::{
    MOBILE, NAME, Person, World, day, denied, exists, new_consent, new_enrolment, new_resident, not_found, refused,
    wrong_field,
};

const SERVICES: [&str; 4] = ["scheduling", "referral", "adjudication", "payment"];

impl World {
    fn privacy(&self) -> PrivacyServiceClient<chassis::channel::Channel> {
        PrivacyServiceClient::new(self.channel())
    }

    pub(crate) async fn ask_to_erase(
        &self,
        caller: &TestCaller,
        id: ResidentId,
        evidence: &str,
    ) -> Result<Erasure, Status> {
        let message = RequestErasureRequest {
            request_id: request_id(),
            resident_id: id.to_string(),
            evidence: evidence.to_owned(),
        };
        let answer = self.privacy().request_erasure(caller.request(message).await).await?;
        Ok(answer.into_inner().erasure.unwrap())
    }

    async fn stands(&self, caller: &TestCaller, id: &str) -> Result<Erasure, Status> {
        let request = caller.request(GetErasureRequest { erasure_id: id.to_owned() }).await;
        Ok(self.privacy().get_erasure(request).await?.into_inner().erasure.unwrap())
    }

    pub(crate) async fn cancel_erasure(&self, caller: &TestCaller, id: &str) -> Result<Erasure, Status> {
        let message = CancelErasureRequest { request_id: request_id(), erasure_id: id.to_owned() };
        Ok(self.privacy().cancel_erasure(caller.request(message).await).await?.into_inner().erasure.unwrap())
    }

    /// A service's word, as the service itself says it.
    async fn say(&self, service: &str, id: &str, word: ErasureWord) -> Result<ErasureStep, Status> {
        let open = OpenObligation { kind: "BILL".to_owned(), id: "b-1".to_owned() };
        let kept = KeptData { rule: "accounting".to_owned(), rows: 2, ..KeptData::default() };
        let message = ReportErasureRequest {
            erasure_id: id.to_owned(),
            word: word.into(),
            open: if word == ErasureWord::Open { vec![open] } else { vec![] },
            kept: vec![kept],
        };
        let request = self.caller(service).request(message).await;
        Ok(self.privacy().report_erasure(request).await?.into_inner().step())
    }

    pub(crate) async fn all_say(&self, id: &str, word: ErasureWord) {
        for service in SERVICES {
            self.say(service, id, word).await.unwrap();
        }
    }

    /// Asked for by the person, and carried out.
    pub(crate) async fn erase(&self, person: &Person) -> String {
        let id = self.ask_to_erase(&person.caller, person.id, "").await.unwrap().erasure_id;
        self.all_say(&id, ErasureWord::Clear).await;
        self.all_say(&id, ErasureWord::Closed).await;
        id
    }

    pub(crate) async fn count_of(&self, sql: &'static str, id: ResidentId) -> i64 {
        sqlx::query_scalar(sql).bind(id.uuid()).fetch_one(&mut self.mesh.owner("identity").await).await.unwrap()
    }
}

#[tokio::test]
async fn id_08_an_erasure_is_asked_for_by_the_person_their_guardian_or_an_operator_with_evidence() {
    let world = World::start().await;
    let person = world.person("chen").await;
    let stranger = world.person("wang").await;
    let operator = world.caller("operator");
    assert_eq!(refused(world.ask_to_erase(&stranger.caller, person.id, "").await), denied("OUTSIDE_SCOPE"));
    assert_eq!(wrong_field(world.ask_to_erase(&operator, person.id, "").await), "evidence");
    let delegation = world.delegate(&person, &[DelegatedAction::Refer]).await;
    let clerk = world.caller("worker").acting_for(person.id, delegation);
    assert_eq!(refused(world.ask_to_erase(&clerk, person.id, "").await).0, Code::PermissionDenied);

    let asked = world.ask_to_erase(&operator, person.id, "file 2026-17").await.unwrap();
    assert_eq!((asked.state(), asked.evidence.as_str()), (ErasureState::Requested, "file 2026-17"));
    let again = world.ask_to_erase(&person.caller, person.id, "").await.unwrap_err();
    assert_eq!(again.get_details_error_info().unwrap().metadata["erasure_id"], asked.erasure_id);
    assert_eq!(refused::<()>(Err(again)), exists("ERASURE_REQUESTED"));
    assert_eq!(world.stands(&person.caller, &asked.erasure_id).await.unwrap(), asked);
    assert_eq!(refused(world.stands(&stranger.caller, &asked.erasure_id).await), denied("OUTSIDE_SCOPE"));
    let unknown = ErasureId::generate().to_string();
    assert_eq!(refused(world.stands(&operator, &unknown).await), not_found("ERASURE_NOT_FOUND"));
    assert_eq!(world.audited("identity.erasure.request", person.id).await, 1);
    assert_eq!(world.told("anjia.identity.resident.erasure_requested.v1", &person.id.to_string()).await, 1);
}

#[tokio::test]
async fn id_08_what_is_open_is_named_to_the_person_and_a_request_can_be_taken_back() {
    let world = World::start().await;
    let person = world.person("chen").await;
    let id = world.ask_to_erase(&person.caller, person.id, "").await.unwrap().erasure_id;
    assert_eq!(world.say("payment", &id, ErasureWord::Open).await.unwrap(), ErasureStep::Watch);
    let blocked = world.stands(&person.caller, &id).await.unwrap();
    assert_eq!(blocked.state(), ErasureState::Blocked);
    let payment = blocked.standings.iter().find(|standing| standing.service == "payment").unwrap();
    assert_eq!((payment.open[0].kind.as_str(), payment.open[0].id.as_str()), ("BILL", "b-1"));
    let kept = &payment.kept[0];
    assert!(kept.source.contains("《会计档案管理办法》") && !kept.why.as_ref().unwrap().zh.is_empty(), "{kept:?}");
    // Nobody's care is refused meanwhile.
    let get = GetResidentRequest { resident_id: person.id.to_string() };
    world.residents().get_resident(person.caller.request(get).await).await.unwrap();

    let cancelled = world.cancel_erasure(&person.caller, &id).await.unwrap();
    assert_eq!(cancelled.state(), ErasureState::Cancelled);
    assert_eq!(world.cancel_erasure(&person.caller, &id).await.unwrap(), cancelled);
    assert_eq!(world.say("payment", &id, ErasureWord::Clear).await.unwrap(), ErasureStep::Cancel);
    assert_eq!(world.audited("identity.erasure.cancel", person.id).await, 1);
    assert!(world.ask_to_erase(&person.caller, person.id, "").await.is_ok(), "she may ask again");
}

#[tokio::test]
async fn id_08_identity_says_that_somebody_was_erased_after_an_earlier_transaction_closed_their_request_and_not_otherwise()
 {
    let test = testkit::TestDb::new(&identity::MIGRATOR).await;
    let db = test.database();
    let mut tx = db.begin(postgres::Scope::Region(RegionCode::BEIJING)).await.unwrap();
    let requests = "INSERT INTO residents (id, region, key_version, community, state, registered_at) \
        SELECT md5(name)::uuid, '110000', 1, '', 'ERASED', now() FROM unnest(ARRAY['NOBODY', 'REQUESTED', 'CLOSING']) AS name; \
        INSERT INTO erasure_requests (id, region, resident_id, state, requested_by, evidence, requested_at, closing_since) \
        SELECT md5(state || 'request')::uuid, '110000', md5(state)::uuid, state, 'client:x', '', now(), \
            CASE WHEN state = 'CLOSING' THEN now() END FROM unnest(ARRAY['REQUESTED', 'CLOSING']) AS state";
    sqlx::raw_sql(requests).execute(&mut *tx).await.unwrap();
    tx.commit().await.unwrap();
    let erased = |of: &str, request: &str| {
        format!(
            "INSERT INTO erasures (region, resident_id, erasure_id, state) \
             VALUES ('110000', md5('{of}')::uuid, md5('{request}request')::uuid, 'ERASED')"
        )
    };
    let close = "UPDATE erasure_requests SET state = 'CLOSING', closing_since = now(), closing_in = '1' WHERE state = 'REQUESTED'";
    for cheat in [
        erased("NOBODY", "NOBODY"),
        erased("NOBODY", "CLOSING"),
        erased("REQUESTED", "REQUESTED"),
        erased("REQUESTED", "CLOSING"),
        format!("{close}; {}", erased("REQUESTED", "REQUESTED")),
        format!("SAVEPOINT closed; {close}; RELEASE closed; {}", erased("REQUESTED", "REQUESTED")),
        format!(
            "UPDATE erasure_requests SET resident_id = md5('NOBODY')::uuid WHERE state = 'CLOSING'; {}",
            erased("NOBODY", "CLOSING")
        ),
    ] {
        let mut tx = db.begin(postgres::Scope::Region(RegionCode::BEIJING)).await.unwrap();
        let refused = sqlx::raw_sql(sqlx::AssertSqlSafe(cheat.clone())).execute(&mut *tx).await.expect_err(&cheat);
        let code = refused.into_database_error().and_then(|error| error.code().map(std::borrow::Cow::into_owned));
        assert_eq!(code.as_deref(), Some("42501"), "{cheat}");
    }
    let mut tx = db.begin(postgres::Scope::Region(RegionCode::BEIJING)).await.unwrap();
    sqlx::raw_sql(sqlx::AssertSqlSafe(erased("CLOSING", "CLOSING"))).execute(&mut *tx).await.unwrap();
}

#[tokio::test]
async fn id_08_after_an_erasure_nobody_can_name_the_person_and_she_can_register_anew() {
    let world = World::start().await;
    let hospital = world.hospital().await;
    let person = world.person("chen").await;
    let worker = world.caller("worker");
    let delegation = world.delegate(&person, &[DelegatedAction::Book]).await;
    world.consent(&person.caller, new_consent(person.id, hospital)).await.unwrap();
    world.enrol(&world.caller("insurer-proposer"), new_enrolment(person.id, "2014-03-01", None)).await.unwrap();

    let id = world.erase(&person).await;
    assert_eq!(refused(world.cancel_erasure(&world.caller("operator"), &id).await).1, "ERASURE_CARRIED_OUT");

    // Calls about the number that is left say why.
    let operator = world.caller("operator");
    let get = GetResidentRequest { resident_id: person.id.to_string() };
    let status = world.residents().get_resident(worker.request(get).await).await.unwrap_err();
    assert_eq!((status.code(), testkit::reason(&status).as_str()), (Code::FailedPrecondition, "RESIDENT_ERASED"));
    let cover = GetCoverageRequest {
        resident_id: person.id.to_string(),
        on: Some(proto::convert::to_date(day("2026-01-05"))),
        known_at: None,
    };
    let status = world.enrolments().get_coverage(world.caller("scheduling").request(cover).await).await.unwrap_err();
    assert_eq!(testkit::reason(&status), "RESIDENT_ERASED");
    assert_eq!(refused(world.ask_to_erase(&operator, person.id, "again").await).1, "RESIDENT_ERASED");
    let check = CheckDelegationRequest {
        delegation_id: delegation.to_string(),
        resident_id: person.id.to_string(),
        delegate: worker.party().to_owned(),
        action: DelegatedAction::Book.into(),
        ..CheckDelegationRequest::default()
    };
    let status =
        world.delegations().check_delegation(world.caller("scheduling").request(check).await).await.unwrap_err();
    assert_eq!(testkit::reason(&status), "NO_DELEGATION");
    let find = FindResidentRequest {
        national_id: person.number.clone(),
        name: NAME.to_owned(),
        ..FindResidentRequest::default()
    };
    assert_eq!(
        refused(world.residents().find_resident(worker.request(find).await).await),
        not_found("RESIDENT_NOT_FOUND")
    );

    // Whatever named her is gone, sealed or not; what is kept is numbers.
    for sql in [
        "SELECT count(*) FROM identifiers WHERE resident_id = $1",
        "SELECT count(*) FROM resident_changes WHERE resident_id = $1",
        "SELECT count(*) FROM logins WHERE party = 'resident:' || $1::uuid",
        "SELECT count(*) FROM requests WHERE resident_ids @> ARRAY[$1] OR subject = 'resident:' || $1::uuid",
        "SELECT num_nonnulls(name_sealed, birth_date_sealed, sex_sealed, mobile_sealed, address_sealed, name_birth_index, \
             mobile_index, birth_year_index)::bigint FROM residents WHERE id = $1",
        "SELECT count(*) FROM delegations WHERE resident_id = $1 AND revoked_at IS NULL",
        "SELECT count(*) FROM consents WHERE resident_id = $1 AND revoked_at IS NULL",
    ] {
        assert_eq!(world.count_of(sql, person.id).await, 0, "{sql}");
    }
    assert_eq!(world.count_of("SELECT count(*) FROM enrolments WHERE resident_id = $1", person.id).await, 1);
    assert_eq!(world.told("anjia.identity.resident.erased.v1", &person.id.to_string()).await, 1);
    assert_eq!(world.told("anjia.identity.delegation.revoked.v1", &delegation.to_string()).await, 1);

    // The receipt is for whoever hands it out, and names nobody.
    world.all_say(&id, ErasureWord::Erased).await;
    let done = world.stands(&operator, &id).await.unwrap();
    assert_eq!(done.state(), ErasureState::Completed);
    let receipt = done.receipt.unwrap();
    for secret in [NAME, MOBILE, person.number.as_str()] {
        assert!(!receipt.zh.contains(secret) && !receipt.en.contains(secret), "{secret}");
    }
    assert!(receipt.zh.contains("《会计档案管理办法》") && receipt.en.contains("30 years"), "{receipt:?}");

    // The same person is a new resident.
    let anew = proto::anjia::identity::v1::RegisterResidentRequest { national_id: person.number, ..new_resident() };
    let anew = world.register(&worker, anew).await.unwrap();
    assert_ne!(anew.resident_id, person.id.to_string());
}

#[tokio::test]
async fn id_08_services_report_themselves_and_nobody_else_reports() {
    let world = World::start().await;
    let person = world.person("chen").await;
    let id = world.ask_to_erase(&person.caller, person.id, "").await.unwrap().erasure_id;
    let unknown = ErasureId::generate().to_string();
    assert_eq!(refused(world.say("payment", &unknown, ErasureWord::Clear).await), not_found("ERASURE_NOT_FOUND"));
    assert_eq!(refused(world.say("operator", &id, ErasureWord::Clear).await), denied("METHOD_NOT_PERMITTED"));
    let message = |word: ErasureWord| ReportErasureRequest {
        erasure_id: id.clone(),
        word: word.into(),
        ..ReportErasureRequest::default()
    };
    let nothing_open = world.caller("payment").request(message(ErasureWord::Open)).await;
    assert_eq!(wrong_field(world.privacy().report_erasure(nothing_open).await), "open");
    let no_word = world.caller("payment").request(message(ErasureWord::Unspecified)).await;
    assert_eq!(wrong_field(world.privacy().report_erasure(no_word).await), "word");
}
