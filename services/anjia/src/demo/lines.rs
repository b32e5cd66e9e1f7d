//! What is billed: items of the catalogue, and bills whose totals come out to the fen.

use chrono::NaiveDate;
use proto::anjia::adjudication::v1::{CatalogueItem, ClaimLine};
use proto::anjia::common::v1::{CatalogueClass, ExpectedLine};
use proto::convert::{to_date, to_money};
use rust_decimal::Decimal;
use types::money::Money;

/// An item of the catalogue. Codes are of this demonstration, classes as a region sets them.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Item {
    pub(crate) code: &'static str,
    pub(crate) name: &'static str,
    pub(crate) class: CatalogueClass,
}

/// So many of an item at a price in fen.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Line {
    pub(crate) item: Item,
    pub(crate) quantity: u32,
    unit_price_fen: i64,
}

const fn a(code: &'static str, name: &'static str) -> Item {
    Item { code, name, class: CatalogueClass::A }
}

const fn c(code: &'static str, name: &'static str) -> Item {
    Item { code, name, class: CatalogueClass::C }
}

const fn line(item: Item, quantity: u32, yuan: i64, fen: i64) -> Line {
    Line { item, quantity, unit_price_fen: yuan * 100 + fen }
}

const CONSULTATION: Item = a("DEMO0001", "一般诊疗费");
const ECG: Item = a("DEMO0002", "心电图检查");
const CHRONIC_MEDICINE: Item = a("DEMO0003", "慢病用药");
const ANGIOGRAPHY: Item = a("DEMO0101", "冠状动脉造影");
const LABORATORY: Item = a("DEMO0102", "检验检查");
const MEDICINE: Item = a("DEMO0103", "住院用药");
const WARD: Item = a("DEMO0104", "床位与护理");
const BYPASS: Item = a("DEMO0201", "冠状动脉搭桥术");
const PERFUSION: Item = a("DEMO0202", "体外循环");
const ANAESTHESIA: Item = a("DEMO0203", "全身麻醉（小时）");
const INTENSIVE_CARE: Item = a("DEMO0204", "重症监护（小时）");
const IMPLANTS: Item = a("DEMO0205", "手术耗材");
const BLOOD: Item = a("DEMO0206", "血液制品");
const OWN_ROOM: Item = c("DEMO0901", "特需病房");
const IMPORTED_DEVICE: Item = c("DEMO0902", "自费进口耗材");

pub(crate) const ITEMS: [Item; 15] = [
    CONSULTATION,
    ECG,
    CHRONIC_MEDICINE,
    ANGIOGRAPHY,
    LABORATORY,
    MEDICINE,
    WARD,
    BYPASS,
    PERFUSION,
    ANAESTHESIA,
    INTENSIVE_CARE,
    IMPLANTS,
    BLOOD,
    OWN_ROOM,
    IMPORTED_DEVICE,
];

pub(crate) const EARLIER_VISIT: &[Line] = &[line(CONSULTATION, 4, 35, 0), line(CHRONIC_MEDICINE, 10, 116, 0)];

pub(crate) const EARLIER_STAY: &[Line] =
    &[line(ANGIOGRAPHY, 1, 4_380, 0), line(LABORATORY, 12, 148, 29), line(MEDICINE, 8, 284, 50), line(WARD, 6, 320, 0)];

/// The fee on the ticket of each provider.
pub(crate) const CLINIC_FEE: &[Line] = &[line(CONSULTATION, 1, 40, 0)];
pub(crate) const SPECIALIST_FEE: &[Line] = &[line(CONSULTATION, 1, 80, 0)];

pub(crate) const CLINIC_VISIT: &[Line] =
    &[line(CONSULTATION, 1, 40, 0), line(ECG, 1, 32, 0), line(CHRONIC_MEDICINE, 4, 42, 0)];

pub(crate) const REFERRED_STAY: &[Line] = &[
    line(BYPASS, 1, 38_500, 0),
    line(PERFUSION, 1, 12_800, 0),
    line(ANAESTHESIA, 6, 1_150, 0),
    line(IMPLANTS, 4, 9_850, 0),
    line(INTENSIVE_CARE, 96, 165, 50),
    line(WARD, 14, 212, 0),
    line(LABORATORY, 28, 486, 35),
    line(MEDICINE, 56, 398, 75),
    line(BLOOD, 3, 4_002, 67),
    line(OWN_ROOM, 12, 680, 0),
    line(IMPORTED_DEVICE, 2, 8_257, 2),
];

impl Line {
    pub(crate) fn amount(&self) -> Money {
        Money::from_fen(self.unit_price_fen * i64::from(self.quantity))
    }

    pub(crate) fn unit_price(&self) -> Money {
        Money::from_fen(self.unit_price_fen)
    }

    fn unit_price_text(&self) -> String {
        Decimal::new(self.unit_price_fen, 2).to_string()
    }
}

pub(crate) fn total(lines: &[Line]) -> Money {
    lines.iter().map(Line::amount).sum()
}

/// For the price before care.
pub(crate) fn expected(lines: &[Line]) -> Vec<ExpectedLine> {
    let encode = |line: &Line| ExpectedLine {
        item_code: line.item.code.to_owned(),
        quantity: line.quantity.to_string(),
        unit_price: line.unit_price_text(),
    };
    lines.iter().map(encode).collect()
}

/// For the claim after it.
pub(crate) fn billed(lines: &[Line], on: NaiveDate) -> Vec<ClaimLine> {
    let encode = |line: &Line| ClaimLine {
        item_code: line.item.code.to_owned(),
        quantity: line.quantity.to_string(),
        unit_price: line.unit_price_text(),
        amount: Some(to_money(line.amount())),
        on: Some(to_date(on)),
    };
    lines.iter().map(encode).collect()
}

pub(crate) fn catalogue() -> Vec<CatalogueItem> {
    let encode = |item: &Item| CatalogueItem {
        item_code: item.code.to_owned(),
        name: item.name.to_owned(),
        catalogue_class: item.class.into(),
        first_self_pay_ratio: String::new(),
        price_limit: None,
    };
    ITEMS.iter().map(encode).collect()
}

/// The character by which people know a class.
pub(crate) const fn class_word(class: CatalogueClass) -> &'static str {
    match class {
        CatalogueClass::A => "甲",
        CatalogueClass::B => "乙",
        CatalogueClass::C => "丙",
        CatalogueClass::Unspecified => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of_class(lines: &[Line], class: CatalogueClass) -> String {
        lines.iter().filter(|line| line.item.class == class).map(Line::amount).sum::<Money>().to_string()
    }

    #[test]
    fn bills_come_to_the_published_totals() {
        assert_eq!(total(EARLIER_VISIT).to_string(), "1300.00");
        assert_eq!(total(EARLIER_STAY).to_string(), "10355.48");
        assert_eq!(total(CLINIC_VISIT).to_string(), "240.00");
        assert_eq!(total(REFERRED_STAY).to_string(), "189085.85");
        assert_eq!(of_class(REFERRED_STAY, CatalogueClass::A), "164411.81");
        assert_eq!(of_class(REFERRED_STAY, CatalogueClass::C), "24674.04");
    }
}
