//! G8: every RPC, for every role, in every relation to what it asks about. The expectations are a policy written by hand
//! ([`policy`]), which knows nothing of `access.toml`; a new RPC fails until somebody says there who may call it.

pub(crate) mod calendar;
pub(crate) mod facts;
mod happenings;
pub(crate) mod people;
mod policy;
pub(crate) mod requests;
mod standing;
pub(crate) mod wire;

use std::collections::{BTreeMap, BTreeSet};

use facts::{Known, Story, Words};
use futures_util::StreamExt;
use futures_util::future::join;
use mesh_tests::City;
use people::{Forger, Half, People, ROLES, SERVICES};
use policy::{Kind, Line, POLICY};
use serde_json::{Value, json};
use standing::{Cell, Column, Expected, Refusal, cells, is_for_access};
use tonic::{Code, Status};
use types::ids::DelegationId;
use wire::{Credentials, Methods, Wire};

/// Calls in flight at once.
const AT_ONCE: usize = 48;

#[test]
fn g8_id_07_every_rpc_of_the_contracts_is_in_the_policy() {
    let declared = Methods::declared();
    let listed: BTreeSet<&str> = POLICY.iter().map(Line::method).collect();
    let missing: Vec<_> = declared.names().into_iter().filter(|name| !listed.contains(name)).collect();
    assert!(missing.is_empty(), "say in tests/mesh/matrix/policy.rs who may call:\n{}", missing.join("\n"));
    let unknown: Vec<_> = listed.iter().filter(|name| !declared.names().contains(*name)).collect();
    assert!(unknown.is_empty(), "tests/mesh/matrix/policy.rs names what no contract has: {unknown:?}");
    let names: BTreeSet<&str> = POLICY.iter().map(|line| line.name).collect();
    assert_eq!(names.len(), POLICY.len(), "a line is there twice");
}

#[tokio::test]
async fn g8_id_07_every_rpc_lets_in_whom_the_policy_names_and_nobody_else() {
    let city = City::start().await;
    city.payment_terms().await;
    let wire = Wire::new(&city);
    let forger = Forger::of(&city);
    let mut people = People::register(&city, &forger).await;
    let known = tell(&wire, &mut people).await;
    let matrix = Matrix { wire: &wire, people: &people, forger, known };

    matrix.forges_well().await;

    // What changes something comes last, so that everybody before asks about what is there; tokens are given back at the very end.
    let gives_back = |line: &Line| line.name.ends_with("RevokeToken#own");
    let reads: Vec<Cell> = cells(POLICY, &|line| !gives_back(line)).collect();
    let (changes, reads): (Vec<Cell>, Vec<Cell>) =
        reads.into_iter().partition(|cell| cell.line.kind == Kind::Write && cell.expected() == Expected::Allowed);
    let last: Vec<Cell> = cells(POLICY, &gives_back).collect();
    let mut tally = Tally::default();
    for phase in [reads, changes] {
        matrix.walk(phase, &mut tally).await;
    }
    let (allowed, refused): (Vec<Cell>, Vec<Cell>) =
        last.into_iter().partition(|cell| cell.expected() == Expected::Allowed);
    for phase in [refused, allowed] {
        matrix.walk(phase, &mut tally).await;
    }

    println!(
        "{} RPCs ({} lines), {} roles and services, {} cells: {} allowed, {} refused",
        wire.methods.names().len(),
        POLICY.len(),
        ROLES.len() + SERVICES.len(),
        tally.allowed + tally.refused,
        tally.allowed,
        tally.refused,
    );
    assert!(tally.allowed > 500 && tally.refused > 5_000, "the matrix has shrunk");
    assert!(tally.wrong.is_empty(), "{} cells are wrong:\n{}", tally.wrong.len(), tally.wrong.join("\n"));
}

/// Both halves at once: what is there, and who acts for whom.
async fn tell(wire: &Wire<'_>, people: &mut People) -> BTreeMap<Half, Known> {
    let (a, b) = (
        Story::new(wire, people, Half::A, Words::plain("陈淑芬")),
        Story::new(wire, people, Half::B, Words::plain("王秀兰")),
    );
    let first = join(a.people_and_places(), b.people_and_places()).await;
    let (mut of_a, mut of_b) = join(a.told(first.0), b.told(first.1)).await;
    for (story, known) in [(&a, &mut of_a), (&b, &mut of_b)] {
        known.common.insert("suspension_id".to_owned(), story.suspended().await);
        for facts in known.places.values_mut() {
            let bill = facts["captured_bill"].as_str().expect("a bill").to_owned();
            facts.insert("payout_id".to_owned(), story.payout(&bill).await);
        }
    }
    let known = BTreeMap::from([(Half::A, of_a), (Half::B, of_b)]);
    for half in Half::BOTH {
        for (role, facts) in &known[&half].delegations {
            for (name, of) in [("delegation_id", half), ("delegation_there", half.other())] {
                let id = facts[name].as_str().and_then(|id| id.parse::<DelegationId>().ok());
                people.acts(*role, of, half, id.expect("a delegation has an id")).await;
            }
            let unseeing = facts["delegation_unseeing"].as_str().and_then(|id| id.parse().ok());
            people.acts_unseeing(*role, half, unseeing.expect("a delegation has an id")).await;
        }
    }
    known
}

