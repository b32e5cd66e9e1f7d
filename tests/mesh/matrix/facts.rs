//! What happened in each half of the world, made by the calls that people make, and what it is called in requests.

use std::collections::BTreeMap;

use chrono::{Datelike as _, Days, NaiveDate, SecondsFormat, TimeDelta};
use mesh_tests::now;
use serde_json::{Value, json};
use testkit::request_id;
use types::clock::local_date;
use types::credit_code::CreditCode;
use types::national_id::NationalId;
use uuid::Uuid;

use super::people::{DELEGATES, Half, Organisations, People};
use super::requests::Facts;
use super::wire::{Credentials, Wire};

pub(crate) const RULES: &str = include_str!("../../../services/adjudication/rules/demonstration-city.json");
pub(crate) const POLICY: &str = include_str!("../../../services/adjudication/policies/beijing-employee.json");
pub(crate) const KEY: &str = "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\n-----END PUBLIC KEY-----";
/// What a delegate may be let do, and first of all see.
pub(crate) const ACTIONS: [&str; 5] = ["VIEW", "BOOK", "ATTEND", "REFER", "PAY"];
/// Sagas and sealers take a moment.
pub(crate) const TRIES: u32 = 100;

/// The two places of a half where people are cared for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Place {
    Clinic,
    Hospital,
}

/// Of one half.
pub(crate) struct Known {
    pub(crate) common: Facts,
    pub(crate) places: BTreeMap<Place, Facts>,
    /// The delegation to who has a role.
    pub(crate) delegations: BTreeMap<char, Facts>,
}

impl Known {
    /// As somebody of this role asks: about their own kind of place, and the delegation to their like.
    pub(crate) fn to(&self, role: char) -> Facts {
        let place = if ['L', 'D'].contains(&role) { Place::Hospital } else { Place::Clinic };
        let delegation = self.delegations.get(&role).or(self.delegations.get(&'W'));
        let all = [Some(&self.common), self.places.get(&place), delegation];
        all.into_iter().flatten().flat_map(Clone::clone).collect()
    }

    /// Ids and words that nobody may see who has no part in this half.
    pub(crate) fn secrets(&self) -> Vec<String> {
        const NAMES: [&str; 15] = [
            "resident_id",
            "appointment_id",
            "visit_id",
            "claim_id",
            "settlement_id",
            "bill_id",
            "receipt_id",
            "payout_id",
            "quote_id",
            "referral_id",
            "order_id",
            "credit_line_id",
            "consent_id",
            "guardianship_id",
            "national_id",
        ];
        let all = self.places.values().chain([&self.common]);
        let values = all.flat_map(|facts| NAMES.iter().filter_map(|name| facts.get(*name)?.as_str()));
        values.map(str::to_owned).collect()
    }
}

/// What is said of the patient of a half, and by her.
#[derive(Debug, Clone)]
pub(crate) struct Words {
    pub(crate) name: String,
    pub(crate) diagnosis: String,
    pub(crate) clinical_summary: String,
    /// Why her record was opened in an emergency.
    pub(crate) justification: String,
    pub(crate) passport: String,
    /// SHA-256 of what she signed with the bank.
    pub(crate) agreement: String,
}

impl Words {
    pub(crate) fn plain(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            diagnosis: "冠状动脉粥样硬化性心脏病".to_owned(),
            clinical_summary: "胸闷一月，活动后加重。".to_owned(),
            justification: "昏迷不醒，须立即查看病史和过敏史".to_owned(),
            passport: format!("E{:08}", name.chars().map(u32::from).sum::<u32>()),
            agreement: "ab".repeat(32),
        }
    }
}

pub(crate) struct Story<'a> {
    pub(crate) wire: &'a Wire<'a>,
    pub(crate) people: &'a People,
    pub(crate) half: Half,
    pub(crate) organisations: Organisations,
    pub(crate) patient: String,
    pub(crate) number: NationalId,
    pub(crate) words: Words,
}

impl<'a> Story<'a> {
    pub(crate) fn new(wire: &'a Wire<'a>, people: &'a People, half: Half, words: Words) -> Self {
        let number = testkit::national_id(born());
        let patient = people.patient(half).to_string();
        Self { wire, people, half, organisations: Organisations::of(half), patient, number, words }
    }

    /// A payout that waits for its witness. Nothing was paid too much here: it is written as the database would have it.
    pub(crate) async fn payout(&self, bill: &str) -> Value {
        let id = Uuid::now_v7();
        sqlx::query(
            "INSERT INTO payouts (id, region, bill_id, payee_id, amount, means, reference, state, opened_by, opened_at) \
             SELECT $1, region, id, payee_id, 0.01, 'CASH', '', 'OPEN', 'practitioner:' || $1, now() FROM bills WHERE id = $2::uuid",
        )
        .bind(id)
        .bind(bill)
        .execute(&mut self.wire.owner("payment").await)
        .await
        .expect("a payout is written");
        json!(id)
    }

