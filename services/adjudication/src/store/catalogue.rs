//! `catalogue_items`: the class of an item, per region of care and from a day on.

use std::collections::HashMap;

use chrono::NaiveDate;
use postgres::Error;
use rust_decimal::Decimal;
use sqlx::{FromRow, PgConnection};
use types::money::Ratio;
use types::region::RegionCode;

use crate::domain::claim::Item;
use crate::domain::line::Class;

const TABLE: &str = "catalogue_items";

#[derive(FromRow)]
struct Row {
    item_code: String,
    name: String,
    class: String,
    first_self_pay_ratio: Option<Decimal>,
}

impl Row {
    fn item(self) -> Result<(String, Item), Error> {
        let class = class(&self.class, self.first_self_pay_ratio)
            .ok_or_else(|| Error::row_invalid(TABLE, "class", &self.item_code))?;
        Ok((self.item_code, Item { name: self.name, class }))
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
        "SELECT DISTINCT ON (item_code) item_code, name, class, first_self_pay_ratio FROM catalogue_items \
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
        "SELECT item_code, name, class, first_self_pay_ratio FROM catalogue_items \
         WHERE region = $1 AND item_code = ANY ($2) AND effective_from = $3",
    )
    .bind(region.as_str())
    .bind(codes)
    .bind(from)
    .fetch_all(conn)
    .await?;
    rows.into_iter().map(Row::item).collect()
}

/// Puts items from a day on. Answers how many rows are new; an item that is there with the same class and ratio is left alone.
pub async fn put(
    conn: &mut PgConnection,
    region: RegionCode,
    from: NaiveDate,
    items: &[(String, Item)],
) -> Result<u64, Error> {
    let (mut codes, mut names, mut classes, mut ratios) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for (code, item) in items {
        let (class, ratio) = columns(item.class);
        codes.push(code.as_str());
        names.push(item.name.as_str());
        classes.push(class);
        ratios.push(ratio);
    }
    let inserted = sqlx::query(
        "INSERT INTO catalogue_items (region, item_code, effective_from, name, class, first_self_pay_ratio) \
         SELECT $1, item_code, $2, name, class, ratio \
         FROM unnest($3::text[], $4::text[], $5::text[], $6::numeric[]) AS item (item_code, name, class, ratio) \
         ON CONFLICT DO NOTHING",
    )
    .bind(region.as_str())
    .bind(from)
    .bind(codes)
    .bind(names)
    .bind(classes)
    .bind(ratios)
    .execute(conn)
    .await?;
    Ok(inserted.rows_affected())
}
