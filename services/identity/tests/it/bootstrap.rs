use std::process::{Command, Output};

use testkit::callers::Client;

use crate::support::World;

impl World {
    /// Runs `identity bootstrap` on a file with this text.
    pub(crate) fn bootstrap(&self, text: &str) -> Output {
        let file = self.mesh.fleet().root().join("clients-of-test.json");
        std::fs::write(&file, text).unwrap();
        Command::new(env!("CARGO_BIN_EXE_identity"))
            .args(["bootstrap", "--file"])
            .arg(file)
            .env("DATABASE_URL", &self.mesh.database("identity").service)
            .env("WRAPPING_KEY_FILE", self.mesh.fleet().keys().secret("wrapping").unwrap())
            .output()
            .unwrap()
    }
}

#[tokio::test]
async fn id_07_a_client_is_registered_repeatably_and_its_changes_count_at_once() {
    let world = World::start().await;
    let clerk = Client::new("clerk", "client:clerk".to_owned(), None, &["clinic_clerk"]);
    let client = world.mesh.fleet().keys().publish(clerk.clone()).unwrap();
    let file =
        |client: &devstack::PublicClient| format!(r#"{{"clients":[{}]}}"#, serde_json::to_string(client).unwrap());
    for expected in ["1 clients", "0 clients"] {
        let output = world.bootstrap(&file(&client));
        assert!(output.status.success(), "{output:?}");
        assert!(String::from_utf8_lossy(&output.stdout).starts_with(expected), "{output:?}");
    }

    let promoted = Client { roles: vec!["auditor".to_owned(), "clinician".to_owned()], ..clerk };
    let caller = world.mesh.register(promoted).await;
    let roles: Vec<String> = caller.context().await.unwrap().caller.roles.iter().map(ToString::to_string).collect();
    assert_eq!(roles, ["clinician", "auditor"]);
    let entries: i64 = sqlx::query_scalar(
        "SELECT count(*) FROM audit_entries WHERE action = 'identity.client.register' AND rows -> 0 ->> 'id' = 'clerk'",
    )
    .fetch_one(&mut world.mesh.owner("identity").await)
    .await
    .unwrap();
    assert_eq!(entries, 2);
}

#[tokio::test]
async fn a_file_with_a_wrong_client_registers_nobody() {
    let world = World::start().await;
    let good =
        world.mesh.fleet().keys().publish(Client::new("good", "client:good".to_owned(), None, &["bank"])).unwrap();
    let good = serde_json::to_string(&good).unwrap();
    let bad = good.replace("good", "bad").replace(r#""bank""#, r#""root""#);
    let output = world.bootstrap(&format!(r#"{{"clients":[{good},{bad}]}}"#));
    assert!(!output.status.success());
    assert!(String::from_utf8_lossy(&output.stderr).contains("clients-of-test.json"));
    let known: i64 = sqlx::query_scalar("SELECT count(*) FROM clients WHERE client_id = 'good'")
        .fetch_one(&mut world.mesh.owner("identity").await)
        .await
        .unwrap();
    assert_eq!(known, 0);
}
