//! Looks for secrets wherever a mesh leaves something: as text, and in the forms that text takes on its way.

use std::collections::BTreeSet;

use aho_corasick::AhoCorasick;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use devstack::DatabaseUrls;
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use tonic::Status;

/// Shorter ones would be found by chance.
const LENGTH_MIN: usize = 8;
/// How the first part of a token (RFC 7519) begins: a JSON object in Base64; and how it goes on in those that libraries make.
const TOKEN: &[u8] = b"eyJ";
const USUAL_HEADERS: [&str; 2] = ["eyJ0eXAiOiJKV1Qi", "eyJhbGciOi"];

/// What must be found nowhere.
#[derive(Debug, Clone)]
pub(super) struct Secret {
    /// What it is, to say so where it is found.
    pub(super) what: String,
    value: Vec<u8>,
    /// Lies in the databases as it is, by design.
    pub(super) is_kept: bool,
}

impl Secret {
    pub(super) fn new(what: impl Into<String>, value: impl AsRef<[u8]>) -> Self {
        Self { what: what.into(), value: value.as_ref().to_vec(), is_kept: false }
    }

    pub(super) fn kept(self) -> Self {
        Self { is_kept: true, ..self }
    }
}

/// Looks for many secrets at once, in all their forms.
pub(super) struct Scanner {
    secrets: Vec<Secret>,
    forms: AhoCorasick,
    /// Whose form each is.
    owners: Vec<usize>,
}

impl Scanner {
    /// Looks for tokens besides, whoever's they are.
    pub(super) fn new(mut secrets: Vec<Secret>) -> Self {
        secrets.extend(USUAL_HEADERS.map(|header| Secret::new("header of a token", header)));
        let all = secrets.iter().enumerate();
        let all: Vec<(usize, Vec<u8>)> =
            all.flat_map(|(owner, secret)| forms(&secret.value).into_iter().map(move |form| (owner, form))).collect();
        let (owners, patterns): (Vec<usize>, Vec<Vec<u8>>) = all.into_iter().unzip();
        Self { secrets, forms: AhoCorasick::new(patterns).expect("not too many forms"), owners }
    }

    /// The secrets that stand in a place, each as `place: what`.
    pub(super) fn found(&self, place: &str, content: &[u8]) -> BTreeSet<String> {
        self.named(place, content, |_| true)
    }

    /// The same in a database, where some things are kept as they are.
    pub(super) fn found_at_rest(&self, place: &str, content: &[u8]) -> BTreeSet<String> {
        self.named(place, content, |secret| !secret.is_kept)
    }

    fn named(&self, place: &str, content: &[u8], is_wanted: impl Fn(&Secret) -> bool) -> BTreeSet<String> {
        let secrets = self.hits(content).filter(|secret| is_wanted(secret)).map(|secret| secret.what.as_str());
        let tokens = has_token(content).then_some("what looks like a token");
        secrets.chain(tokens).map(|what| format!("{place}: {what}")).collect()
    }

    fn hits(&self, content: &[u8]) -> impl Iterator<Item = &Secret> {
        let owners: BTreeSet<usize> =
            self.forms.find_overlapping_iter(content).map(|hit| self.owners[hit.pattern().as_usize()]).collect();
        owners.into_iter().map(|owner| &self.secrets[owner])
    }
}

/// Whether there is text that has the shape of a token: three parts of Base64, the last of which may be empty.
fn has_token(content: &[u8]) -> bool {
    let part =
        |from: &[u8]| from.iter().take_while(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(byte)).count();
    content.windows(TOKEN.len()).enumerate().filter(|(_, window)| *window == TOKEN).any(|(at, _)| {
        let header = part(&content[at..]);
        let rest = &content[at + header..];
        let payload = rest.strip_prefix(b".").map_or(0, part);
        header >= LENGTH_MIN && payload >= LENGTH_MIN && rest.get(payload + 1) == Some(&b'.')
    })
}

