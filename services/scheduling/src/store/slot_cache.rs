//! The slot cache in Redis: nothing here that is not rebuilt from Postgres within a second, so Redis may be wiped or away at any
//! moment. Every answer is an option; none means "ask Postgres".
//!
//! Keys: `anjia:scheduling:4:<region>:providers` (GEO; a member is a provider with its place and symptoms, `…:providers:version` beside it) and
//! `…:<region>:day:<provider>:<kind>:<pool>:<local day>` (hash: `version`, `slots`). The version is the instant Postgres was read
//! at; an older entry never replaces a newer one.

use std::{
    sync::{
        LazyLock,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use chrono::{DateTime, NaiveDate, Utc};
use opentelemetry::{KeyValue, metrics::Counter};
use postgres::metrics::meter;
use redis::{
    Client, Pipeline, RedisError, RedisResult, Script, Value,
    aio::{ConnectionManager, ConnectionManagerConfig},
};
use serde::de::DeserializeOwned;
use types::{care::CareKind, ids::OrganisationId, region::RegionCode};

use crate::domain::{
    offer::{Around, OpenSlot, Provider},
    pool::Pool,
};

/// Layout of the keys; raised when it changes, so that releases side by side do not misread each other.
const LAYOUT: &str = "anjia:scheduling:4";
/// An entry lives this long at most. With the copy within each process it makes an answer less than a second old.
const LIFE_MAX: Duration = Duration::from_millis(750);
/// By how much lives differ, so that not all entries of a busy minute end at once.
const LIFE_JITTER_MS: u64 = 250;
/// A cache that answers slower than this is slower than Postgres.
const ANSWER_MAX: Duration = Duration::from_millis(100);
/// After a failure Redis is left alone for this long.
const PAUSE: Duration = Duration::from_secs(1);
const PROVIDERS_MAX: usize = 1000;

static LOOKUPS: LazyLock<Counter<u64>> = LazyLock::new(|| {
    let counter = meter().u64_counter("anjia.slot_cache.lookups").with_unit("{lookup}");
    counter.with_description("What was asked of the slot cache: lists of providers and days").build()
});

/// Replaces the providers of a region unless newer ones stand there.
static PUT_PROVIDERS: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        "local old = redis.call('GET', KEYS[2]) \
         if old and tonumber(old) > tonumber(ARGV[1]) then return 0 end \
         redis.call('DEL', KEYS[1]) \
         for i = 3, #ARGV, 3 do redis.call('GEOADD', KEYS[1], ARGV[i], ARGV[i + 1], ARGV[i + 2]) end \
         redis.call('PEXPIRE', KEYS[1], ARGV[2] * 2) \
         redis.call('SET', KEYS[2], ARGV[1], 'PX', ARGV[2]) \
         return 1",
    )
});

/// Replaces one day's slots unless newer ones stand there.
static PUT_DAY: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        "local old = redis.call('HGET', KEYS[1], 'version') \
         if old and tonumber(old) > tonumber(ARGV[1]) then return 0 end \
         redis.call('HSET', KEYS[1], 'version', ARGV[1], 'slots', ARGV[3]) \
         redis.call('PEXPIRE', KEYS[1], ARGV[2]) \
         return 1",
    )
});

/// Free places of one provider, kind and pool on one local day.
#[derive(Debug, Clone, Copy)]
pub struct Day {
    pub organisation: OrganisationId,
    pub kind: CareKind,
    pub pool: Pool,
    pub date: NaiveDate,
}

/// When Postgres was read, so that an entry's life counts from there.
#[derive(Debug, Clone, Copy)]
pub struct ReadAt {
    pub time: DateTime<Utc>,
    pub instant: Instant,
}

pub struct SlotCache {
    redis: Option<ConnectionManager>,
    started: Instant,
    /// Milliseconds after `started` until which Redis is left alone.
    paused_until_ms: AtomicU64,
}

impl SlotCache {
    /// Connects with the first use, so Redis may be away at a start-up. Without a URL nothing is cached. Must be called within a
    /// runtime.
    pub fn new(url: Option<&str>) -> Result<Self, RedisError> {
        let config = ConnectionManagerConfig::new()
            .set_connection_timeout(Some(ANSWER_MAX))
            .set_response_timeout(Some(ANSWER_MAX))
            .set_number_of_retries(0);
        let connect = |url: &str| ConnectionManager::new_lazy_with_config(Client::open(url)?, config);
        let redis = url.map(connect).transpose()?;
        Ok(Self { redis, started: Instant::now(), paused_until_ms: AtomicU64::new(0) })
    }

    /// Providers around a place, and a little beyond: Redis rounds places. The nearest, where there are very many.
    pub async fn providers(&self, region: RegionCode, around: Around) -> Option<Vec<Provider>> {
        let found = self.find_providers(region, around).await;
        count("providers", [found.is_some()]);
        found
    }

