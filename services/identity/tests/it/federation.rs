//! People who log in at a trusted provider, and everything that is not a good login.

use std::fs;
use std::path::Path;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chassis::auth::Claims;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use proto::anjia::identity::v1::exchange_token_request::Capacity;
use proto::anjia::identity::v1::revoke_token_request::Target;
use proto::anjia::identity::v1::{
    ActingFor, DelegatedAction, ExchangeTokenRequest, ExchangeTokenResponse, ListOrganisationsRequest,
    RevokeTokenRequest,
};
use serde_json::{Value, json};
use testkit::callers::{CLINIC, WORKER};
use testkit::{Mesh, request_id};
use tonic::Status;

use crate::exchange_token::{assertion, unauthenticated};
use crate::provider::Provider;
use crate::support::{NAME, Person, World, denied, new_delegation, now, refused, wrong_field};

pub(crate) const ISSUER: &str = "http://127.0.0.1:9/city";
const ID_TOKEN: &str = "urn:ietf:params:oauth:token-type:id_token";
const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";

/// Claims of a good token of a resident with this number.
pub(crate) fn claims(number: &str) -> Value {
    let second = now().timestamp();
    json!({
        "iss": ISSUER, "aud": "anjia-app", "sub": "u-1", "jti": request_id(), "iat": second, "exp": second + 300,
        "id_number": number, "roles": ["citizen"],
    })
}

fn with(mut claims: Value, changes: &Value) -> Value {
    for (name, value) in changes.as_object().unwrap() {
        claims[name] = value.clone();
    }
    claims
}

pub(crate) fn file(keys: &str) -> String {
    format!(
        r#"
        [[provider]]
        name = "city"
        issuer = "{ISSUER}"
        audiences = ["anjia-app"]
        clients = ["app", "worker"]
        {keys}
        keys_fresh_s = 1
        region = "110000"
        development = true
        claims = {{ national_id = "id_number", name = "name", roles = "roles", organisation = "org" }}
        roles = {{ citizen = "resident", worker = "community_worker", doctor = "clinician", root = "operator" }}
        "#
    )
}

/// A mesh that trusts the provider by a file of keys.
async fn trusting(folder: &Path, provider: &Provider) -> World {
    fs::write(folder.join("jwks.json"), provider.jwks()).unwrap();
    start(folder, &file("jwks_file = \"jwks.json\"")).await
}

pub(crate) async fn start(folder: &Path, text: &str) -> World {
    let path = folder.join("providers.toml");
    fs::write(&path, text).unwrap();
    World { mesh: Mesh::start_with(&["identity"], &[("FEDERATION_FILE", path.to_str().unwrap())]).await }
}

impl World {
    fn message(&self, client: &str, token: &str) -> ExchangeTokenRequest {
        ExchangeTokenRequest {
            client_assertion: self.sign(client, &assertion(client)),
            subject_token: token.to_owned(),
            subject_token_type: ID_TOKEN.to_owned(),
            ..Default::default()
        }
    }

    async fn ask(&self, message: ExchangeTokenRequest) -> Result<ExchangeTokenResponse, Status> {
        Ok(self.tokens().exchange_token(message).await?.into_inner())
    }

    pub(crate) async fn log_in(&self, token: &str) -> Result<ExchangeTokenResponse, Status> {
        self.ask(self.message("app", token)).await
    }

    async fn rows_of(&self, table: &'static str) -> i64 {
        let sql = match table {
            "logins" => "SELECT count(*) FROM logins",
            "residents" => "SELECT count(*) FROM residents",
            _ => "SELECT count(*) FROM assertions",
        };
        sqlx::query_scalar(sql).fetch_one(&mut self.mesh.owner("identity").await).await.unwrap()
    }

    /// The worker of the journey logs in at the city, too.
    fn link_worker(&self) {
        let login = json!({
            "issuer": ISSUER, "subject": "w-1", "party": format!("practitioner:{WORKER}"), "organisation_id": CLINIC.to_string(),
            "roles": ["community_worker", "family_doctor"], "region": "110000",
        });
        for changed in ["1 clients", "0 clients"] {
            let output = self.bootstrap(&json!({ "clients": [], "logins": [login] }).to_string());
            assert!(String::from_utf8_lossy(&output.stdout).starts_with(changed), "{output:?}");
        }
    }
}