/// As it is; in hexadecimal, as dumps show bytes; in Base64, wherever its first byte falls; as JSON and Rust escape it; in UTF-16.
fn forms(value: &[u8]) -> Vec<Vec<u8>> {
    assert!(value.len() >= LENGTH_MIN, "too short to look for");
    let hexadecimal = hex::encode(value);
    let mut forms = vec![value.to_vec(), hexadecimal.to_uppercase().into_bytes(), hexadecimal.into_bytes()];
    for before in 0..3 {
        let shifted = [vec![0; before], value.to_vec()].concat();
        let encoded = STANDARD_NO_PAD.encode(shifted).into_bytes();
        // The ends depend on what stands beside it.
        let inner = encoded[(before * 8).div_ceil(6)..encoded.len() - 2].to_vec();
        let url_safe = inner.iter().map(|byte| match byte {
            b'+' => b'-',
            b'/' => b'_',
            byte => *byte,
        });
        forms.extend([inner.clone(), url_safe.collect()]);
    }
    if let Ok(text) = std::str::from_utf8(value) {
        let units: Vec<u16> = text.encode_utf16().collect();
        forms.push(units.iter().flat_map(|unit| unit.to_le_bytes()).collect());
        forms.push(units.iter().flat_map(|unit| unit.to_be_bytes()).collect());
        forms.push(units.iter().flat_map(|unit| format!("\\u{unit:04x}").into_bytes()).collect());
        forms.push(text.escape_unicode().to_string().into_bytes());
    }
    // `Debug` of bytes: as numbers, and as Rust writes bytes beyond ASCII.
    let numbers: Vec<String> = value.iter().map(u8::to_string).collect();
    forms.extend([numbers.join(", ").into_bytes(), value.escape_ascii().to_string().into_bytes()]);
    forms
}

/// Every row of every table of a database, as a dump shows it: bytes in hexadecimal.
pub(super) async fn dump(urls: &DatabaseUrls) -> Vec<(String, String)> {
    let mut owner = PgConnection::connect(&urls.owner).await.expect("its owner connects");
    let tables: Vec<String> = sqlx::query_scalar(
        "SELECT format('%I.%I', schemaname, tablename) FROM pg_tables \
         WHERE schemaname NOT IN ('pg_catalog', 'information_schema') ORDER BY 1",
    )
    .fetch_all(&mut owner)
    .await
    .expect("tables are listed");
    let mut dump = vec![];
    for table in tables {
        let rows = AssertSqlSafe(format!("SELECT coalesce(string_agg(t::text, E'\\n'), '') FROM {table} t"));
        let rows = sqlx::query_scalar(rows).fetch_one(&mut owner).await.expect("a table is read");
        dump.push((table, rows));
    }
    dump
}

/// Every key of a Redis and what it holds.
pub(super) async fn redis(url: &str) -> Vec<u8> {
    let client = redis::Client::open(url).expect("a URL of Redis");
    let mut connection = client.get_multiplexed_async_connection().await.expect("Redis answers");
    let keys: Vec<Vec<u8>> = redis::cmd("KEYS").arg("*").query_async(&mut connection).await.expect("keys are listed");
    let mut content = vec![];
    for key in keys {
        let kind: String = redis::cmd("TYPE").arg(&key).query_async(&mut connection).await.expect("a key has a type");
        let (command, arguments): (_, &[&str]) = match kind.as_str() {
            "string" => ("GET", &[]),
            "hash" => ("HGETALL", &[]),
            "list" => ("LRANGE", &["0", "-1"]),
            "set" => ("SMEMBERS", &[]),
            "zset" => ("ZRANGE", &["0", "-1"]),
            "stream" => ("XRANGE", &["-", "+"]),
            // It lapsed meanwhile.
            "none" => continue,
            other => panic!("what is in a {other} is not looked at"),
        };
        let value: redis::Value =
            redis::cmd(command).arg(&key).arg(arguments).query_async(&mut connection).await.expect("a value is read");
        content.extend(key);
        flatten(&value, &mut content);
    }
    content
}

fn flatten(value: &redis::Value, content: &mut Vec<u8>) {
    content.push(b'\n');
    match value {
        redis::Value::BulkString(bytes) => content.extend(bytes),
        redis::Value::Array(values) | redis::Value::Set(values) => {
            for value in values {
                flatten(value, content);
            }
        }
        redis::Value::Map(pairs) => pairs.iter().for_each(|(key, value)| {
            flatten(key, content);
            flatten(value, content);
        }),
        other => content.extend(format!("{other:?}").into_bytes()),
    }
}

/// All that a refusal tells: code, message, details and headers.
pub(super) fn told(status: &Status) -> Vec<u8> {
    let headers = format!("{:?}", status.metadata());
    [format!("{:?}\n", status.code()).as_bytes(), status.message().as_bytes(), status.details(), headers.as_bytes()]
        .concat()
}
