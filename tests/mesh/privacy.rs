//! What names a person or tells of their health stands nowhere in plain text, keys can be replaced meanwhile, and the person, nobody
//! else, is shown everything.

use mesh_tests::{City, Patient};
use proto::anjia::common::v1::{ExportPage, ExportRequest};
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use testkit::{TestCaller, reason};
use tonic::{Code, Status};

pub(crate) const SUMMARY: &str = "胸闷一月，活动后加重。";

/// Every row of every table of a service as text; bytes as hexadecimal.
pub(crate) async fn dump(city: &City, service: &str) -> String {
    let url = &city.mesh.fleet().database(service).expect("it is there").owner;
    let mut owner = PgConnection::connect(url).await.expect("it is there");
    let tables: Vec<String> = sqlx::query_scalar(
        "SELECT quote_ident(tablename) FROM pg_tables WHERE schemaname = 'public' ORDER BY tablename",
    )
    .fetch_all(&mut owner)
    .await
    .expect("it is there");
    let mut text = String::new();
    for table in tables {
        let rows: Vec<String> = sqlx::query_scalar(AssertSqlSafe(format!("SELECT t::text FROM {table} t")))
            .fetch_all(&mut owner)
            .await
            .expect("it is there");
        text.push_str(&rows.join("\n"));
    }
    text
}

async fn export(
    city: &City,
    service: &str,
    caller: &TestCaller,
    patient: &Patient,
    why: &str,
) -> Result<ExportPage, Status> {
    let asked = ExportRequest {
        resident_id: patient.id.to_string(),
        reason: why.to_owned(),
        page_size: 200,
        ..ExportRequest::default()
    };
    macro_rules! of {
        ($($name:ident),+) => {
            match service {
                $(stringify!($name) => {
                    use proto::anjia::$name::v1::{ExportResidentRequest, privacy_service_client::PrivacyServiceClient};
                    let mut client = PrivacyServiceClient::new(city.channel(service));
                    let request = caller.request(ExportResidentRequest { export: Some(asked) }).await;
                    client.export_resident(request).await.map(|answer| answer.into_inner().page.expect("it is there"))
                })+
                _ => panic!("{service}"),
            }
        };
    }
    of!(identity, scheduling, adjudication, payment, referral)
}

#[tokio::test]
async fn id_08_i10_nothing_readable_at_rest_and_everything_readable_for_the_person() {
    let city = City::start().await;
    let patient = city.patient().await;
    city.submit_referral(&patient).await;
    let visit = city.visit(&patient).await;
    let claim = mesh_tests::requests::claim(&visit.visit_id, "240.00");
    let request = city.caller("clinic").request(claim).await;
    let mut claims = proto::anjia::adjudication::v1::adjudication_service_client::AdjudicationServiceClient::new(
        city.channel("adjudication"),
    );
    claims.divide_claim(request).await.expect("it is there");

    let diagnosis = mesh_tests::diagnoses().remove(0);
    let number = patient.national_id.expose();
    let known = [SUMMARY, "陈淑芬", number, diagnosis.name.as_str()];
    for service in devstack::SERVICES {
        let dump = dump(&city, service).await;
        assert!(dump.contains(&patient.id.to_string()), "the dump of {service} should know the patient");
        let log = std::fs::read_to_string(city.mesh.fleet().log(service)).expect("it is there");
        for known in known {
            assert!(!dump.contains(known) && !dump.contains(&hex::encode(known)), "{known} stands in {service}");
            assert!(!log.contains(known), "{known} stands in the log of {service}");
        }
    }

    // Every service's keys are replaced by its own command, while it runs.
    for service in devstack::SERVICES {
        city.mesh.fleet().run(service, &["data-keys", "rotate", "--json"]).await.expect("it is there");
    }
    let mut shown = String::new();
    for service in devstack::SERVICES {
        let page = export(&city, service, &patient.caller, &patient, "").await.expect("it is there");
        assert!(!page.rows.is_empty(), "{service} has something about the patient");
        shown.extend(page.rows.iter().map(|row| row.json.as_str()));
    }
    for known in known {
        assert!(shown.contains(known), "{known} is not shown to the patient");
    }
    mesh_tests::assert_invariants(&city.mesh).await;
}

#[tokio::test]
async fn id_08_everything_about_a_person_is_for_the_person_and_for_an_operator_who_says_why() {
    let city = City::start().await;
    let patients = city.patients(2).await;
    let [patient, stranger] = patients.as_slice() else { panic!("two were asked for") };
    for service in devstack::SERVICES {
        let refused = export(&city, service, &stranger.caller, patient, "").await.expect_err("this is refused");
        assert_eq!((refused.code(), reason(&refused).as_str()), (Code::PermissionDenied, "OUTSIDE_SCOPE"), "{service}");
        let refused = export(&city, service, city.caller("operator"), patient, "").await.expect_err("this is refused");
        assert_eq!((refused.code(), reason(&refused).as_str()), (Code::InvalidArgument, "INVALID_FIELD"), "{service}");
        let refused =
            export(&city, service, city.caller("clinic"), patient, "care").await.expect_err("this is refused");
        assert_eq!(refused.code(), Code::PermissionDenied, "{service}");
        export(&city, service, city.caller("operator"), patient, "asked at the counter").await.expect("it is there");
        let mut owner = PgConnection::connect(&city.mesh.fleet().database(service).expect("it is there").owner)
            .await
            .expect("it is there");
        let audited: i64 =
            sqlx::query_scalar("SELECT count(*) FROM audit_entries WHERE action = $1 AND resident_id = $2")
                .bind(format!("{service}.resident.export"))
                .bind(patient.id.uuid())
                .fetch_one(&mut owner)
                .await
                .expect("it is there");
        assert_eq!(audited, 1, "{service}");
    }
}