    /// A suspension that ran out long ago. What leads to one takes days: it is written as the database would have it.
    pub(crate) async fn suspended(&self) -> Value {
        let id = Uuid::now_v7();
        sqlx::query(
            "INSERT INTO suspensions (id, region, resident_id, since, until, appointment_ids, state) \
             VALUES ($1, '110000', $2::uuid, '2020-01-01', '2020-04-01', ARRAY[gen_random_uuid()], 'STANDING')",
        )
        .bind(id)
        .bind(self.patient.parse::<Uuid>().expect("a resident's id"))
        .execute(&mut self.wire.owner("scheduling").await)
        .await
        .expect("a suspension is written");
        json!(id)
    }

    /// Somebody of this half does something, and may.
    pub(crate) async fn does(&self, role: char, method: &str, message: Value) -> Value {
        self.done_by(role, self.half, method, message).await
    }

    pub(crate) async fn done_by(&self, role: char, half: Half, method: &str, mut message: Value) -> Value {
        let person = self.people.of(role, half);
        if self.wire.methods.get(method).input().get_field_by_name("request_id").is_some() {
            message["request_id"] = json!(request_id());
        }
        let with = Credentials { certificate: Some(person.certificate()), token: Some(&person.token) };
        let answer = self.wire.call(with, method, &message).await;
        answer.unwrap_or_else(|status| panic!("{role} of {half:?}: {method}: {status:?}\n{message:#}"))
    }

    /// To somebody of each role here, and to their like of the other half.
    pub(crate) async fn delegations(&self) -> BTreeMap<char, Facts> {
        let mut delegations = BTreeMap::new();
        for role in DELEGATES {
            let delegate = self.people.of(role, self.half).caller.party();
            let there = self.people.of(role, self.half.other()).caller.party();
            let known = facts(&[
                ("delegation_id", json!(self.delegation(delegate, &ACTIONS).await)),
                ("delegation_unseeing", json!(self.delegation(delegate, &ACTIONS[1..]).await)),
                ("delegate", json!(delegate)),
                ("delegation_there", json!(self.delegation(there, &ACTIONS).await)),
            ]);
            delegations.insert(role, known);
        }
        delegations
    }

    pub(crate) async fn delegation(&self, delegate: &str, actions: &[&str]) -> String {
        let actions: Vec<String> = actions.iter().map(|action| format!("DELEGATED_ACTION_{action}")).collect();
        let message = json!({
            "resident_id": self.patient, "delegate": delegate, "basis": "DELEGATION_BASIS_GRANTED", "actions": actions,
            "until": moment(60),
        });
        let granted = self.does('R', "identity.DelegationService/GrantDelegation", message).await;
        text(&granted, "/delegation/delegation_id")
    }

    /// Organisations, staff, the patient and those around her. Everybody is registered at the clinic of the first half.
    pub(crate) async fn people_and_places(&self) -> Facts {
        let own = self.organisations;
        let mut known = self.organisations_registered().await;
        for role in ['W', 'F', 'C', 'L', 'D'] {
            let id = self.people.of(role, self.half).caller.party().trim_start_matches("practitioner:").to_owned();
            let employer = own.employer(role).expect("staff works somewhere");
            self.practitioner(&id, employer).await;
        }
        let witness = Uuid::now_v7().to_string();
        self.practitioner(&witness, own.clinic).await;
        let doctor_party = self.people.of('F', self.half).caller.party().to_owned();
        let doctor = doctor_party.trim_start_matches("practitioner:").to_owned();

        let code = if self.half == Half::A { "110102003001" } else { "110102003002" };
        let community = json!({
            "community_code": code, "name": "百万庄社区", "street": "展览路街道", "grid_cells": ["01"],
            "organisation_ids": [own.clinic],
        });
        self.does('X', "identity.CommunityService/PutCommunity", json!({ "community": community })).await;

        let name = &self.words.name;
        let guardian = Uuid::now_v7().to_string();
        let number = self.number.expose();
        let register = "identity.ResidentService/RegisterResident";
        let registered = |message: Value| self.done_by('W', Half::A, register, message);
        registered(json!({
            "resident_id": self.patient, "national_id": number, "name": name, "region_code": "110000", "community_code": code,
            "grid_cell": "01",
        }))
        .await;
        let other_number = testkit::national_id(born());
        registered(json!({
            "resident_id": guardian, "national_id": other_number.expose(), "name": "陈建国", "region_code": "110000",
            "community": "展览路街道",
        }))
        .await;
        // Without papers: perhaps the same person.
        let double = registered(json!({
            "name": name, "region_code": "110000", "community": "展览路街道", "birth_date": date(born()), "sex": "SEX_FEMALE",
            "provisional": "PROVISIONAL_KIND_UNKNOWN",
        }))
        .await;
        known.extend(facts(&[
            ("resident_id", json!(self.patient)),
            ("ward_resident_id", json!(self.patient)),
            ("double", json!(text(&double, "/resident/resident_id"))),
            ("national_id", json!(number)),
            ("name", json!(name)),
            ("community_code", json!(code)),
            ("community", community),
            ("guardian", json!(guardian)),
            ("guardian_party", json!(format!("resident:{guardian}"))),
            ("doctor", json!(doctor)),
            ("doctor_party", json!(doctor_party)),
            ("practitioner_id", json!(doctor)),
            ("witness", json!(witness)),
            ("practitioner", json!({ "practitioner_id": witness, "organisation_id": own.clinic, "name": "证人" })),
            ("id_card", json!({ "kind": "IDENTIFIER_KIND_ID_CARD", "number": number })),
            ("nobody", json!(format!("client:nobody-{}", if self.half == Half::A { "a" } else { "b" }))),
        ]));
        known
    }

