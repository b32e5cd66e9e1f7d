//! Every service is replaced, replica by replica, while people register, book, are seen, pay and are referred. Nobody notices: no call
//! fails, beyond what a channel itself sends again because no peer had seen it, and each acknowledged one has happened once.

mod front;
mod replicas;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use devstack::SERVICES;
use mesh_tests::{City, Patient, assert_invariants, requests};
use proto::anjia::identity::v1::GetResidentRequest;
use proto::anjia::identity::v1::resident_service_client::ResidentServiceClient;
use proto::anjia::referral::v1::{Referral, ReferralState};
use proto::anjia::scheduling::v1::appointment_service_client::AppointmentServiceClient;
use proto::anjia::scheduling::v1::{ConfirmAppointmentRequest, Slot};
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use testkit::request_id;
use tokio::sync::Mutex;

use crate::rotation::quote;
use replicas::Replicas;

const REPLICAS: usize = 2;
/// Journeys at once, each one call at a time; beside them as many who only ask. Few: all of it shares two processors, and nothing here
/// may take longer than a call's deadline.
const JOURNEYS: usize = 2;
/// Between two questions.
const PAUSE: Duration = Duration::from_millis(50);
/// Of a draining replica, in place of the five seconds for which names are remembered on a cluster.
const NOTICE_MS: &str = "500";
/// As the chart's: notice, drain and closing.
const GRACE: Duration = Duration::from_secs(30);

/// I11.
const DECIDED_WITHIN: Duration = Duration::from_mins(1);

