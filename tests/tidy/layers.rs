//! `grpc` parses, `app` decides when, `domain` decides what, `store` remembers: and none of them can do another's work, because it
//! may not name what that takes.

use crate::finding::Finding;
use crate::rust_source::{RustSource, Token};

/// A row of tokens that may not stand somewhere.
struct Ban {
    row: &'static [&'static str],
    instead: &'static str,
    in_tests: bool,
}

const fn ban(row: &'static [&'static str], instead: &'static str) -> Ban {
    Ban { row, instead, in_tests: true }
}

const fn outside_tests(row: &'static [&'static str], instead: &'static str) -> Ban {
    Ban { row, instead, in_tests: false }
}

const PURE: &str = "domain is pure: let store/, grpc/ or app/ do that";
const BEGINS: &str = "only app/ and work/ begin and commit";

const MASKED: &str = "names, numbers and clinical text of persons are Redacted<String>, which cannot be printed";

const DOMAIN: [Ban; 17] = [
    ban(&["sqlx"], PURE),
    ban(&["tonic"], PURE),
    ban(&["prost"], PURE),
    // `proto::convert` holds plain values; the generated messages are the wire.
    ban(&["proto", ":", ":", "anjia"], PURE),
    ban(&["proto", ":", ":", "google"], PURE),
    ban(&["tokio"], PURE),
    ban(&["async", "fn"], PURE),
    ban(&["Utc", ":", ":", "now"], "take the time as an argument"),
    ban(&["crate", ":", ":", "store"], "store depends on domain, not the reverse"),
    ban(&["mobile", ":", "String"], MASKED),
    ban(&["mobile", ":", "Option", "<", "String"], MASKED),
    ban(&["address", ":", "String"], MASKED),
    ban(&["address", ":", "Option", "<", "String"], MASKED),
    ban(&["national_id", ":", "String"], MASKED),
    ban(&["clinical_summary", ":", "String"], MASKED),
    ban(&["advice", ":", "String"], MASKED),
    ban(&["advice", ":", "Option", "<", "String"], MASKED),
];
const STORE: [Ban; 3] = [
    ban(&["tonic"], "answer with a domain value or error; grpc/ encodes it"),
    ban(&["crate", ":", ":", "app"], "app calls store, not the reverse"),
    ban(&["crate", ":", ":", "grpc"], "grpc/ is above store/"),
];
const GRPC: [Ban; 3] = [
    ban(&["sqlx"], "call a use case of app/"),
    ban(&["store", ":", ":"], "call a use case of app/"),
    ban(&["peers", ":", ":"], "call a use case of app/"),
];
const APP: [Ban; 2] = [
    ban(&["sqlx", ":", ":", "query"], "SQL lives in store/"),
    ban(&["crate", ":", ":", "grpc"], "grpc/ is above app/"),
];
const WORK: [Ban; 1] = [ban(&["sqlx", ":", ":", "query"], "SQL lives in store/")];
const PEERS: [Ban; 2] =
    [ban(&["sqlx"], "a peer is called, never read"), ban(&["crate", ":", ":", "grpc"], "grpc/ is above peers/")];
const DOMAIN_ONLY: &str = "the command line judges with adjudication::domain; the rest is reached by its contract";
const JUDGES: [Ban; 6] = [
    ban(&["adjudication", ":", ":", "app"], DOMAIN_ONLY),
    ban(&["adjudication", ":", ":", "store"], DOMAIN_ONLY),
    ban(&["adjudication", ":", ":", "grpc"], DOMAIN_ONLY),
    ban(&["adjudication", ":", ":", "peers"], DOMAIN_ONLY),
    ban(&["adjudication", ":", ":", "work"], DOMAIN_ONLY),
    ban(&["adjudication", ":", ":", "config"], DOMAIN_ONLY),
];
const TRANSACTIONS: [Ban; 3] = [
    outside_tests(&[".", "begin", "("], BEGINS),
    outside_tests(&[".", "begin_call", "("], BEGINS),
    outside_tests(&[".", "commit", "("], BEGINS),
];
const EVERYWHERE: [Ban; 7] = [
    ban(&["#", "[", "allow", "("], "mend it, or write #[expect(…, reason = \"…\")]"),
    ban(&["#", "!", "[", "allow", "("], "mend it, or write #![expect(…, reason = \"…\")]"),
    ban(&["todo", "!"], "write it now, or open an issue and refuse"),
    ban(&["unimplemented", "!"], "write it now, or open an issue and refuse"),
    ban(&["dbg", "!"], "use tracing"),
    outside_tests(&[".", "unwrap", "("], "return an error that says what was wrong"),
    outside_tests(&[".", "expect", "("], "return an error that says what was wrong"),
];
const ENVIRONMENT: [Ban; 4] = [
    ban(&["env", ":", ":", "var"], "make it a field of Config, which documents it"),
    ban(&["env", ":", ":", "vars"], "make it a field of Config, which documents it"),
    ban(&["env", ":", ":", "var_os"], "make it a field of Config, which documents it"),
    ban(&["env", ":", ":", "set_var"], "pass a setting as an argument"),
];