    async fn organisations_registered(&self) -> Facts {
        let own = self.organisations;
        let mut outdated = Value::Null;
        let mut known_one = Value::Null;
        let kinds = [
            (own.clinic, "PROVIDER", "TIER_COMMUNITY", "1211000040000101"),
            (own.hospital, "PROVIDER", "TIER_TERTIARY", "1211000040000102"),
            (own.bank, "BANK", "", "9111000040000103"),
            (own.insurer, "INSURER", "", "1211000040000104"),
        ];
        for (id, kind, tier, code) in kinds {
            let code = CreditCode::with_check_character(&format!("{code}9")).expect("a body of seventeen characters");
            let mut organisation = json!({
                "organisation_id": id, "kind": format!("ORGANISATION_KIND_{kind}"), "name": format!("示范机构 {id}"),
                "credit_code": code.to_string(), "region_code": "110000",
            });
            if !tier.is_empty() {
                organisation["tier"] = json!(tier);
                organisation["place"] = json!({ "latitude": 39.95, "longitude": 116.36 });
                organisation["designated_from"] = json!({ "year": 2023, "month": 1, "day": 1 });
                organisation["departments"] =
                    json!([{ "code": "0302", "name": "心血管内科", "capabilities": ["I25"] }]);
            }
            if self.half == Half::B {
                let message = json!({ "organisation": organisation });
                self.does('X', "identity.OrganisationService/RegisterOrganisation", message).await;
            }
            if id == own.clinic {
                known_one = organisation.clone();
                organisation["revision"] = json!(99);
                outdated = organisation;
            }
        }
        facts(&[
            ("organisation", known_one),
            ("organisation_outdated", outdated),
            ("clinic", json!(own.clinic)),
            ("hospital", json!(own.hospital)),
            ("bank", json!(own.bank)),
            ("today", date(today())),
            ("in_2020", json!({ "year": 2020, "month": 6, "day": 1 })),
            ("in_2021", json!({ "year": 2021, "month": 6, "day": 1 })),
            ("end_of_2020", json!({ "year": 2020, "month": 12, "day": 31 })),
            ("in_a_year", date(today() + Days::new(364))),
            ("in_two_years", date(today() + Days::new(700))),
            ("soon", json!(moment(60))),
            ("past", json!(moment(-1))),
        ])
    }

    async fn practitioner(&self, id: &str, organisation: Uuid) {
        let practitioner = json!({ "practitioner_id": id, "organisation_id": organisation, "name": "示范医师" });
        let message = json!({ "practitioner": practitioner });
        self.does('X', "identity.OrganisationService/RegisterPractitioner", message).await;
    }
}

pub(crate) fn facts(named: &[(&str, Value)]) -> Facts {
    named.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect()
}

#[track_caller]
pub(crate) fn text(answer: &Value, pointer: &str) -> String {
    let found = answer.pointer(pointer).and_then(Value::as_str);
    found.unwrap_or_else(|| panic!("no {pointer} in {answer:#}")).to_owned()
}

pub(crate) fn born() -> NaiveDate {
    NaiveDate::from_ymd_opt(1954, 3, 1).expect("a day")
}

pub(crate) fn today() -> NaiveDate {
    local_date(now())
}

pub(crate) fn date(day: NaiveDate) -> Value {
    json!({ "year": day.year(), "month": day.month(), "day": day.day() })
}

/// Minutes from now, or ago.
pub(crate) fn moment(minutes: i64) -> String {
    (now() + TimeDelta::minutes(minutes)).to_rfc3339_opts(SecondsFormat::Secs, true)
}
