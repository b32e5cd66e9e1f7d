//! The lists of methods by certificate, `[peers]` in `access.toml`, are what the services' `src/peers/` really call: no more, which a
//! service that was taken over could use, and no less.

use std::collections::BTreeSet;

use chassis::access::{Peers, Policies};
use chassis::methods::Methods;

use crate::contracts::own_services;
use crate::finding::Finding;
use crate::rust_source::RustSource;
use crate::tree;

pub(crate) fn check_all(services: &[&str]) -> Vec<Finding> {
    services.iter().flat_map(|server| check_server(server, services)).collect()
}

fn check_server(server: &str, services: &[&str]) -> Vec<Finding> {
    let path = format!("services/{server}/access.toml");
    let own = own_services(server);
    let own: Vec<&str> = own.iter().map(String::as_str).collect();
    // What does not load is another rule's finding.
    let Ok(policies) = Policies::check(&tree::read(&path), &own, Methods::declared()) else { return vec![] };
    let callers = services.iter().filter(|caller| **caller != server);
    callers.flat_map(|caller| differences(&path, policies.peers(), caller, &called(caller, server, &own))).collect()
}

/// The methods of `server` that a service calls by its clients: in the file of `src/peers/` that is named after the server, and in the
/// chassis, which obtains tokens and what verifies them for every service.
fn called(caller: &str, server: &str, services: &[&str]) -> BTreeSet<String> {
    let chassis = tree::files_under("libs/chassis/src").into_iter().filter(|path| tree::ending(path) == Some("rs"));
    let paths = chassis.chain([format!("services/{caller}/src/peers/{server}.rs")]);
    let files = paths.filter(|path| tree::root().join(path).is_file());
    files.flat_map(|path| calls(&RustSource::parse(&path, &tree::read(&path)), services)).collect()
}

/// What `chassis::watched!` calls of the audit of a package.
const WATCHED: [&str; 2] = ["GetCheckpoint", "ProveConsistency"];

/// A call is `.get_bill(` in a file that names `BillServiceClient` and the package that it is of: every service has an `EventService`.
/// `watched!(…, payment by …)` calls payment's audit.
fn calls(source: &RustSource, services: &[&str]) -> Vec<String> {
    let named = |service: &&&str| {
        let client = format!("{}Client", service.rsplit('.').next().unwrap_or_default());
        let package = service.split('.').nth(1).unwrap_or_default();
        !source.find(&[&client]).is_empty() && !source.find(&[package]).is_empty()
    };
    let is_watched = |service: &&&str| {
        let package = service.split('.').nth(1).unwrap_or_default();
        service.ends_with(".AuditService")
            && !source.find(&["watched", "!"]).is_empty()
            && !source.find(&[",", package, "by"]).is_empty()
    };
    let watched = services.iter().filter(is_watched);
    let watched = watched.flat_map(|service| WATCHED.map(|method| format!("{service}/{method}")));
    let methods = services.iter().filter(named).flat_map(|service| Methods::declared().of_service(service));
    let is_called = |method: &&str| {
        let name = snake(method.rsplit('/').next().unwrap_or_default());
        source.find(&[".", &name, "("]).iter().any(|at| !source.tokens[*at].in_test)
    };
    methods.filter(is_called).map(str::to_owned).chain(watched).collect()
}

fn differences(path: &str, peers: &Peers, caller: &str, made: &BTreeSet<String>) -> Vec<Finding> {
    let listed: BTreeSet<String> = peers.of(caller).map(str::to_owned).collect();
    let idle = listed.difference(made).map(|method| {
        Finding::new(path, 0, format!("{caller} may call {method} and does not"), "take it out of [peers]")
    });
    let missing = made
        .difference(&listed)
        .map(|method| Finding::new(path, 0, format!("{caller} calls {method} and may not"), "add it to [peers]"));
    idle.chain(missing).collect()
}

/// `GetBill` as the generated client has it.
fn snake(name: &str) -> String {
    let mut snake = String::new();
    for letter in name.chars() {
        if letter.is_ascii_uppercase() && !snake.is_empty() {
            snake.push('_');
        }
        snake.push(letter.to_ascii_lowercase());
    }
    snake
}

#[cfg(test)]
mod tests {
    use super::*;

    const SERVICE: &str = "anjia.identity.v1.TokenService";

    #[test]
    fn a_call_is_found_by_client_and_method() {
        let found = |text: &str| calls(&RustSource::parse("identity.rs", text), &[SERVICE]);
        let keys = [format!("{SERVICE}/GetKeys")];
        assert_eq!(found("use identity::v1::TokenServiceClient; fn f() { c\n.get_keys(x) }"), keys);
        assert_eq!(found("use payment::v1::TokenServiceClient; fn f() { c\n.get_keys(x) }"), [""; 0]);
        assert_eq!(found("fn f() { c.get_keys(x) }"), [""; 0]);
        assert_eq!(found("use identity::v1::TokenServiceClient; #[cfg(test)] fn f() { c.get_keys(x) }"), [""; 0]);
    }

    #[test]
    fn an_audit_that_is_watched_is_called() {
        const AUDIT: &str = "anjia.identity.v1.AuditService";
        let found = |text: &str| calls(&RustSource::parse("identity.rs", text), &[AUDIT, SERVICE]);
        let called = [format!("{AUDIT}/GetCheckpoint"), format!("{AUDIT}/ProveConsistency")];
        assert_eq!(found("chassis::watched! { /// Identity's.\nIdentityAudit, identity by payment }"), called);
        assert_eq!(found("chassis::watched! { PaymentAudit, payment by identity }"), [""; 0]);
    }

    #[test]
    fn a_list_is_compared_both_ways() {
        let entries =
            Methods::declared().of_service(SERVICE).map(|method| format!("[\"{method}\"]\nanonymous = true\n"));
        let text = format!("{}[peers]\npayment = [\"{SERVICE}/GetKeys\"]", entries.collect::<String>());
        let policies = Policies::check(&text, &[SERVICE], Methods::declared()).expect("it loads");
        let called = BTreeSet::from([format!("{SERVICE}/ExchangeToken")]);
        let found = differences("access.toml", policies.peers(), "payment", &called);
        let found: Vec<String> = found.iter().map(ToString::to_string).collect();
        assert_eq!(found.len(), 2);
        assert!(
            found[0].contains("GetKeys and does not") && found[1].contains("ExchangeToken and may not"),
            "{found:?}"
        );
    }
}
