//! Every RPC, found in the contracts themselves, against bad input: nothing, wrong ids, strangers, noise. A new RPC is covered the
//! day it is declared.

mod plausible;
mod probe;

use std::collections::BTreeSet;

use mesh_tests::City;
use plausible::Plausible;
pub(crate) use probe::Bytes;
use probe::{Method, Probe, methods};
use prost::Message;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use tonic::{Code, Status};
use tonic_types::StatusExt;
use types::ids::ResidentId;

/// What an empty request may mean: everything, or the first page.
const EMPTY_IS_LEGAL: [&str; 18] = [
    "ListCommunities",
    "ListMerges",
    "ListPossibleDuplicates",
    "ListUnreviewedBreakGlass",
    "PullRevocations",
    "ListAlliances",
    "ListServicePackages",
    "ListOrganisations",
    "ListPolicies",
    "ListPaymentTerms",
    "GetRules",
    "ListFindings",
    "ListSuspicions",
    "ListAssessments",
    "ListAbuseReports",
    "QueryOrders",
    "GetKeys",
    "WatchWorkList",
];
/// What they are about is named within a message, or otherwise than by an id of its own name.
const ON_WHAT_EXISTS: [&str; 9] = [
    "DivideClaim",
    "GetBankProfile",
    "GetCatalogueItem",
    "GetCommunity",
    "GetProviderPayment",
    "GetQueuePosition",
    "Pass",
    "Recall",
    "ReturnReferral",
];
/// Taken back before it was there, it is remembered as taken back.
const BEFORE_IT_EXISTS: [&str; 2] = ["CancelAppointment", "CancelBill"];
/// What is plausible names another's provider, or a length that no slot has: it is refused before anything is looked up.
const REFUSED_BEFORE: [&str; 3] = ["ChangeSession", "GenerateSessions", "SetReleaseLadder"];
const NOISE_PER_METHOD: usize = 60;
const NOISE_SEED: u64 = 20_260_301;

#[tokio::test]
async fn bad_input_is_refused_by_every_method_for_what_is_wrong_with_it() {
    let city = City::start().await;
    let probe = Probe::new(&city).await;
    let mut methods = methods();
    // Asked rightly it is granted, and the resident who probes is nobody any more: last.
    methods.sort_by_key(|method| method.name() == "RequestErasure");
    assert!(methods.len() >= 60, "the contracts have {} methods", methods.len());

    let mut wrong = vec![];
    for method in &methods {
        strangers(&probe, method, &mut wrong).await;
        nothing(&probe, method, &mut wrong).await;
        malformed_ids(&probe, method, &mut wrong).await;
        unknown_ids(&probe, method, &mut wrong).await;
        noise(&probe, method, &mut wrong).await;
    }
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
    for service in devstack::SERVICES {
        let log = std::fs::read_to_string(city.mesh.fleet().log(service)).expect("a service has a log");
        assert!(!log.contains("panicked"), "{service}:\n{log}");
        assert!(city.mesh.fleet().process(service).is_some_and(devstack::ProcessRecord::is_running), "{service} died");
    }
    mesh_tests::assert_invariants(&city.mesh).await;
}

/// Without a token nobody is known; with the wrong role nothing is permitted.
async fn strangers(probe: &Probe<'_>, method: &Method, wrong: &mut Vec<String>) {
    if method.roles.is_empty() {
        return;
    }
    let answer = probe.anonymously(method, vec![]).await;
    expect(method, "no token", &answer, &[(Code::Unauthenticated, "TOKEN_MISSING")], wrong);
    if let Some(stranger) = probe.stranger_to(method) {
        let answer = probe.call(stranger, method, vec![]).await;
        let is_service = stranger.party().starts_with("service:");
        let refusal = if is_service { "PEER_NOT_PERMITTED" } else { "METHOD_NOT_PERMITTED" };
        expect(method, "foreign role", &answer, &[(Code::PermissionDenied, refusal)], wrong);
    }
}

/// An empty request lacks something, and the refusal names a field of it.
async fn nothing(probe: &Probe<'_>, method: &Method, wrong: &mut Vec<String>) {
    let answer = probe.permitted(method, vec![]).await;
    if EMPTY_IS_LEGAL.contains(&method.name()) {
        if let Err(status) = answer {
            wrong.push(format!("{}: nothing: {status:?}", method.path));
        }
        return;
    }
    if ["GetCheckpoint", "GetWitnessed"].contains(&method.name()) {
        // It asks for nothing.
        return;
    }
    if method.name() == "ExchangeToken" {
        // Nothing but the certificate then says who asks, and nobody is registered with it.
        expect(method, "nothing", &answer, &[(Code::Unauthenticated, "CLIENT_UNKNOWN")], wrong);
        return;
    }
    let named = answer.as_ref().err().map(fields).unwrap_or_default();
    let known = named.iter().any(|field| {
        let first = field.split(['.', '[']).next().unwrap_or_default();
        method.input.get_field_by_name(first).is_some() || method.input.oneofs().any(|oneof| oneof.name() == first)
    });
    let is_refused = answer.as_ref().is_err_and(|status| status.code() == Code::InvalidArgument);
    if !is_refused || !known {
        wrong.push(format!("{}: nothing: no field named: {answer:?}", method.path));
    }
}

