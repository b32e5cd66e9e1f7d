//! Bad input, all of it at once: refused by its reason, nothing changed, and each refusal on record under who called, what and why.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chassis::auth::Claims;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use proto::anjia::identity::v1::DelegatedAction::Book;
use proto::anjia::identity::v1::{ListOrganisationsRequest, RegisterResidentRequest};
use tonic::{Request, Status};
use types::ids::{OrganisationId, ResidentId};

use crate::support::{World, day, new_consent, new_delegation, new_resident, now};

/// Who called, if that is known; which method, without its package; and the reason.
type Told = (Option<String>, &'static str, &'static str);

const REGISTER: &str = "ResidentService/RegisterResident";
const GRANT: &str = "DelegationService/GrantDelegation";
const CONSENT: &str = "ConsentService/GrantConsent";
const LIST: &str = "OrganisationService/ListOrganisations";

#[tokio::test]
async fn id_01_id_04_id_06_id_07_bad_input_is_refused_by_reason_changes_nothing_and_is_audited() {
    let world = World::start().await;
    let (chen, wang) = (world.person("chen").await, world.person("wang").await);
    let (worker, hers) = (world.caller("worker"), chen.caller.party().to_owned());
    let ring = new_delegation(wang.id, &hers, &[Book]);
    world.grant(&wang.caller, ring).await.unwrap();
    let before = world.amounts().await;
    let mut expected: Vec<Told> = vec![];
    let mut told = |who: Option<&str>, method, reason, answer: Result<(), Status>| {
        assert_eq!(testkit::reason(&answer.unwrap_err()), reason);
        expected.push((who.map(str::to_owned), method, reason));
    };

    let (body, check) = chen.number.split_at(17);
    let wrong_digit = format!("{body}{}", if check == "1" { "2" } else { "1" });
    let unborn = testkit::national_id(day("2190-01-01")).expose().to_owned();
    for (national_id, reason) in [
        (wrong_digit, "INVALID_NATIONAL_ID"),
        (unborn, "INVALID_NATIONAL_ID"),
        (chen.number.clone(), "RESIDENT_EXISTS"),
    ] {
        let message = RegisterResidentRequest { national_id, ..new_resident() };
        told(Some(worker.party()), REGISTER, reason, world.register(&worker, message).await.map(drop));
    }
    let nobody = format!("resident:{}", ResidentId::generate());
    for (delegate, reason) in [
        (hers.as_str(), "INVALID_FIELD"),
        (nobody.as_str(), "DELEGATE_NOT_FOUND"),
        (wang.caller.party(), "DELEGATION_RING"),
    ] {
        let message = new_delegation(chen.id, delegate, &[Book]);
        told(Some(&hers), GRANT, reason, world.grant(&chen.caller, message).await.map(drop));
    }
    let for_nobody = new_consent(chen.id, OrganisationId::generate());
    told(Some(&hers), CONSENT, "ORGANISATION_NOT_FOUND", world.consent(&chen.caller, for_nobody).await.map(drop));
    for (token, reason) in world.bad_tokens().await {
        let mut request = Request::new(ListOrganisationsRequest::default());
        request.metadata_mut().insert("authorization", format!("Bearer {token}").parse().unwrap());
        told(None, LIST, reason, world.organisations().list_organisations(request).await.map(drop));
    }

    assert_eq!(world.amounts().await, before, "a refusal changed something");
    world.audited_refusals(expected).await;
}

impl World {
    /// How much of everything there is that the refused calls would have added to.
    async fn amounts(&self) -> Vec<i64> {
        let mut counts = vec![];
        for counted in [
            "SELECT count(*) FROM residents",
            "SELECT count(*) FROM identifiers",
            "SELECT count(*) FROM delegations",
            "SELECT count(*) FROM consents",
            "SELECT count(*) FROM events",
            "SELECT count(*) FROM requests",
        ] {
            let count = sqlx::query_scalar(counted).fetch_one(&mut self.mesh.owner("identity").await).await;
            counts.push(count.unwrap());
        }
        counts
    }

    /// An operator's token, each time with one fault.
    async fn bad_tokens(&self) -> [(String, &'static str); 5] {
        let good = self.caller("operator").request(()).await;
        let good = good.metadata().get("authorization").unwrap().to_str().unwrap();
        let good = good.strip_prefix("Bearer ").unwrap();
        let claims: Claims = jsonwebtoken::dangerous::insecure_decode_claims(good).unwrap();
        let kid = jsonwebtoken::decode_header(good).unwrap().kid;
        let own = std::fs::read_dir(self.mesh.fleet().keys().signing().unwrap()).unwrap();
        let own = own.flatten().map(|entry| entry.path()).find(|path| path.extension().is_some_and(|it| it == "pem"));
        let (own, anothers) = (own.unwrap(), self.mesh.fleet().keys().private("worker").unwrap());
        let sign = |kid: Option<String>, key: &std::path::Path, claims: &Claims| {
            let key = EncodingKey::from_ed_pem(&std::fs::read(key).unwrap()).unwrap();
            jsonwebtoken::encode(&Header { kid, ..Header::new(Algorithm::EdDSA) }, claims, &key).unwrap()
        };
        let changed = |change: &dyn Fn(&mut Claims)| {
            let mut claims = claims.clone();
            change(&mut claims);
            sign(kid.clone(), &own, &claims)
        };
        let body = good.split('.').nth(1).unwrap();
        let unsigned = URL_SAFE_NO_PAD.encode(format!(r#"{{"alg":"none","kid":"{}"}}"#, kid.clone().unwrap()));
        [
            (changed(&|claims| claims.exp = now().timestamp() - 1), "TOKEN_EXPIRED"),
            (changed(&|claims| "elsewhere".clone_into(&mut claims.aud)), "TOKEN_INVALID"),
            (changed(&|claims| "https://login.example.cn".clone_into(&mut claims.iss)), "TOKEN_INVALID"),
            (sign(kid.clone(), &anothers, &claims), "TOKEN_INVALID"),
            (format!("{unsigned}.{body}."), "TOKEN_INVALID"),
        ]
    }

    /// That these refusals, and no others, come to stand in the audit.
    async fn audited_refusals(&self, expected: Vec<Told>) {
        let mut counted = BTreeMap::new();
        for (who, method, reason) in expected {
            let key = (who.unwrap_or("service:identity".to_owned()), method.to_owned(), reason.to_owned());
            *counted.entry(key).or_insert(0_i64) += 1;
        }
        let deadline = Instant::now() + Duration::from_secs(10);
        loop {
            let recorded: Vec<(String, String, String, i64)> = sqlx::query_as(
                "SELECT entry.actor, replace(method, 'anjia.identity.v1.', ''), reason, sum(times)::bigint FROM refusals \
                 JOIN audit_entries entry ON entry.action = 'platform.call.refuse' AND entry.rows @> \
                 jsonb_build_array(jsonb_build_object('table', 'refusals', 'id', refusals.id)) GROUP BY 1, 2, 3",
            )
            .fetch_all(&mut self.mesh.owner("identity").await)
            .await
            .unwrap();
            let recorded: BTreeMap<_, _> =
                recorded.into_iter().map(|(who, method, reason, times)| ((who, method, reason), times)).collect();
            if recorded == counted {
                return;
            }
            assert!(Instant::now() < deadline, "recorded: {recorded:#?}\nexpected: {counted:#?}");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
}