    async fn find_providers(&self, region: RegionCode, around: Around) -> Option<Vec<Provider>> {
        let [latitude, longitude] = [around.latitude_millionths, around.longitude_millionths].map(degrees);
        if !is_indexable(latitude) {
            return None;
        }
        let (places, version) = provider_keys(region);
        let mut ask = redis::pipe();
        // Redis may have given up either for want of memory.
        ask.exists(&[&version, &places]);
        ask.cmd("GEOSEARCH").arg(&places).arg("FROMLONLAT").arg(longitude).arg(latitude);
        ask.arg("BYRADIUS").arg(u64::from(around.radius_m) + 20).arg("m").arg("ASC").arg("COUNT").arg(PROVIDERS_MAX);
        let (known, members): (usize, Vec<String>) = self.ask(&ask).await?;
        if known < 2 {
            return None;
        }
        if around.is_selective && members.len() >= PROVIDERS_MAX {
            return None;
        }
        members.iter().map(|member| parse(member)).collect()
    }

    pub async fn put_providers(&self, region: RegionCode, providers: &[Provider], read_at: ReadAt) {
        let (Some(life_ms), Some(mut redis)) = (life_ms(read_at), self.redis()) else { return };
        // All or none: a provider left out would not be found.
        if !providers.iter().all(|provider| is_indexable(provider.place.latitude)) {
            return;
        }
        let (places, version) = provider_keys(region);
        let mut put = PUT_PROVIDERS.key(places);
        put.key(version).arg(read_at.time.timestamp_millis()).arg(life_ms);
        for provider in providers {
            let Ok(member) = serde_json::to_string(provider) else { return };
            put.arg(provider.place.longitude).arg(provider.place.latitude).arg(member);
        }
        self.note(put.invoke_async::<Value>(&mut redis).await);
    }

    /// The slots of each day, none where they are not known.
    pub async fn days(&self, region: RegionCode, days: &[Day]) -> Vec<Option<Vec<OpenSlot>>> {
        let mut ask = redis::pipe();
        for day in days {
            ask.hget(day_key(region, *day), "slots");
        }
        let found: Option<Vec<Option<String>>> = self.ask(&ask).await;
        let found: Vec<Option<Vec<OpenSlot>>> = match found {
            Some(found) => found.into_iter().map(|slots| slots.and_then(|slots| parse(&slots))).collect(),
            None => vec![None; days.len()],
        };
        count("day", found.iter().map(Option::is_some));
        found
    }

    pub async fn put_day(&self, region: RegionCode, day: Day, slots: &[OpenSlot], read_at: ReadAt) {
        let (Some(life_ms), Some(mut redis)) = (life_ms(read_at), self.redis()) else { return };
        let Ok(slots) = serde_json::to_string(slots) else { return };
        let mut put = PUT_DAY.key(day_key(region, day));
        put.arg(read_at.time.timestamp_millis()).arg(life_ms).arg(slots);
        self.note(put.invoke_async::<Value>(&mut redis).await);
    }

    async fn ask<T: redis::FromRedisValue>(&self, ask: &Pipeline) -> Option<T> {
        let mut redis = self.redis()?;
        self.note(ask.query_async(&mut redis).await)
    }

    /// Redis, unless it has just failed: a stalled one must not slow every search.
    fn redis(&self) -> Option<ConnectionManager> {
        let is_paused = self.elapsed_ms() < self.paused_until_ms.load(Ordering::Relaxed);
        self.redis.clone().filter(|_| !is_paused)
    }

    fn note<T>(&self, answer: RedisResult<T>) -> Option<T> {
        answer
            .inspect_err(|error| {
                tracing::warn!(%error, "slot cache is away; answering from the database");
                let pause_ms = u64::try_from(PAUSE.as_millis()).unwrap_or(u64::MAX);
                self.paused_until_ms.store(self.elapsed_ms().saturating_add(pause_ms), Ordering::Relaxed);
            })
            .ok()
    }

    fn elapsed_ms(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}

/// Hits are answered from the cache, misses from Postgres.
fn count(kind: &'static str, are_hits: impl IntoIterator<Item = bool>) {
    for is_hit in are_hits {
        let result = if is_hit { "hit" } else { "miss" };
        LOOKUPS
            .add(1, &[KeyValue::new("anjia.slot_cache.kind", kind), KeyValue::new("anjia.slot_cache.result", result)]);
    }
}

/// Redis indexes places by Web Mercator, which ends before the poles; what lies beyond it refuses like a broken command.
fn is_indexable(latitude: f64) -> bool {
    (-85.05..=85.05).contains(&latitude)
}

#[expect(clippy::float_arithmetic, reason = "geometry, not money")]
fn degrees(millionths: i32) -> f64 {
    f64::from(millionths) / 1_000_000.0
}

/// How long an entry may still live; none if reading took too long for it to be of use.
fn life_ms(read_at: ReadAt) -> Option<u64> {
    let jitter = Duration::from_millis(rand::random_range(0..LIFE_JITTER_MS));
    let life = LIFE_MAX.checked_sub(jitter)?.checked_sub(read_at.instant.elapsed())?;
    u64::try_from(life.as_millis()).ok().filter(|life_ms| *life_ms > 0)
}

/// What cannot be read is not known: it is built anew.
fn parse<T: DeserializeOwned>(text: &str) -> Option<T> {
    serde_json::from_str(text).ok()
}

fn provider_keys(region: RegionCode) -> (String, String) {
    let places = format!("{LAYOUT}:{region}:providers");
    let version = format!("{places}:version");
    (places, version)
}

fn day_key(region: RegionCode, day: Day) -> String {
    let Day { organisation, kind, pool, date } = day;
    format!("{LAYOUT}:{region}:day:{organisation}:{kind}:{}:{date}", pool.as_str())
}