struct Matrix<'a> {
    wire: &'a Wire<'a>,
    people: &'a People,
    forger: Forger,
    known: BTreeMap<Half, Known>,
}

#[derive(Default)]
struct Tally {
    allowed: usize,
    refused: usize,
    wrong: Vec<String>,
}

impl Matrix<'_> {
    /// A token signed anew and not changed is good: the ones that are changed are refused for nothing but that.
    async fn forges_well(&self) {
        let operator = self.people.of('X', Half::A);
        let token = self.forger.unchanged(&operator.token);
        let with = Credentials { certificate: Some(operator.certificate()), token: Some(&token) };
        let answer = self.wire.call(with, "identity.OrganisationService/ListOrganisations", &json!({})).await;
        assert!(answer.is_ok(), "{answer:?}");
    }

    async fn walk(&self, cells: Vec<Cell>, tally: &mut Tally) {
        let mut answers = futures_util::stream::iter(cells)
            .map(async |cell| {
                let answer = self.call(&cell).await;
                (cell, answer)
            })
            .buffer_unordered(AT_ONCE);
        while let Some((cell, answer)) = answers.next().await {
            match cell.expected() {
                Expected::Allowed => tally.allowed += 1,
                Expected::Refused(_) => tally.refused += 1,
            }
            if let Err(what) = self.judge(&cell, &answer) {
                tally.wrong.push(format!("{cell}: {what}"));
            }
        }
    }

    async fn call(&self, cell: &Cell) -> Result<Value, Status> {
        let person =
            if cell.is_service() { self.people.service(cell.role) } else { self.people.of(cell.role, cell.caller()) };
        let token = match (cell.column, cell.acts_for()) {
            (Column::NoToken, _) => None,
            (Column::ExpiredToken, _) => Some(&person.expired),
            (Column::WrongAudience, _) => Some(&person.for_elsewhere),
            (Column::ActingUnseeing, _) => person.unseeing.as_ref(),
            (_, Some(patient)) => Some(person.acting.get(&patient).expect("who may act has a token for it")),
            (_, None) => Some(&person.token),
        };
        let certificate = (cell.column != Column::NoCertificate).then(|| person.certificate());
        let facts = self.known[&cell.object()].to(cell.role);
        let method = cell.line.method();
        let message = requests::request(cell.line.name, &self.wire.methods.get(method).input(), &facts);
        let answer =
            self.wire.call(Credentials { certificate, token: token.map(String::as_str) }, method, &message).await?;
        // Of many bookings each has its own answer.
        match answer.pointer("/results/0/refusal") {
            Some(refusal) => Err(wire::refusal(refusal)),
            None => Ok(answer),
        }
    }

    fn judge(&self, cell: &Cell, answer: &Result<Value, Status>) -> Result<(), String> {
        match (cell.expected(), answer) {
            (Expected::Allowed, Ok(_)) => Ok(()),
            (Expected::Allowed, Err(status)) if is_allowed(cell.line, status) => Ok(()),
            (Expected::Allowed, Err(status)) => Err(format!("is refused: {}", said(status))),
            (Expected::Refused(refusal), Err(status)) if refusal.is(status, cell) => Ok(()),
            (Expected::Refused(Refusal::Row), Ok(answer)) if cell.line.kind == Kind::List => {
                let told = self.known[&cell.object()].secrets();
                let told: Vec<_> = told.iter().filter(|secret| answer.to_string().contains(*secret)).collect();
                if told.is_empty() { Ok(()) } else { Err(format!("is told {told:?}")) }
            }
            (Expected::Refused(refusal), Err(status)) => Err(format!("should be {refusal:?}, is {}", said(status))),
            (Expected::Refused(refusal), Ok(answer)) => Err(format!("should be {refusal:?}, is answered {answer}")),
        }
    }
}

/// Whether business refuses, and not for who calls: what is read must be answered, and nobody may be let in only to find nothing.
fn is_allowed(line: &Line, status: &Status) -> bool {
    let business =
        [Code::FailedPrecondition, Code::AlreadyExists, Code::Aborted, Code::ResourceExhausted, Code::PermissionDenied];
    if line.kind == Kind::Open {
        // Nobody of these is registered with a certificate, by which an empty request asks.
        return chassis::error::reason(status).as_deref() == Some("CLIENT_UNKNOWN");
    }
    line.kind == Kind::Write && business.contains(&status.code()) && !is_for_access(status)
}

fn said(status: &Status) -> String {
    let reason = chassis::error::reason(status).unwrap_or_default();
    format!("{:?} / {reason}: {}", status.code(), status.message())
}