/// How many good answers everybody together had of each service.
struct Answers(BTreeMap<&'static str, AtomicUsize>);

impl Answers {
    fn none() -> Self {
        Self(SERVICES.map(|service| (service, AtomicUsize::default())).into())
    }

    fn count(&self, service: &str) {
        self.0[service].fetch_add(1, Ordering::Relaxed);
    }

    fn of(&self, service: &str) -> usize {
        self.0[service].load(Ordering::Relaxed)
    }
}

/// What was acknowledged to somebody: ids by service and table.
struct Acknowledged {
    ids: BTreeMap<(&'static str, &'static str), Vec<String>>,
    answers: Arc<Answers>,
}

/// What whoever only asks asks about.
struct Asking {
    patient: Patient,
    bill_id: String,
    referral_id: String,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn g11_pl_01_every_service_is_restarted_under_load_and_no_call_fails_or_is_lost() {
    let mut mesh = testkit::whole_mesh_with(None, &[("DRAIN_NOTICE_MS", NOTICE_MS)]).await;
    let mut deployments = vec![];
    for service in SERVICES {
        mesh.fleet_mut().stop(service).await.expect("it leaves");
        deployments.push(Replicas::start(mesh.fleet(), service, REPLICAS).await);
    }
    let city = Arc::new(City::in_mesh(mesh).await);
    let places = Arc::new((city.clinic_hours(60).await, city.ward(60).await));
    let (stop, answers) = (Arc::new(AtomicBool::new(false)), Arc::new(Answers::none()));
    let mut acknowledged = Acknowledged::nothing(&answers);
    let patient = city.patient().await;
    acknowledged.note("identity", "residents", &patient.id);
    let (clinic, ward) = (&places.0[places.0.len() - 1], &places.1[places.1.len() / 2 - 1]);
    let (bill_id, referral_id) = journey(&city, &patient, (clinic, ward), &mut acknowledged).await;
    let asking = Arc::new(Asking { patient, bill_id, referral_id });
    // Clients are told to identity by a file, one at a time.
    let desk = Arc::new(Mutex::new(()));

    let mut journeys = vec![];
    let mut questions = vec![];
    for number in 0..JOURNEYS {
        let (city, stop, answers, places, desk) =
            (city.clone(), stop.clone(), answers.clone(), places.clone(), desk.clone());
        questions.push(tokio::spawn(ask(city.clone(), asking.clone(), stop.clone(), answers.clone())));
        journeys.push(tokio::spawn(async move {
            let mut acknowledged = Acknowledged::nothing(&answers);
            for round in 0.. {
                if stop.load(Ordering::Relaxed) {
                    break;
                }
                let patient = {
                    let _turn = desk.lock().await;
                    city.patient().await
                };
                acknowledged.note("identity", "residents", &patient.id);
                let turn = round * JOURNEYS + number;
                // Nobody is in two places at once: the bed is for another hour.
                let later = turn + places.1.len() / 2;
                let (clinic, ward) = (&places.0[turn % places.0.len()], &places.1[later % places.1.len()]);
                journey(&city, &patient, (clinic, ward), &mut acknowledged).await;
            }
            acknowledged
        }));
    }
    for (service, deployment) in SERVICES.into_iter().zip(&mut deployments) {
        let so_far = answers.of(service);
        deployment.roll(GRACE).await;
        let meanwhile = answers.of(service) - so_far;
        assert!(meanwhile > JOURNEYS, "the load of {service} stands still: {meanwhile} answers while it is replaced");
    }
    stop.store(true, Ordering::Relaxed);
    for question in questions {
        question.await.expect("no question failed");
    }
    for journey in journeys {
        for (table, ids) in journey.await.expect("no call of a journey failed").ids {
            acknowledged.ids.entry(table).or_default().extend(ids);
        }
    }
    acknowledged.assert_happened_once(&city).await;
    assert_invariants(&city.mesh).await;
}

/// Asks every service, again and again, until it is enough. No question fails.
async fn ask(city: Arc<City>, asking: Arc<Asking>, enough: Arc<AtomicBool>, told: Arc<Answers>) {
    let Asking { patient, bill_id, referral_id } = &*asking;
    while !enough.load(Ordering::Relaxed) {
        let message = GetResidentRequest { resident_id: patient.id.to_string() };
        let mut residents = ResidentServiceClient::new(city.channel("identity"));
        residents.get_resident(patient.caller.request(message).await).await.expect("she is shown to herself");
        told.count("identity");
        city.search(patient).await.expect("offers");
        told.count("scheduling");
        city.referral(referral_id).await.expect("the referral is shown");
        told.count("referral");
        quote(&city, patient).await.expect("a price");
        told.count("adjudication");
        city.bill(patient, bill_id).await.expect("the bill is shown");
        told.count("payment");
        tokio::time::sleep(PAUSE).await;
    }
}

/// From a place at the clinic to a bed in the ward. Answers the bill of the first and the referral to the second.
async fn journey(
    city: &City,
    patient: &Patient,
    (clinic, ward): (&Slot, &Slot),
    told: &mut Acknowledged,
) -> (String, String) {
    told.note("scheduling", "appointments", &book(city, patient, clinic).await);

    let visit = city.visit(patient).await;
    told.note("scheduling", "visits", &visit.visit_id);
    let settlement = city.settlement(&visit, "150.00").await;
    told.note("adjudication", "settlements", &settlement.settlement_id);
    let bill = city.authorise(patient, &settlement).await.expect("the bill is authorised");
    told.note("payment", "bills", &bill.bill_id);
    city.capture(&bill).await.expect("the capture begins");

    let after = city.visit(patient).await;
    told.note("scheduling", "visits", &after.visit_id);
    let request = patient.caller.request(requests::referral(patient, &after)).await;
    let submitted = city.referrals().submit_referral(request).await.expect("a referral is submitted");
    let referral = submitted.into_inner().referral.expect("it answers the referral");
    told.note("referral", "referrals", &referral.referral_id);
    city.accept(&referral, &ward.slot_id).await.expect("the hospital accepts");
    let decided = decision(city, &referral.referral_id).await;
    assert_eq!(decided.state(), ReferralState::Booked, "{decided:#?}");
    told.note("scheduling", "appointments", &decided.appointment_id);

    city.bill(patient, &bill.bill_id).await.expect("the bill is seen");
    (bill.bill_id, referral.referral_id)
}

/// What an acceptance comes to, each time seen without fail.
async fn decision(city: &City, referral_id: &str) -> Referral {
    let began = Instant::now();
    loop {
        let seen = city.referral(referral_id).await.expect("no question fails");
        if seen.state() != ReferralState::Accepting {
            return seen;
        }
        assert!(began.elapsed() < DECIDED_WITHIN, "{seen:#?}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

async fn book(city: &City, patient: &Patient, slot: &Slot) -> String {
    let held = city.hold(patient, &slot.slot_id).await.expect("a place is held");
    let message = ConfirmAppointmentRequest { request_id: request_id(), appointment_id: held.appointment_id };
    let request = patient.caller.request(message).await;
    let mut appointments = AppointmentServiceClient::new(city.channel("scheduling"));
    let confirmed = appointments.confirm_appointment(request).await.expect("it is confirmed").into_inner();
    confirmed.appointment.expect("it answers the appointment").appointment_id
}

impl Acknowledged {
    fn nothing(answers: &Arc<Answers>) -> Self {
        Self { ids: BTreeMap::new(), answers: answers.clone() }
    }

    fn note(&mut self, service: &'static str, table: &'static str, id: &impl ToString) {
        self.ids.entry((service, table)).or_default().push(id.to_string());
        self.answers.count(service);
    }

    /// Every row that was told of is there, and beside those none, since nobody else did anything.
    async fn assert_happened_once(&self, city: &City) {
        let accepted = self.ids[&("referral", "referrals")].len();
        assert!(accepted >= JOURNEYS, "it was no load: {accepted} acceptances");
        for ((service, table), ids) in &self.ids {
            // Each acceptance reserves a share, in a bill of its own.
            let more = if *table == "bills" { accepted } else { 0 };
            let filter = format!("SELECT count(*), count(*) FILTER (WHERE id::text = ANY($1)) FROM {table}");
            assert_eq!(count(city, service, filter, ids).await, (ids.len() + more, ids.len()), "{table}");
        }
        let sagas =
            "SELECT count(*), count(*) FILTER (WHERE state = 'COMPLETED' AND referral_id::text = ANY($1)) FROM sagas";
        let referrals = &self.ids[&("referral", "referrals")];
        assert_eq!(count(city, "referral", sagas.to_owned(), referrals).await, (accepted, accepted), "sagas");
    }
}

async fn count(city: &City, service: &str, sql: String, ids: &[String]) -> (usize, usize) {
    let url = &city.mesh.fleet().database(service).expect("a service of the mesh").owner;
    let mut owner = PgConnection::connect(url).await.expect("the owner connects");
    let counted = sqlx::query_as(AssertSqlSafe(sql)).bind(ids).fetch_one(&mut owner).await;
    let (all, told): (i64, i64) = counted.expect("rows are counted");
    (usize::try_from(all).expect("a count"), usize::try_from(told).expect("a count"))
}