/// Test support panics with what went wrong, as tests do.
const TEST_SUPPORT: [&str; 2] = ["libs/testkit/", "tests/"];
/// Where tools of the machine are found, not settings: build scripts ask cargo, devstack looks for Postgres and Redis on the `PATH`.
const ASKS_THE_MACHINE: [&str; 3] = ["libs/devstack/", "libs/testkit/", "build.rs"];
/// The one crate that uses a service's crate; see `crates`.
const JUDGE: &str = "services/anjia/";
/// Generated code, with the one `allow` of the workspace.
const GENERATED: &str = "libs/proto/src/lib.rs";

pub(crate) fn check(source: &RustSource) -> Vec<Finding> {
    let mut findings: Vec<Finding> = bans(&source.path).iter().flat_map(|bans| broken(source, bans)).collect();
    if layer(&source.path) == Some("peers") {
        findings.extend(forwarded(source));
    }
    findings
}

fn bans(path: &str) -> Vec<&'static [Ban]> {
    let mut bans: Vec<&'static [Ban]> = vec![];
    if path != GENERATED {
        let without_panics = EVERYWHERE.len() - 2;
        let is_support = TEST_SUPPORT.iter().any(|support| path.starts_with(support));
        bans.push(if is_support { &EVERYWHERE[..without_panics] } else { &EVERYWHERE });
    }
    if !ASKS_THE_MACHINE.iter().any(|part| path.starts_with(part) || path.ends_with(part)) {
        bans.push(&ENVIRONMENT);
    }
    if path.starts_with(JUDGE) {
        bans.push(&JUDGES);
    }
    match layer(path) {
        Some("app") => bans.push(&APP),
        Some("work") => bans.push(&WORK),
        Some("domain") => bans.extend([DOMAIN.as_slice(), &TRANSACTIONS]),
        Some("store") => bans.extend([STORE.as_slice(), &TRANSACTIONS]),
        Some("grpc") => bans.extend([GRPC.as_slice(), &TRANSACTIONS]),
        Some("peers") => bans.extend([PEERS.as_slice(), &TRANSACTIONS]),
        Some(_) => bans.push(&TRANSACTIONS),
        None => {}
    }
    bans
}

/// The folder (or file) right under `src` of one of the five services.
fn layer(path: &str) -> Option<&str> {
    let (service, within) = path.strip_prefix("services/")?.split_once("/src/")?;
    let layer = within.split(['/', '.']).next()?;
    crate::SERVICES.contains(&service).then_some(layer)
}

fn broken(source: &RustSource, bans: &'static [Ban]) -> Vec<Finding> {
    let found = bans.iter().flat_map(|ban| source.find(ban.row).into_iter().map(move |at| (ban, &source.tokens[at])));
    found
        .filter(|(ban, token)| ban.in_tests || !token.in_test)
        .map(|(ban, token)| Finding::new(&source.path, token.line, format!("`{}`", ban.row.concat()), ban.instead))
        .collect()
}

/// Functions that others can call and whose answer names a `Status`: from `->` to the body.
fn forwarded(source: &RustSource) -> Vec<Finding> {
    let starts = source.find(&["fn"]).into_iter().filter(|at| is_public(&source.tokens[..*at]));
    let answers = starts.filter_map(|at| {
        let signature = source.tokens[at..].split(|token| matches!(token.text.as_str(), "{" | ";" | "where")).next()?;
        let arrow = signature.windows(2).position(|pair| pair[0].text == "-" && pair[1].text == ">")?;
        signature[arrow..].iter().find(|token| token.text == "Status")
    });
    answers
        .map(|token| {
            Finding::new(
                &source.path,
                token.line,
                "a peer's `Status` is handed on",
                "translate its reason into a domain error",
            )
        })
        .collect()
}