/// Each id in turn is no UUID in a request that is otherwise plausible, and is named.
async fn malformed_ids(probe: &Probe<'_>, method: &Method, wrong: &mut Vec<String>) {
    let plausible = Plausible { resident: probe.resident() };
    for field in plausible.ids(&method.input) {
        let mut message = plausible.message(&method.input);
        message.set_field_by_name(&field, prost_reflect::Value::String("not-a-uuid".to_owned()));
        let answer = probe.permitted(method, message.encode_to_vec()).await;
        let named = answer.as_ref().err().map(fields).unwrap_or_default();
        let is_refused = answer.as_ref().is_err_and(|status| status.code() == Code::InvalidArgument);
        if !is_refused || !named.contains(&field) {
            wrong.push(format!("{}: {field} is no UUID: {answer:?}", method.path));
        }
    }
}

/// A plausible request about something that does not exist, where the contract has a reason for that.
async fn unknown_ids(probe: &Probe<'_>, method: &Method, wrong: &mut Vec<String>) {
    let is_herself = method.name().starts_with("Get") && method.subject().as_deref() == Some("resident");
    let must_exist = is_herself || ON_WHAT_EXISTS.contains(&method.name()) || method.is_about_what_exists();
    if !must_exist || BEFORE_IT_EXISTS.contains(&method.name()) || REFUSED_BEFORE.contains(&method.name()) {
        return;
    }
    let resident = if is_herself { ResidentId::generate().to_string() } else { probe.resident() };
    let message = Plausible { resident }.message(&method.input);
    let answer = probe.permitted(method, message.encode_to_vec()).await;
    // Whether a stranger's record exists is not told either.
    let is_not_found = answer.as_ref().is_err_and(|status| {
        status.code() == Code::NotFound
            || is_herself && chassis::error::reason(status).as_deref() == Some("OUTSIDE_SCOPE")
    });
    if !is_not_found {
        wrong.push(format!("{}: unknown id: {answer:?}", method.path));
    }
}

/// Random bytes, and plausible requests with some bytes changed: refused or carried out, never an error of ours.
async fn noise(probe: &Probe<'_>, method: &Method, wrong: &mut Vec<String>) {
    let mut random = StdRng::seed_from_u64(NOISE_SEED);
    let plausible = Plausible { resident: probe.resident() }.message(&method.input).encode_to_vec();
    for round in 0..NOISE_PER_METHOD {
        let bytes = if round % 2 == 0 { random_bytes(&mut random) } else { mutated(&plausible, &mut random) };
        let Err(status) = probe.permitted(method, bytes).await else {
            continue;
        };
        let ours = matches!(
            status.code(),
            Code::Internal | Code::Unknown | Code::DataLoss | Code::Cancelled | Code::Unavailable
        );
        if ours {
            wrong.push(format!("{}: noise {round}: {status:?}", method.path));
            return;
        }
    }
}

fn random_bytes(random: &mut StdRng) -> Vec<u8> {
    let length = random.random_range(0..256);
    (0..length).map(|_| random.random()).collect()
}

fn mutated(message: &[u8], random: &mut StdRng) -> Vec<u8> {
    let mut bytes = message.to_vec();
    for _ in 0..random.random_range(1..4) {
        if !bytes.is_empty() {
            let at = random.random_range(0..bytes.len());
            bytes[at] = random.random();
        }
    }
    bytes
}

fn expect(
    method: &Method,
    what: &str,
    answer: &Result<Vec<u8>, Status>,
    allowed: &[(Code, &str)],
    wrong: &mut Vec<String>,
) {
    let got = answer.as_ref().err().map(|status| (status.code(), chassis::error::reason(status).unwrap_or_default()));
    let is_right = got.as_ref().is_some_and(|(code, reason)| allowed.contains(&(*code, reason.as_str())));
    if !is_right {
        wrong.push(format!("{}: {what}: {answer:?}", method.path));
    }
}

/// The fields that a refusal names.
fn fields(status: &Status) -> BTreeSet<String> {
    let request = status.get_details_bad_request();
    request.into_iter().flat_map(|request| request.field_violations).map(|violation| violation.field).collect()
}
