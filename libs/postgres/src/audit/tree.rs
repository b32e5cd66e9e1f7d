//! The tree over the sealed entries of a database. Leaves stand in `audit_entries`; of whole subtrees only every eighth level is
//! kept (`audit_tiles`), so that a root or a proof reads a few hundred hashes, however many entries there are.

use std::collections::HashMap;
use std::ops::Range;

use sqlx::PgConnection;

use super::merkle::{self, Frontier, Hash};
use crate::Error;

/// Children of a tile.
const WIDTH: u64 = 256;
/// Levels that are kept: more entries than a `bigint` can number.
const LEVELS: u32 = 8;

/// A subtree whose hash stands in the database: a leaf at level 0, a tile above.
type Unit = (u32, u64);

/// Keeps the tiles that have become whole; `sealed` entries are in the chain. Repeatable.
pub(super) async fn grow(conn: &mut PgConnection, sealed: u64) -> Result<(), Error> {
    for level in 1..=LEVELS {
        let whole = sealed / WIDTH.pow(level);
        if whole == 0 {
            break;
        }
        let kept: i64 = sqlx::query_scalar("SELECT coalesce(max(number) + 1, 0) FROM audit_tiles WHERE level = $1")
            .bind(i16::try_from(level).unwrap_or(i16::MAX))
            .fetch_one(&mut *conn)
            .await?;
        for number in kept.unsigned_abs()..whole {
            let units: Vec<Unit> = (number * WIDTH..(number + 1) * WIDTH).map(|child| (level - 1, child)).collect();
            let found = fetch(&mut *conn, &units).await?;
            let mut tile = Frontier::default();
            for unit in &units {
                tile.push(1, get(&found, *unit)?);
            }
            sqlx::query("INSERT INTO audit_tiles (level, number, hash) VALUES ($1, $2, $3)")
                .bind(i16::try_from(level).unwrap_or(i16::MAX))
                .bind(signed(number))
                .bind(tile.root().as_slice())
                .execute(&mut *conn)
                .await?;
        }
    }
    Ok(())
}

/// The root over the first `size` entries.
pub(super) async fn root(conn: &mut PgConnection, size: u64) -> Result<Hash, Error> {
    let whole = 0..size;
    Ok(hashes(conn, std::slice::from_ref(&whole)).await?.pop().unwrap_or_else(merkle::empty))
}

/// Hashes of subtrees.
pub(super) async fn hashes(conn: &mut PgConnection, ranges: &[Range<u64>]) -> Result<Vec<Hash>, Error> {
    let cut: Vec<Vec<Unit>> = ranges.iter().map(units).collect();
    let found = fetch(conn, &cut.concat()).await?;
    cut.into_iter()
        .map(|units| {
            let mut frontier = Frontier::default();
            for (level, number) in units {
                frontier.push(WIDTH.pow(level), get(&found, (level, number))?);
            }
            Ok(frontier.root())
        })
        .collect()
}

/// The largest kept subtrees that a range is made of, left to right.
fn units(range: &Range<u64>) -> Vec<Unit> {
    let (mut start, mut units) = (range.start, vec![]);
    while start < range.end {
        let fits = |level: &u32| start.is_multiple_of(WIDTH.pow(*level)) && range.end - start >= WIDTH.pow(*level);
        let level = (1..LEVELS).take_while(fits).last().unwrap_or(0);
        units.push((level, start / WIDTH.pow(level)));
        start += WIDTH.pow(level);
    }
    units
}

async fn fetch(conn: &mut PgConnection, units: &[Unit]) -> Result<HashMap<Unit, Hash>, Error> {
    let leaves: Vec<i64> = units.iter().filter(|(level, _)| *level == 0).map(|(_, index)| signed(index + 1)).collect();
    let (levels, numbers): (Vec<i16>, Vec<i64>) = units
        .iter()
        .filter(|(level, _)| *level > 0)
        .map(|(level, number)| (i16::try_from(*level).unwrap_or(i16::MAX), signed(*number)))
        .unzip();
    let entries: Vec<(i64, Vec<u8>)> =
        sqlx::query_as("SELECT position, hash FROM audit_entries WHERE position = ANY ($1)")
            .bind(leaves)
            .fetch_all(&mut *conn)
            .await?;
    let tiles: Vec<(i16, i64, Hash)> = sqlx::query_as(
        "SELECT level, number, hash FROM audit_tiles JOIN unnest($1::smallint[], $2::bigint[]) AS wanted (level, number) \
         USING (level, number)",
    )
    .bind(levels)
    .bind(numbers)
    .fetch_all(conn)
    .await?;
    let leaf = |(position, hash): (i64, Vec<u8>)| ((0, position.unsigned_abs() - 1), merkle::leaf(&hash));
    let tile =
        |(level, number, hash): (i16, i64, Hash)| ((u32::from(level.unsigned_abs()), number.unsigned_abs()), hash);
    Ok(entries.into_iter().map(leaf).chain(tiles.into_iter().map(tile)).collect())
}

fn get(found: &HashMap<Unit, Hash>, unit: Unit) -> Result<Hash, Error> {
    let (level, number) = unit;
    found.get(&unit).copied().ok_or_else(|| Error::row_invalid("audit_tiles", "hash", format!("{level}/{number}")))
}

fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
