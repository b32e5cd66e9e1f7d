//! Values that are wrong are refused before anything is installed, by their path.

use crate::rendered::{RELEASE, Rendered, VALUES, lint, list, refusal, text};

/// A service that the chart has not heard of.
const PHARMACY: &str = r#"{"calls": ["identity"], "replicas": {"min": 2, "max": 3},
    "secrets": {"DATABASE_URL": {"secret": "p", "key": "url"}, "WORKER_DATABASE_URL": {"secret": "p", "key": "worker-url"}},
    "migrate": {"OWNER_DATABASE_URL": {"secret": "po", "key": "url"}},
    "files": {"AUDIT_WITNESSED_KEY_FILE": {"configMap": "ak", "key": "payment.pem"},
              "AUDIT_KEY_FILE": {"secret": "pk", "key": "audit.pem"}, "CLIENT_KEY_FILE": {"secret": "pk", "key": "client.pem"}}}"#;
const CLIENT_KEY: &str = r#", "CLIENT_KEY_FILE": {"secret": "pk", "key": "client.pem"}"#;

#[test]
fn pl_01_a_wrong_value_is_refused_by_its_path() {
    let wrong = [
        // Typed wrongly, at every depth.
        (["--set", "servces.payment.calls=null"], "at '': additional properties 'servces' not allowed"),
        (["--set", "image.regstry=x"], "at '/image': additional properties 'regstry' not allowed"),
        (
            ["--set", "services.payment.replcas.min=2"],
            "at '/services/payment': additional properties 'replcas' not allowed",
        ),
        (["--set-string", "settings.POOL_SIZ=8"], "at '/settings': additional properties 'POOL_SIZ' not allowed"),
        (
            ["--set-string", "services.payment.settings.POOL_SIZ=8"],
            "at '/services/payment/settings': additional properties 'POOL_SIZ' not allowed",
        ),
        (
            ["--set", "services.payment.files.CLIENT_KEYFILE.key=x"],
            "at '/services/payment/files': additional properties 'CLIENT_KEYFILE' not allowed",
        ),
        (
            ["--set-json", r#"networkPolicy.clients=[{"podSelectr": {}}]"#],
            "at '/networkPolicy/clients/0': additional properties 'podSelectr' not allowed",
        ),
        // Of another kind, or out of bounds.
        (
            ["--set", "services.payment.settings.POOL_SIZE=8"],
            "at '/services/payment/settings/POOL_SIZE': got number, want string",
        ),
        (["--set", "services.payment.replicas.min=0"], "at '/services/payment/replicas/min': minimum: got 0, want 1"),
        (["--set", "image.pullPolicy=Sometimes"], "at '/image/pullPolicy': value must be one of"),
        (["--set", "anchor.size=much"], "at '/anchor/size': 'much' does not match pattern"),
        // Secrets that are not named, or not whole.
        (
            ["--set", "services.payment.secrets.DATABASE_URL=null"],
            "at '/services/payment/secrets': missing property 'DATABASE_URL'",
        ),
        (["--set", "services.payment.secrets=null"], "at '/services/payment': missing property 'secrets'"),
        (
            ["--set", "services.payment.secrets.DATABASE_URL.key=null"],
            "at '/services/payment/secrets/DATABASE_URL': missing property 'key'",
        ),
        (
            ["--set", "services.payment.secrets.DATABASE_URL.secret="],
            "at '/services/payment/secrets/DATABASE_URL/secret': minLength: got 0, want 1",
        ),
        (
            ["--set", "services.payment.migrate.OWNER_DATABASE_URL=null"],
            "at '/services/payment/migrate': missing property",
        ),
        (
            ["--set", "services.payment.files.AUDIT_KEY_FILE=null"],
            "at '/services/payment/files': missing property 'AUDIT_KEY_FILE'",
        ),
        (
            ["--set", "services.payment.files.AUDIT_WITNESSED_KEY_FILE=null"],
            "at '/services/payment/files': missing property 'AUDIT_WITNESSED_KEY_FILE'",
        ),
        (["--set", "services.identity.bootstrap=null"], "at '/services/identity': missing property 'bootstrap'"),
        (["--set", "services.payment.files.CLIENT_KEY_FILE=null"], "services.payment.files.CLIENT_KEY_FILE is missing"),
        (
            ["--set", "services.identity.folders.TOKEN_KEY_FOLDER=null"],
            "services.identity.files.CLIENT_KEY_FILE is missing",
        ),
        // A secret's content where its name belongs.
        (
            ["--set", "services.payment.secrets.DATABASE_URL=postgres://payment:x@db/payment"],
            "at '/services/payment/secrets/DATABASE_URL': got string, want object",
        ),
        // What makes sense only together.
        (
            ["--set-json", r#"services.payment.calls=["bank"]"#],
            "services.payment.calls names bank, which is none of services",
        ),
        (["--set", "services.payment.replicas.max=1"], "services.payment.replicas.min is more than its max"),
        (
            ["--set", "settings.KMS_URL="],
            "settings.KMS_URL is empty and services.payment.files.WRAPPING_KEY_FILE is missing",
        ),
        (
            ["--set-json", r#"services.payment.files.WRAPPING_KEY_FILE={"secret": "a", "key": "b"}"#],
            "services.payment.files.WRAPPING_KEY_FILE and settings.KMS_URL exclude each other",
        ),
        (["--set", "tls.issuer.name="], "tls.issuer.name is empty and services.payment.tlsSecret is missing"),
        (["--set", "tls.partnerCAs=null"], "tls.partnerCAs is empty, and gateway.callerCAs is set"),
        (["--set", "tls.renewBeforeH=24"], "tls.renewBeforeH is not less than tls.durationH"),
        (["--set", "image.registry="], "image.registry is empty"),
        (["--set-json", "networkPolicy.postgres.to=[]"], "networkPolicy.postgres.to is empty"),
        (["--set-json", "networkPolicy.redis.to=[]"], "networkPolicy.redis.to is empty"),
        (["--set-json", "networkPolicy.kms.to=[]"], "networkPolicy.kms.to is empty"),
        (["--set-json", "networkPolicy.otlp.to=[]"], "networkPolicy.otlp.to is empty"),
    ];
    for (arguments, told) in wrong {
        let said = refusal("values-city.yaml", &arguments);
        assert!(said.contains(told), "{arguments:?} should tell {told}:\n{said}");
    }
}

#[test]
fn pl_01_a_typo_and_a_missing_secret_are_found_before_anything_is_rendered_for_a_cluster() {
    for (wrong, told) in [
        ("services.payment.replcas.min=2", "at '/services/payment': additional properties 'replcas' not allowed"),
        (
            "services.payment.secrets.DATABASE_URL=null",
            "at '/services/payment/secrets': missing property 'DATABASE_URL'",
        ),
        ("services.identity.bootstrap=null", "at '/services/identity': missing property 'bootstrap'"),
        (
            "services.payment.files.AUDIT_WITNESSED_KEY_FILE=null",
            "at '/services/payment/files': missing property 'AUDIT_WITNESSED_KEY_FILE'",
        ),
        ("tls.partnerCAs=null", "tls.partnerCAs is empty, and gateway.callerCAs is set"),
        ("services.payment.migrate=null", "at '/services/payment': missing property 'migrate'"),
        ("settings.KMS_URL=", "services.payment.files.WRAPPING_KEY_FILE is missing"),
        ("tls.issuer.name=", "tls.issuer.name is empty and services.payment.tlsSecret is missing"),
    ] {
        let (succeeds, said) = lint("values-city.yaml", &["--set", wrong]);
        assert!(!succeeds && said.contains(told), "{wrong} should tell {told}:\n{said}");
    }
    let without = format!("services.pharmacy={}", PHARMACY.replace(CLIENT_KEY, ""));
    let (succeeds, said) = lint("values-city.yaml", &["--set-json", &without]);
    assert!(!succeeds && said.contains("services.pharmacy.files.CLIENT_KEY_FILE is missing"), "{said}");
    for values in VALUES {
        let (succeeds, said) = lint(values, &[]);
        assert!(succeeds, "{values}: {said}");
    }
}

#[test]
fn pl_01_what_nobody_answered_is_asked_for_all_at_once() {
    let said = refusal("values.yaml", &[]);
    for path in ["image.registry", "tls.issuer.name", "settings.KMS_URL", "networkPolicy.postgres.to"] {
        assert!(said.contains(&format!("{path} is empty")), "{path}: {said}");
    }
}

#[test]
fn pl_01_the_chart_holds_no_secret() {
    for values in VALUES {
        let rendered = Rendered::of(values);
        assert_eq!(rendered.kind("Secret").count(), 0);
        let whole = serde_json::to_string(rendered.all()).expect("JSON");
        for content in ["PRIVATE KEY", "postgres://", "redis://"] {
            assert!(!whole.contains(content), "{values}: {content}");
        }
        // The contracts, which are public, say of one that identity never sees it.
        let document = format!("{RELEASE}-gateway-openapi");
        let others = rendered.all().iter().filter(|object| object["metadata"]["name"] != document.as_str());
        for object in others {
            assert!(!object.to_string().contains("password"), "{values}: {}", object["metadata"]["name"]);
        }
    }
}

#[test]
fn pl_01_a_new_service_is_one_entry() {
    let before = Rendered::of("values-city.yaml");
    let after = Rendered::with("values-city.yaml", &["--set-json", &format!("services.pharmacy={PHARMACY}")]);
    let kinds = |rendered: &Rendered, service: &str| -> Vec<String> {
        let label = |object: &serde_json::Value| object["metadata"]["labels"]["app.kubernetes.io/name"] == service;
        let mut kinds: Vec<String> = rendered
            .all()
            .iter()
            .filter(|object| label(object))
            .map(|object| text(&object["kind"]).to_owned())
            .collect();
        kinds.sort();
        kinds
    };
    assert_eq!(kinds(&after, "pharmacy"), kinds(&before, "payment"), "it has all that the others have");
    let callers = list(&after.get("NetworkPolicy", "identity")["spec"]["ingress"]);
    assert!(callers.iter().any(|rule| rule.to_string().contains("\"pharmacy\"")), "identity lets it in");
    assert_eq!(after.settings("pharmacy")["IDENTITY_URL"], "https://anjia-identity:50051");
}

#[test]
fn pl_01_certificates_may_come_from_somebody_else() {
    let own = ["--set", "services.payment.tlsSecret=from-elsewhere"];
    let rendered = Rendered::with("values-city.yaml", &own);
    let names: Vec<&str> = rendered.kind("Certificate").map(|object| text(&object["metadata"]["name"])).collect();
    assert_eq!(names.len(), 5, "four services and the gateway");
    assert!(!names.contains(&"anjia-payment"));
    let volumes = &rendered.get("Deployment", "payment")["spec"]["template"]["spec"]["volumes"];
    assert!(volumes.to_string().contains("\"from-elsewhere\"") && !volumes.to_string().contains("anjia-payment-tls"));
}
