//! Requests that look right: every field is filled with something of its kind, and nothing they name exists but the resident.

use mesh_tests::now;
use prost_reflect::{DynamicMessage, FieldDescriptor, Kind, MessageDescriptor, Value};
use proto::anjia::adjudication::v1::FindingDecision;
use proto::anjia::payment::v1::{DeskMeans, OrderState, Payer};
use proto::anjia::referral::v1::PaymentArrangement;
use types::credit_code::CreditCode;
use uuid::Uuid;

/// How deep messages lie within messages in the contracts, at most.
const DEPTH_MAX: usize = 4;

pub(super) struct Plausible {
    /// Who the caller speaks for: her own id is no stranger's.
    pub(super) resident: String,
}

impl Plausible {
    pub(super) fn message(&self, descriptor: &MessageDescriptor) -> DynamicMessage {
        self.filled(descriptor, 0)
    }

    /// The ids right in a request that can be wrong; a list takes one of two, and the second stays empty.
    pub(super) fn ids(&self, descriptor: &MessageDescriptor) -> Vec<String> {
        let ids = descriptor.fields().filter(|field| is_id(field) && self.value(field, 0).is_some());
        ids.map(|field| field.name().to_owned()).collect()
    }

    fn filled(&self, descriptor: &MessageDescriptor, depth: usize) -> DynamicMessage {
        let mut message = DynamicMessage::new(descriptor.clone());
        match descriptor.full_name() {
            "google.protobuf.Timestamp" => set(&mut message, "seconds", Value::I64(now().timestamp() - 60)),
            "google.type.Money" => {
                set(&mut message, "currency_code", text("CNY"));
                set(&mut message, "units", Value::I64(1));
            }
            "google.type.Date" => {
                for (part, number) in [("year", 2026), ("month", 3), ("day", 1)] {
                    set(&mut message, part, Value::I32(number));
                }
            }
            "google.protobuf.FieldMask" => set(&mut message, "paths", Value::List(vec![text("name")])),
            _ if depth <= DEPTH_MAX => {
                for field in descriptor.fields() {
                    if let Some(value) = self.value(&field, depth) {
                        message.set_field(&field, value);
                    }
                }
            }
            _ => {}
        }
        message
    }

    fn value(&self, field: &FieldDescriptor, depth: usize) -> Option<Value> {
        let in_later_choice =
            field.containing_oneof().is_some_and(|oneof| oneof.fields().next().as_ref() != Some(field));
        let is_second_owner =
            field.parent_message().name().starts_with("List") && field.name().ends_with("organisation_id");
        // Who has a number shows no other document, and is no newborn with a mother.
        let is_second_document = field.parent_message().get_field_by_name("national_id").is_some()
            && ["credential", "provisional"].contains(&field.name());
        if in_later_choice || is_second_owner || is_second_document || field.is_map() {
            return None;
        }
        let value = match field.kind() {
            Kind::Message(message) => Value::Message(self.filled(&message, depth + 1)),
            Kind::Enum(_) => Value::EnumNumber(word(field.full_name())),
            Kind::String => text(&self.text(field.name())?),
            Kind::Bool => Value::Bool(true),
            Kind::Int32 if field.name() == "radius_m" => Value::I32(5_000),
            Kind::Int32
                if field.name() == "year"
                    && ["AssessProviderRequest", "ListAssessmentsRequest"].contains(&field.parent_message().name()) =>
            {
                Value::I32(2026)
            }
            Kind::Int32 => Value::I32(1),
            Kind::Int64 => Value::I64(1),
            Kind::Double => Value::F64(40.0),
            _ => return None,
        };
        Some(if field.is_list() { Value::List(vec![value]) } else { value })
    }

    fn text(&self, name: &str) -> Option<String> {
        Some(match name {
            "resident_id" => self.resident.clone(),
            "national_id" => {
                let birth_date = chrono::NaiveDate::from_ymd_opt(1950, 1, 1)?;
                testkit::national_id(birth_date).expose().to_owned()
            }
            "credit_code" => CreditCode::with_check_character("12110000400000099").ok()?.to_string(),
            "region_code" | "insured_region_code" | "care_region_code" => devstack::callers::REGION.to_owned(),
            "agreement_sha256" => "0f".repeat(32),
            "icd10_code" | "capability" | "capabilities" | "symptom" | "symptoms" => mesh_tests::ICD10.to_owned(),
            "community_code" => "110102999999".to_owned(),
            "justification" => "昏迷不醒，须立即查看病史和过敏史".to_owned(),
            "delegate" => format!("practitioner:{}", Uuid::now_v7()),
            "quantity" | "unit_price" | "unit_price_max" => "1".to_owned(),
            "reason" => "OTHER".to_owned(),
            // Nobody put it into the catalogue yet.
            "item_code" => Uuid::now_v7().simple().to_string(),
            "page_token" | "first_self_pay_ratio" | "mobile" => return None,
            name if name.ends_with("_id") || name.ends_with("_ids") => Uuid::now_v7().to_string(),
            _ => "示例".to_owned(),
        })
    }
}

/// The first word of an enumeration, where a request may say it.
fn word(field: &str) -> i32 {
    match field {
        "anjia.payment.v1.ReportOrderRequest.outcome" => OrderState::Succeeded.into(),
        "anjia.adjudication.v1.DecideFindingRequest.decision" => FindingDecision::Cut.into(),
        "anjia.payment.v1.CollectArrearsRequest.means" | "anjia.payment.v1.OpenPayoutRequest.means" => {
            DeskMeans::Card.into()
        }
        "anjia.payment.v1.Share.payer" => Payer::Credit.into(),
        "anjia.referral.v1.Mandate.payment" => PaymentArrangement::Credit.into(),
        _ => 1,
    }
}

fn is_id(field: &FieldDescriptor) -> bool {
    field.name().ends_with("_id")
        && field.name() != "national_id"
        && matches!(field.kind(), Kind::String)
        && !field.is_list()
}

fn set(message: &mut DynamicMessage, name: &str, value: Value) {
    message.set_field_by_name(name, value);
}

fn text(text: &str) -> Value {
    Value::String(text.to_owned())
}