fn worker() -> Value {
    with(claims(""), &json!({ "sub": "w-1", "id_number": null, "roles": ["worker", "doctor", "root"] }))
}

fn read(answer: &ExchangeTokenResponse) -> Claims {
    jsonwebtoken::dangerous::insecure_decode_claims(&answer.access_token).unwrap()
}

#[tokio::test]
async fn id_07_a_resident_logs_in_with_the_citys_login_and_is_found_by_number() {
    let (folder, provider) = (tempfile::tempdir().unwrap(), Provider::new(1));
    let world = trusting(folder.path(), &provider).await;
    let Person { id, number, .. } = world.person("chen").await;

    let first = world.log_in(&provider.sign_ec(&claims(&number))).await.unwrap();
    let said = read(&first);
    assert_eq!(said.caller().unwrap().resident(), Some(id));
    assert_eq!((first.scope.as_str(), said.client_id.as_deref(), said.act), ("resident", Some("app"), None));
    assert_eq!(first.issued_token_type, ACCESS_TOKEN);
    assert_eq!(world.audited("identity.login.link", id).await, 1);
    assert_eq!(world.audited("identity.token.issue_login", id).await, 1);
    // From now on the login alone says who it is.
    let again = with(claims(&number), &json!({ "id_number": null }));
    let again = world.log_in(&provider.sign(Some("ed"), &again)).await.unwrap();
    assert_eq!(read(&again).sub, said.sub);
    assert_eq!((world.rows_of("logins").await, world.audited("identity.login.link", id).await), (1, 1));

    // The token is good: she reads her own record, with her full name.
    let mut request =
        tonic::Request::new(proto::anjia::identity::v1::GetResidentRequest { resident_id: id.to_string() });
    request.metadata_mut().insert("authorization", format!("Bearer {}", again.access_token).parse().unwrap());
    let shown = world.residents().get_resident(request).await.unwrap().into_inner().resident.unwrap();
    assert_eq!(shown.display_name, NAME);

    // The same login with somebody else's number is nobody's.
    let other = world.person("li").await;
    let mixed = provider.sign(Some("ed"), &claims(&other.number));
    assert_eq!(refused(world.log_in(&mixed).await), unauthenticated("LOGIN_MISMATCH"));
    let namesake = with(claims(&other.number), &json!({ "sub": "u-2", "name": "别人" }));
    assert_eq!(refused(world.log_in(&provider.sign(Some("ed"), &namesake)).await), unauthenticated("LOGIN_MISMATCH"));
}

#[tokio::test]
async fn id_07_nobody_comes_to_be_a_person_by_logging_in() {
    let (folder, provider) = (tempfile::tempdir().unwrap(), Provider::new(1));
    let world = trusting(folder.path(), &provider).await;
    let unknown = testkit::national_id(crate::support::day("1960-01-01"));
    let token = provider.sign(Some("ed"), &claims(unknown.expose()));
    assert_eq!(refused(world.log_in(&token).await), denied("PERSON_UNKNOWN"));
    // Staff are linked by an operator, whatever the provider says of them.
    let staff = with(claims(""), &json!({ "sub": "w-9", "id_number": null, "roles": ["root"] }));
    assert_eq!(refused(world.log_in(&provider.sign(Some("ed"), &staff)).await), denied("PERSON_UNKNOWN"));
    assert_eq!((world.rows_of("logins").await, world.rows_of("residents").await), (0, 0));
}

