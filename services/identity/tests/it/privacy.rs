//! What names a person stands nowhere in plain text: not in any table, not in any log.

use proto::anjia::identity::v1::{FindResidentRequest, GetResidentRequest};
use sqlx::{AssertSqlSafe, PgConnection};
use testkit::request_id;

use crate::support::{MOBILE, NAME, World, new_resident};

/// Every row of every table as text; bytes as hexadecimal, so needles are looked for in both forms.
async fn dump(owner: &mut PgConnection) -> String {
    let tables: Vec<String> = sqlx::query_scalar(
        "SELECT quote_ident(tablename) FROM pg_tables WHERE schemaname = 'public' ORDER BY tablename",
    )
    .fetch_all(&mut *owner)
    .await
    .unwrap();
    let mut text = String::new();
    for table in tables {
        let rows: Vec<String> = sqlx::query_scalar(AssertSqlSafe(format!("SELECT t::text FROM {table} t")))
            .fetch_all(&mut *owner)
            .await
            .unwrap();
        text.push_str(&rows.join("\n"));
    }
    text
}

#[tokio::test]
async fn id_08_no_plaintext_identifier_in_a_dump() {
    let world = World::start().await;
    let person = world.person("chen").await;
    let get = GetResidentRequest { resident_id: person.id.to_string() };
    world.residents().get_resident(person.caller.request(get).await).await.unwrap();
    let find = FindResidentRequest {
        national_id: person.number.clone(),
        name: NAME.to_owned(),
        ..FindResidentRequest::default()
    };
    world.residents().find_resident(world.caller("clinic").request(find).await).await.unwrap();
    // Refusals must not leave it either.
    let again = proto::anjia::identity::v1::RegisterResidentRequest {
        request_id: request_id(),
        national_id: person.number.clone(),
        ..new_resident()
    };
    world.register(&world.caller("worker"), again).await.unwrap_err();

    let dump = dump(&mut world.mesh.owner("identity").await).await;
    assert!(dump.contains(&person.id.to_string()), "the dump should hold the person");
    let log = world.mesh.log("identity");
    for secret in [NAME, MOBILE, person.number.as_str()] {
        assert!(!dump.contains(secret) && !dump.contains(&hex::encode(secret)), "{secret} stands in a table");
        assert!(!log.contains(secret), "{secret} stands in the log");
    }
}

#[tokio::test]
async fn id_08_a_sealed_value_moved_to_another_row_does_not_open() {
    let world = World::start().await;
    let person = world.person("chen").await;
    let other = world.person("wang").await;
    sqlx::query("UPDATE residents SET name_sealed = (SELECT name_sealed FROM residents WHERE id = $1) WHERE id = $2")
        .bind(other.id.uuid())
        .bind(person.id.uuid())
        .execute(&mut world.mesh.owner("identity").await)
        .await
        .unwrap();
    let get = GetResidentRequest { resident_id: person.id.to_string() };
    let status = world.residents().get_resident(person.caller.request(get).await).await.unwrap_err();
    assert_eq!((status.code(), status.message()), (tonic::Code::Internal, "internal error"));
    assert!(world.mesh.log("identity").contains("residents.name_sealed"));
}
