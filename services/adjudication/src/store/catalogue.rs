//! `catalogue_items`: class and limit of the price of an item, per region of care and from a day on.

use std::collections::HashMap;

use chrono::NaiveDate;
use postgres::Error;
use rust_decimal::Decimal;
use sqlx::{FromRow, PgConnection};
use types::money::Ratio;
use types::region::RegionCode;

use crate::domain::claim::Item;
use crate::domain::line::{Class, PriceLimit, Priced};

const TABLE: &str = "catalogue_items";

#[derive(FromRow)]
struct Row {
    item_code: String,
    name: String,
    class: String,
    first_self_pay_ratio: Option<Decimal>,
    price_limit_of: Option<String>,
    unit_price_max: Option<Decimal>,
}

impl Row {
    fn item(self) -> Result<(String, Item), Error> {
        let class = class(&self.class, self.first_self_pay_ratio)
            .ok_or_else(|| Error::row_invalid(TABLE, "class", &self.item_code))?;
        let invalid = || Error::row_invalid(TABLE, "price_limit_of", &self.item_code);
        let price_limit = limit(self.price_limit_of.as_deref(), self.unit_price_max, invalid)?;
        Ok((self.item_code, Item { name: self.name, class, price_limit }))
    }
}

/// The stored form of a class, back.
pub(super) fn class(letter: &str, first_self_pay: Option<Decimal>) -> Option<Class> {
    match (letter, first_self_pay) {
        ("A", None) => Some(Class::A),
        ("B", Some(ratio)) => Some(Class::B { first_self_pay: Ratio::from_decimal(ratio).ok()? }),
        ("C", None) => Some(Class::C),
        _ => None,
    }
}

/// The stored form of a limit of the price, back.
pub(super) fn limit(
    of: Option<&str>,
    unit_price_max: Option<Decimal>,
    invalid: impl FnOnce() -> Error,
) -> Result<Option<PriceLimit>, Error> {
    let of = match (of, unit_price_max) {
        (None, None) => return Ok(None),
        (Some("ITEM"), Some(_)) => Priced::Item,
        (Some("BED_DAY"), Some(_)) => Priced::BedDay,
        _ => return Err(invalid()),
    };
    Ok(unit_price_max.map(|most| PriceLimit { of, unit_price_max: most.normalize() }))
}

/// The stored form of a limit of the price.
pub(super) fn limit_columns(limit: Option<PriceLimit>) -> (Option<&'static str>, Option<Decimal>) {
    let word = |limit: PriceLimit| match limit.of {
        Priced::Item => "ITEM",
        Priced::BedDay => "BED_DAY",
    };
    (limit.map(word), limit.map(|limit| limit.unit_price_max))
}

/// The stored form of a class.
pub(super) const fn columns(class: Class) -> (&'static str, Option<Decimal>) {
    match class {
        Class::A => ("A", None),
        Class::B { first_self_pay } => ("B", Some(first_self_pay.decimal())),
        Class::C => ("C", None),
    }
}

/// What the catalogue of a region says of items on a day. Items it does not know are missing from the answer.
pub async fn find(
    conn: &mut PgConnection,
    region: RegionCode,
    codes: &[String],
    on: NaiveDate,
) -> Result<HashMap<String, Item>, Error> {
    let rows: Vec<Row> = sqlx::query_as(
        "SELECT DISTINCT ON (item_code) item_code, name, class, first_self_pay_ratio, price_limit_of, unit_price_max FROM catalogue_items \
         WHERE region = $1 AND item_code = ANY ($2) AND effective_from <= $3 ORDER BY item_code, effective_from DESC",
    )
    .bind(region.as_str())
    .bind(codes)
    .bind(on)
    .fetch_all(conn)
    .await?;
    rows.into_iter().map(Row::item).collect()
}

/// What stands for items from exactly this day on.
pub async fn starting(
    conn: &mut PgConnection,
    region: RegionCode,
    codes: &[String],
    from: NaiveDate,
) -> Result<HashMap<String, Item>, Error> {
    let rows: Vec<Row> = sqlx::query_as(
        "SELECT item_code, name, class, first_self_pay_ratio, price_limit_of, unit_price_max FROM catalogue_items \
         WHERE region = $1 AND item_code = ANY ($2) AND effective_from = $3",
    )
    .bind(region.as_str())
    .bind(codes)
    .bind(from)
    .fetch_all(conn)
    .await?;
    rows.into_iter().map(Row::item).collect()
}

/// Puts items from a day on. Answers how many rows are new; an item that is there with the same class, ratio and limit is left alone.
pub async fn put(
    conn: &mut PgConnection,
    region: RegionCode,
    from: NaiveDate,
    items: &[(String, Item)],
) -> Result<u64, Error> {
    let (mut codes, mut names, mut classes, mut ratios) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let (mut bases, mut prices_max) = (Vec::new(), Vec::new());
    for (code, item) in items {
        let (limit_of, most) = limit_columns(item.price_limit);
        bases.push(limit_of);
        prices_max.push(most);
        let (class, ratio) = columns(item.class);
        codes.push(code.as_str());
        names.push(item.name.as_str());
        classes.push(class);
        ratios.push(ratio);
    }
    let inserted = sqlx::query(
        "INSERT INTO catalogue_items (region, item_code, effective_from, name, class, first_self_pay_ratio, price_limit_of, unit_price_max) \
         SELECT $1, item_code, $2, name, class, ratio, limit_of, unit_price_max \
         FROM unnest($3::text[], $4::text[], $5::text[], $6::numeric[], $7::text[], $8::numeric[]) \
             AS item (item_code, name, class, ratio, limit_of, unit_price_max) \
         ON CONFLICT DO NOTHING",
    )
    .bind(region.as_str())
    .bind(from)
    .bind(codes)
    .bind(names)
    .bind(classes)
    .bind(ratios)
    .bind(bases)
    .bind(prices_max)
    .execute(conn)
    .await?;
    Ok(inserted.rows_affected())
}