#[tokio::test]
async fn id_07_roles_are_what_provider_registration_and_app_agree_on() {
    let (folder, provider) = (tempfile::tempdir().unwrap(), Provider::new(1));
    let world = trusting(folder.path(), &provider).await;
    world.link_worker();

    // The provider also says doctor and root, which are not registered; registered is family_doctor, which it does not say.
    let answer = world.log_in(&provider.sign(Some("ed"), &worker())).await.unwrap();
    assert_eq!(answer.scope, "community_worker");
    let said = read(&answer);
    assert_eq!((said.sub.to_string(), said.org.unwrap().uuid()), (format!("practitioner:{WORKER}"), CLINIC));

    for scope in ["operator", "clinician", "community_worker family_doctor"] {
        let message = world.message("app", &provider.sign(Some("ed"), &worker()));
        let asked = ExchangeTokenRequest { scope: scope.to_owned(), ..message };
        assert_eq!(refused(world.ask(asked).await), denied("SCOPE_ESCALATION"), "{scope}");
    }
    let nothing = with(worker(), &json!({ "roles": ["doctor"] }));
    assert_eq!(refused(world.log_in(&provider.sign(Some("ed"), &nothing)).await), denied("SCOPE_ESCALATION"));
    let elsewhere = with(worker(), &json!({ "org": "01930000-0000-7000-8000-00000000c002" }));
    assert_eq!(refused(world.log_in(&provider.sign(Some("ed"), &elsewhere)).await), unauthenticated("LOGIN_MISMATCH"));
    // A client that may not ask for anybody, and one that the provider is not for.
    for client in ["worker", "bank"] {
        let message = world.message(client, &provider.sign(Some("ed"), &worker()));
        assert_eq!(refused(world.ask(message).await), denied("EXCHANGE_NOT_PERMITTED"), "{client}");
    }

    let operator = world.caller("operator").context().await.unwrap();
    let barred = RevokeTokenRequest {
        request_id: request_id(),
        target: Some(Target::Party(format!("practitioner:{WORKER}"))),
        lasting: true,
        reason: "left".to_owned(),
    };
    world.tokens().revoke_token(operator.request(barred)).await.unwrap();
    assert_eq!(refused(world.log_in(&provider.sign(Some("ed"), &worker())).await), denied("PERSON_BARRED"));
}

#[tokio::test]
async fn id_04_a_worker_who_logged_in_acts_for_a_resident_and_for_no_third() {
    let (folder, provider) = (tempfile::tempdir().unwrap(), Provider::new(1));
    let world = trusting(folder.path(), &provider).await;
    world.link_worker();
    let (person, other) = (world.person("chen").await, world.person("li").await);
    let party = format!("practitioner:{WORKER}");
    let grant = async |person: &Person| {
        let message = new_delegation(person.id, &party, &[DelegatedAction::Book]);
        world.grant(&person.caller, message).await.unwrap().delegation_id
    };
    let acting = |person: &Person, delegation_id: String| {
        Some(Capacity::ActingFor(ActingFor { resident_id: person.id.to_string(), delegation_id }))
    };
    let (hers, others) = (grant(&person).await, grant(&other).await);

    let message = world.message("app", &provider.sign(Some("ed"), &worker()));
    let answer = world.ask(ExchangeTokenRequest { capacity: acting(&person, hers), ..message }).await.unwrap();
    let said = read(&answer);
    assert_eq!(
        (said.sub.to_string(), said.act.unwrap().sub.to_string()),
        (format!("resident:{}", person.id), party.clone())
    );
    assert_eq!(world.audited("identity.token.issue_acting", person.id).await, 1);

    let third = ExchangeTokenRequest {
        subject_token_type: ACCESS_TOKEN.to_owned(),
        capacity: acting(&other, others),
        ..world.message("app", &answer.access_token)
    };
    assert_eq!(refused(world.ask(third).await), denied("ACT_TOO_DEEP"));
    // No delegation, no act.
    let message = world.message("app", &provider.sign(Some("ed"), &worker()));
    let none = acting(&person, "01930000-0000-7000-8000-000000000001".to_owned());
    assert_eq!(refused(world.ask(ExchangeTokenRequest { capacity: none, ..message }).await), denied("NO_DELEGATION"));
}

