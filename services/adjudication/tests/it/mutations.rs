//! Claims that are wrong in some way, made from a good one. The pure parts and the RPC are given the same.

use proptest::prelude::*;
use prost::Message as _;
use proto::anjia::adjudication::v1 as wire;

const TEXTS: [&str; 14] = [
    "",
    "-1",
    "0",
    "1",
    "0.0001",
    "0.00001",
    "999999999",
    "1e9",
    "NaN",
    "79228162514264337593543950335",
    "１",
    "\u{0}",
    "I10.x00",
    "01890a5d-ac96-774b-bcce-b302099a805a",
];
const PROCEDURES: [&str; 5] = ["68.4100", "47.0100", "", "\u{0}", "99"];
const NUMBERS: [i64; 9] = [0, 1, -1, 13, 32, 999_999_999, -999_999_999, i64::MAX, i64::MIN];

/// One change of a good claim.
#[derive(Debug, Clone)]
pub(crate) enum Mutation {
    Byte(prop::sample::Index, u8),
    Cut(prop::sample::Index),
    ItemCode(&'static str),
    /// Of those that the catalogue has.
    Item(prop::sample::Index),
    Quantity(&'static str),
    UnitPrice(&'static str),
    Units(i64),
    Nanos(i64),
    Currency(&'static str),
    Total(i64),
    Year(i64),
    Day(i64),
    Icd10(&'static str),
    Procedure(&'static str),
    Sex(i64),
    Weight(i64),
    Drg(&'static str),
    Repeated(u8),
}

pub(crate) fn mutations() -> impl Strategy<Value = Vec<Mutation>> {
    prop::collection::vec(mutation(), 0..4)
}

fn mutation() -> impl Strategy<Value = Mutation> {
    let text = || prop::sample::select(TEXTS.as_slice());
    let number = || prop::sample::select(NUMBERS.as_slice());
    let bytes = prop_oneof![
        (any::<prop::sample::Index>(), any::<u8>()).prop_map(|(at, byte)| Mutation::Byte(at, byte)),
        any::<prop::sample::Index>().prop_map(Mutation::Cut),
    ];
    let billed = prop_oneof![
        text().prop_map(Mutation::ItemCode),
        any::<prop::sample::Index>().prop_map(Mutation::Item),
        text().prop_map(Mutation::Quantity),
        text().prop_map(Mutation::UnitPrice),
        number().prop_map(Mutation::Units),
        number().prop_map(Mutation::Nanos),
        text().prop_map(Mutation::Currency),
        number().prop_map(Mutation::Total),
        number().prop_map(Mutation::Year),
        number().prop_map(Mutation::Day),
        any::<u8>().prop_map(Mutation::Repeated),
    ];
    let stated = prop_oneof![
        text().prop_map(Mutation::Icd10),
        prop::sample::select(PROCEDURES.as_slice()).prop_map(Mutation::Procedure),
        number().prop_map(Mutation::Sex),
        number().prop_map(Mutation::Weight),
        text().prop_map(Mutation::Drg),
    ];
    prop_oneof![1 => bytes, 4 => billed, 3 => stated]
}

fn int(number: i64) -> i32 {
    i32::try_from(number).unwrap_or(if number < 0 { i32::MIN } else { i32::MAX })
}

/// The bytes of a good claim of one line, mutated. `items` are codes of the catalogue.
pub(crate) fn mutated(good: &wire::DivideClaimRequest, items: &[&str], mutations: &[Mutation]) -> Vec<u8> {
    let mut claim = good.clone();
    for mutation in mutations {
        change(&mut claim, items, mutation);
    }
    let mut bytes = claim.encode_to_vec();
    for mutation in mutations {
        match mutation {
            Mutation::Byte(at, byte) if !bytes.is_empty() => {
                let at = at.index(bytes.len());
                bytes[at] = *byte;
            }
            Mutation::Cut(at) if !bytes.is_empty() => bytes.truncate(at.index(bytes.len())),
            _ => {}
        }
    }
    bytes
}

fn change(claim: &mut wire::DivideClaimRequest, items: &[&str], mutation: &Mutation) {
    let line = &mut claim.lines[0];
    let amount = line.amount.get_or_insert_default();
    let day = line.on.get_or_insert_default();
    let record = claim.case_record.get_or_insert_default();
    match mutation {
        Mutation::ItemCode(text) => (*text).clone_into(&mut line.item_code),
        Mutation::Item(at) => items[at.index(items.len())].clone_into(&mut line.item_code),
        Mutation::Quantity(text) => (*text).clone_into(&mut line.quantity),
        Mutation::UnitPrice(text) => (*text).clone_into(&mut line.unit_price),
        Mutation::Units(units) => amount.units = *units,
        Mutation::Nanos(nanos) => amount.nanos = int(*nanos),
        Mutation::Currency(text) => (*text).clone_into(&mut amount.currency_code),
        Mutation::Total(units) => claim.total.get_or_insert_default().units = *units,
        Mutation::Year(year) => day.year = int(*year),
        Mutation::Day(number) => day.day = int(*number),
        Mutation::Icd10(text) => (*text).clone_into(&mut claim.diagnoses[0].icd10_code),
        Mutation::Procedure(code) => record.procedure_codes.push((*code).to_owned()),
        Mutation::Sex(code) => record.sex_code = int(*code),
        Mutation::Weight(weight) => record.weight_g = int(*weight),
        Mutation::Drg(code) => (*code).clone_into(&mut record.drg_code),
        Mutation::Repeated(times) => {
            let line = line.clone();
            if let Some(total) = &mut claim.total {
                total.units = total.units.saturating_add(amount_of(&line).saturating_mul(i64::from(*times)));
            }
            claim.lines.extend(std::iter::repeat_n(line, usize::from(*times)));
        }
        Mutation::Byte(..) | Mutation::Cut(_) => {}
    }
}

fn amount_of(line: &wire::ClaimLine) -> i64 {
    line.amount.as_ref().map_or(0, |amount| amount.units)
}