/// Whether the tokens before `fn` say `pub`, `pub(crate)` or so, perhaps `async`.
fn is_public(before: &[Token]) -> bool {
    let words: Vec<&str> = before.iter().rev().take(5).map(|token| token.text.as_str()).collect();
    let words = words.strip_prefix(&["async"]).unwrap_or(&words);
    matches!(words, ["pub", ..] | [")", _, "(", "pub", ..])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(path: &str, code: &str) -> Vec<String> {
        check(&RustSource::parse(path, code)).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn each_layer_is_kept_from_the_work_of_others() {
        let bad = [
            ("domain/a.rs", "use sqlx::Row;"),
            ("domain/a.rs", "use tonic::Status;"),
            ("domain/a.rs", "fn f(x: prost::Message) {}"),
            ("domain/a.rs", "use proto::anjia;"),
            ("domain/a.rs", "async fn f() {}"),
            ("domain/a.rs", "use tokio::time;"),
            ("domain/a.rs", "fn f() { chrono::Utc\n::now(); }"),
            ("domain/a.rs", "use crate::store::slots;"),
            ("store/a.rs", "use tonic::Status;"),
            ("store/a.rs", "fn f() { tx.commit().await; }"),
            ("store/a.rs", "fn f() { db\n.begin(scope); }"),
            ("grpc/a.rs", "use sqlx::PgConnection;"),
            ("grpc/a.rs", "fn f() { store::slots::get(); }"),
            ("grpc/a.rs", "use crate::peers::Identity;"),
            ("peers/a.rs", "fn f() { db.begin_call(&call); }"),
            ("main.rs", "fn f() { db.begin(scope); }"),
            ("app/a.rs", "fn f() { sqlx::query(\"SELECT 1\"); }"),
            ("work/a.rs", "fn f() { sqlx::query(\"SELECT 1\"); }"),
        ];
        for (file, code) in bad {
            assert_eq!(found(&format!("services/payment/src/{file}"), code).len(), 1, "{file}: {code}");
        }
        let good = [
            ("app/a.rs", "async fn f() { let tx = db.begin(scope).await; tx.commit().await; }"),
            ("work/a.rs", "async fn f() { inbox.begin(scope); }"),
            ("store/a.rs", "async fn f(c: &mut PgConnection) { sqlx::query(\"INSERT\").execute(c).await }"),
            ("grpc/a.rs", "use tonic::Status;"),
            ("domain/a.rs", "// async fn, sqlx\nfn f() { \"tokio\"; }"),
        ];
        for (file, code) in good {
            assert_eq!(found(&format!("services/payment/src/{file}"), code), [""; 0], "{file}: {code}");
        }
    }

    #[test]
    fn the_command_line_uses_the_rules_of_adjudication_and_nothing_else_of_it() {
        let file = "services/anjia/src/policy/a.rs";
        assert_eq!(found(file, "use adjudication::store::policies;").len(), 1);
        assert_eq!(found(file, "use adjudication::domain::engine;"), [""; 0]);
    }

    #[test]
    fn a_peers_status_is_translated() {
        let bad = [
            "pub fn f() -> Result<T, Status> {}",
            "pub(crate) async fn f<T>(x: T) -> Result<T, tonic::Status> where T: X {}",
        ];
        for code in bad {
            assert_eq!(found("services/payment/src/peers/a.rs", code).len(), 1, "{code}");
        }
        let good = [
            "pub fn f(s: &Status) -> Refusal {}",
            "fn g() -> Result<T, Status> {}",
            "pub fn h() -> T { let s: Status; }",
        ];
        for code in good {
            assert_eq!(found("services/payment/src/peers/a.rs", code), [""; 0], "{code}");
        }
    }

    #[test]
    fn shortcuts_are_found_with_their_line_and_what_to_do() {
        let bad = "#[allow(dead_code)]\nfn f() {\n    x.unwrap();\n    y.expect(\"z\");\n    todo!();\n    std::env::var(\"HOME\");\n}";
        let found = found("libs/types/src/a.rs", bad);
        assert_eq!(found.len(), 5, "{found:?}");
        assert!(
            found.contains(&"libs/types/src/a.rs:3: `.unwrap(`; return an error that says what was wrong".to_owned())
        );
    }

    #[test]
    fn tests_may_unwrap() {
        assert_eq!(found("libs/types/src/a.rs", "#[cfg(test)] mod tests { fn f() { x.unwrap(); } }"), [""; 0]);
        assert_eq!(found("libs/testkit/src/a.rs", "fn f() { x.expect(\"set up\"); }"), [""; 0]);
        assert_eq!(found("libs/testkit/src/a.rs", "fn f() { todo!() }").len(), 1);
    }
}