#[tokio::test]
async fn id_07_an_access_token_is_narrowed_and_never_widened() {
    let (folder, provider) = (tempfile::tempdir().unwrap(), Provider::new(1));
    let world = trusting(folder.path(), &provider).await;
    world.link_worker();
    let first = world.log_in(&provider.sign(Some("ed"), &worker())).await.unwrap();
    let own = |client: &str, token: &str| ExchangeTokenRequest {
        subject_token_type: ACCESS_TOKEN.to_owned(),
        ..world.message(client, token)
    };
    let methods = vec!["anjia.identity.v1.OrganisationService/ListOrganisations".to_owned()];
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    let narrow = ExchangeTokenRequest { methods: methods.clone(), ..own("app", &first.access_token) };
    let narrow = world.ask(narrow).await.unwrap();
    assert_eq!(read(&narrow).methods, Some(methods.clone()));
    assert_eq!(narrow.expires_at, first.expires_at, "it ends no later");
    let narrowed = "SELECT actor FROM audit_entries WHERE action = 'identity.token.narrow'";
    let narrowed: Vec<String> =
        sqlx::query_scalar(narrowed).fetch_all(&mut world.mesh.owner("identity").await).await.unwrap();
    assert_eq!(narrowed, [format!("practitioner:{WORKER}")], "once, and the login itself is no narrowing");

    let other = vec!["anjia.identity.v1.ResidentService/FindResident".to_owned()];
    let wider = ExchangeTokenRequest { methods: other, ..own("app", &narrow.access_token) };
    assert_eq!(refused(world.ask(wider).await), denied("SCOPE_ESCALATION"));
    let role = ExchangeTokenRequest { scope: "operator".to_owned(), ..own("app", &first.access_token) };
    assert_eq!(refused(world.ask(role).await), denied("SCOPE_ESCALATION"));
    assert_eq!(refused(world.ask(own("clinic", &first.access_token)).await), denied("EXCHANGE_NOT_PERMITTED"));
    let forged = format!("{}AAAA", &first.access_token[..first.access_token.len() - 4]);
    assert_eq!(refused(world.ask(own("app", &forged)).await), unauthenticated("SUBJECT_TOKEN_INVALID"));
}

#[tokio::test]
async fn id_07_what_is_no_good_login_is_refused_by_reason_and_changes_nothing() {
    let (folder, provider, stranger) = (tempfile::tempdir().unwrap(), Provider::new(1), Provider::new(2));
    let world = trusting(folder.path(), &provider).await;
    let number = world.person("chen").await.number;
    let (good, second) = (claims(&number), now().timestamp());
    let signed = |changes: Value| provider.sign(Some("ed"), &with(good.clone(), &changes));

    let body = URL_SAFE_NO_PAD.encode(good.to_string());
    let unsigned = format!("{}.{body}.", URL_SAFE_NO_PAD.encode(r#"{"alg":"none","kid":"ed"}"#));
    let header = Header { kid: Some("ed".to_owned()), ..Header::new(Algorithm::HS256) };
    let public = EncodingKey::from_secret(provider.ed.verifying_key().as_bytes());
    let symmetric = jsonwebtoken::encode(&header, &good, &public).unwrap();
    let confused = {
        let ec = provider.sign_ec(&good);
        let (_, rest) = ec.split_once('.').unwrap();
        format!("{}.{rest}", URL_SAFE_NO_PAD.encode(r#"{"alg":"ES256","kid":"ed"}"#))
    };
    let text = good.to_string();
    let doubled = provider.sign_text(&format!(r#"{},"sub":"u-2"}}"#, &text[..text.len() - 1]));
    let invalid = "SUBJECT_TOKEN_INVALID";
    let cases = [
        ("alg=none", unsigned, invalid),
        ("HS256 under the public key", symmetric, invalid),
        ("a key of another kind", confused, invalid),
        ("a key of nobody", stranger.sign(Some("ed"), &good), invalid),
        ("no kid", provider.sign(None, &good), invalid),
        ("an unknown kid", provider.sign(Some("other"), &good), invalid),
        ("a doubled claim", doubled, invalid),
        ("another audience", signed(json!({ "aud": "another-app" })), invalid),
        ("issued ahead", signed(json!({ "iat": second + 60, "exp": second + 200 })), invalid),
        ("good from later on", signed(json!({ "nbf": second + 60 })), invalid),
        ("a long life", signed(json!({ "exp": second + 3_600 })), invalid),
        ("no subject", signed(json!({ "sub": null })), invalid),
        ("expired", signed(json!({ "iat": second - 300, "exp": second - 1 })), "SUBJECT_TOKEN_EXPIRED"),
        ("a foreign issuer", signed(json!({ "iss": "https://login.example.cn" })), "PROVIDER_UNKNOWN"),
        ("nonsense", "nonsense".to_owned(), invalid),
    ];
    let proof = world.sign("app", &assertion("app"));
    for (what, token, reason) in &cases {
        let message = ExchangeTokenRequest { client_assertion: proof.clone(), ..world.message("app", token) };
        assert_eq!(refused(world.ask(message).await), unauthenticated(reason), "{what}");
    }
    let message = world.message("app", &signed(json!({ "nonce": "mine" })));
    let yours = ExchangeTokenRequest { nonce: "yours".to_owned(), ..message };
    assert_eq!(refused(world.ask(yours).await), unauthenticated(invalid));
    assert_eq!(wrong_field(world.log_in(&"x".repeat(8_193)).await), "subject_token");
    let untyped = ExchangeTokenRequest { subject_token_type: "jwt".to_owned(), ..world.message("app", "a.b.c") };
    assert_eq!(wrong_field(world.ask(untyped).await), "subject_token_type");
    let roleless = ExchangeTokenRequest { scope: "root".to_owned(), ..world.message("app", "a.b.c") };
    assert_eq!(wrong_field(world.ask(roleless).await), "scope");
    assert_eq!(world.rows_of("logins").await, 0);

    // The proof was not taken by any of them; the good token is, once.
    let token = provider.sign(Some("ed"), &good);
    let message = ExchangeTokenRequest { client_assertion: proof, ..world.message("app", &token) };
    world.ask(message).await.unwrap();
    assert_eq!(refused(world.log_in(&token).await), unauthenticated("SUBJECT_TOKEN_REPLAYED"));

    // All of it stands in the audit, with how often.
    tokio::time::sleep(Duration::from_secs(2)).await;
    let recorded: i64 = sqlx::query_scalar("SELECT coalesce(sum(times), 0)::bigint FROM refusals WHERE reason = $1")
        .bind(invalid)
        .fetch_one(&mut world.mesh.owner("identity").await)
        .await
        .unwrap();
    let expected = cases.iter().filter(|(_, _, reason)| *reason == invalid).count() + 1;
    assert_eq!(recorded, i64::try_from(expected).unwrap());
}

#[tokio::test]
async fn id_07_a_narrowed_token_is_as_old_as_its_parent_and_is_taken_back_with_it() {
    let (folder, provider) = (tempfile::tempdir().unwrap(), Provider::new(1));
    let world = trusting(folder.path(), &provider).await;
    world.link_worker();
    let first = world.log_in(&provider.sign(Some("ed"), &worker())).await.unwrap();
    let narrowed = async |from: &ExchangeTokenResponse| {
        let message = world.message("app", &from.access_token);
        world.ask(ExchangeTokenRequest { subject_token_type: ACCESS_TOKEN.to_owned(), ..message }).await.unwrap()
    };
    tokio::time::sleep(Duration::from_millis(20)).await;
    let child = narrowed(&first).await;
    let grandchild = narrowed(&child).await;
    for token in [&child, &grandchild] {
        assert_eq!(read(token).issued_at(), read(&first).issued_at());
        assert_ne!(read(token).jti, read(&first).jti);
    }
    assert_eq!(read(&grandchild).via, [read(&first).jti, read(&child).jti]);

    let as_bearer = |token: &ExchangeTokenResponse| {
        let mut request = tonic::Request::new(ListOrganisationsRequest::default());
        request.metadata_mut().insert("authorization", format!("Bearer {}", token.access_token).parse().unwrap());
        request
    };
    // Logging out with the middle one takes back what came from it, and not what it came from.
    let mut log_out = tonic::Request::new(RevokeTokenRequest { request_id: request_id(), ..Default::default() });
    log_out.metadata_mut().insert("authorization", format!("Bearer {}", child.access_token).parse().unwrap());
    world.tokens().revoke_token(log_out).await.unwrap();
    let begun = std::time::Instant::now();
    let call = async |token| world.organisations().list_organisations(as_bearer(token)).await;
    for token in [&child, &grandchild] {
        while call(token).await.is_ok() {
            assert!(begun.elapsed() < Duration::from_secs(2), "not taken back");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        assert_eq!(refused(call(token).await.map(drop)), unauthenticated("TOKEN_REVOKED"));
        // Nor does anything come of it any more.
        let message = world.message("app", &token.access_token);
        let again = world.ask(ExchangeTokenRequest { subject_token_type: ACCESS_TOKEN.to_owned(), ..message }).await;
        assert_eq!(refused(again), unauthenticated("SUBJECT_TOKEN_INVALID"));
    }
    call(&first).await.unwrap();
}
