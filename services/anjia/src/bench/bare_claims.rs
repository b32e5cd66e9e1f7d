//! What the rows of a claim cost by themselves: pgbench, in the same Postgres, with as many clients. Two transactions of one statement
//! each: one writes claim, lines, settlement, event, audit entry and stored answer as `DivideClaim` does, the other what
//! `ConfirmSettlement` does. Rows are copies of some that were just written, in tables with the same columns, constraints and indexes.

use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use devstack::Mesh;
use rust_decimal::Decimal;
use sqlx::{Connection as _, PgConnection};
use tokio::process::Command;
use uuid::Uuid;

use super::rate::CALLERS;

/// Tables that claims are written to.
const TABLES: [&str; 7] =
    ["requests", "claims", "claim_lines", "settlements", "accumulators", "events", "audit_entries"];
/// Of each statement: what its rows are copied from, a table each, and which columns are other than there.
const DIVIDE: [Copied; 6] = [
    Copied { table: "requests", from: "bench_divide_requests", fresh: &[("request_id", "ids.request")] },
    Copied {
        table: "claims",
        from: "bench_model_claims",
        fresh: &[("id", "ids.claim"), ("visit_id", "ids.visit"), ("settlement_id", "ids.settlement")],
    },
    Copied { table: "claim_lines", from: "bench_model_claim_lines", fresh: &[("claim_id", "ids.claim")] },
    Copied { table: "events", from: "bench_divide_events", fresh: &[("id", "ids.event"), ("position", "NULL")] },
    Copied { table: "audit_entries", from: "bench_divide_audit_entries", fresh: UNSEALED },
    Copied {
        table: "settlements",
        from: "bench_model_settlements",
        fresh: &[
            ("id", "ids.settlement"),
            ("claim_id", "ids.claim"),
            ("state", "'DIVIDED'"),
            ("confirmed_at", "NULL"),
            ("bill_id", "NULL"),
        ],
    },
];
const CONFIRM: [Copied; 3] = [
    Copied { table: "requests", from: "bench_confirm_requests", fresh: &[("request_id", "ids.request")] },
    Copied { table: "events", from: "bench_confirm_events", fresh: &[("id", "ids.event"), ("position", "NULL")] },
    Copied { table: "audit_entries", from: "bench_confirm_audit_entries", fresh: UNSEALED },
];
const UNSEALED: &[(&str, &str)] = &[("position", "NULL"), ("previous_hash", "NULL"), ("hash", "NULL")];
const IDS: &str = "WITH ids AS MATERIALIZED (SELECT gen_random_uuid() AS request, gen_random_uuid() AS claim, gen_random_uuid() AS visit, \
                   gen_random_uuid() AS settlement, gen_random_uuid() AS event)";

/// Copies of the rows of one table.
struct Copied {
    table: &'static str,
    from: &'static str,
    fresh: &'static [(&'static str, &'static str)],
}

/// Pairs of transactions a second. Somebody's claims have been divided and confirmed before.
pub(super) async fn rate(mesh: &Mesh, resident: Uuid, clients: usize, measured_for: Duration) -> Result<Decimal> {
    let record = mesh.record(true)?;
    let url = &record.services.get("adjudication").context("adjudication is not up")?.owner_database_url;
    let mut owner = PgConnection::connect(url).await?;
    make_tables(&mut owner, resident, clients).await?;
    let script = record.root.join("claims.pgbench");
    tokio::fs::write(&script, script_text(&mut owner).await?).await?;
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get).min(clients);
    let output = Command::new(pgbench()?)
        .args(["--no-vacuum", "--protocol=prepared"])
        .args(["--client", &clients.to_string(), "--jobs", &threads.to_string()])
        .args(["--time", &measured_for.as_secs().to_string()])
        .arg("--file")
        .arg(&script)
        .arg(url)
        .stdin(Stdio::null())
        .output()
        .await
        .context("running pgbench")?;
    let said = String::from_utf8_lossy(&output.stdout);
    ensure!(output.status.success(), "pgbench: {}", String::from_utf8_lossy(&output.stderr));
    let failed = "number of failed transactions: 0 ";
    ensure!(!said.contains("number of failed transactions") || said.contains(failed), "pgbench: {said}");
    for table in TABLES {
        sqlx::raw_sql(sqlx::AssertSqlSafe(format!("DROP TABLE bench_{table}"))).execute(&mut owner).await?;
    }
    tps(&said)
}

/// Beside the server that runs, or on the path.
fn pgbench() -> Result<PathBuf> {
    let [server, _] = devstack::servers()?;
    let beside = server.with_file_name("pgbench");
    Ok(if beside.is_file() { beside } else { PathBuf::from("pgbench") })
}

fn tps(said: &str) -> Result<Decimal> {
    let figure = said.lines().find_map(|line| line.strip_prefix("tps = ")).context("pgbench gives no figure")?;
    let figure = figure.split_whitespace().next().unwrap_or_default();
    Ok(figure.parse::<Decimal>()?.round_dp(1))
}

/// Empty tables like those of the service, and models of the rows: what this resident's last claim wrote.
async fn make_tables(owner: &mut PgConnection, resident: Uuid, clients: usize) -> Result<()> {
    for table in TABLES {
        let make = format!("CREATE TABLE bench_{table} (LIKE {table} INCLUDING ALL)");
        sqlx::raw_sql(sqlx::AssertSqlSafe(make)).execute(&mut *owner).await?;
    }
    let last =
        "(SELECT id FROM settlements WHERE resident_id = $1 AND state = 'CONFIRMED' ORDER BY divided_at DESC LIMIT 1)";
    let claim = format!("(SELECT claim_id FROM settlements WHERE id = {last})");
    let of_step = |step: &str, action: &str, method: &str| {
        [
            (
                format!("bench_{step}_audit_entries"),
                format!(
                    "SELECT * FROM audit_entries WHERE resident_id = $1 AND action = '{action}' ORDER BY sequence DESC LIMIT 1"
                ),
            ),
            (
                format!("bench_{step}_requests"),
                format!("SELECT * FROM requests WHERE method LIKE '%/{method}' AND $1::uuid IS NOT NULL LIMIT 1"),
            ),
        ]
    };
    let event = |kind: &str| {
        format!(
            "SELECT * FROM events WHERE subject = {last}::text AND kind = 'anjia.adjudication.settlement.{kind}.v1'"
        )
    };
    let mut models = vec![
        ("bench_model_claims".to_owned(), format!("SELECT * FROM claims WHERE id = {claim}")),
        ("bench_model_claim_lines".to_owned(), format!("SELECT * FROM claim_lines WHERE claim_id = {claim}")),
        ("bench_model_settlements".to_owned(), format!("SELECT * FROM settlements WHERE id = {last}")),
        ("bench_divide_events".to_owned(), event("divided")),
        ("bench_confirm_events".to_owned(), event("confirmed")),
    ];
    models.extend(of_step("divide", "adjudication.claim.divide", "DivideClaim"));
    models.extend(of_step("confirm", "adjudication.settlement.confirm", "ConfirmSettlement"));
    for (name, select) in models {
        let (like, _) = select.split_once(" WHERE ").context("a model without a condition")?;
        let table = like.rsplit(' ').next().unwrap_or_default();
        let make = format!("CREATE TABLE {name} AS TABLE {table} WITH NO DATA");
        sqlx::raw_sql(sqlx::AssertSqlSafe(make)).execute(&mut *owner).await?;
        let columns = columns(owner, table).await?.join(", ");
        let insert = format!("INSERT INTO {name} ({columns}) SELECT {columns} FROM ({select}) AS model");
        let copied = sqlx::query(sqlx::AssertSqlSafe(insert)).bind(resident).execute(&mut *owner).await?;
        ensure!(copied.rows_affected() > 0, "{name}: nothing was written that could be copied");
    }
    let columns = columns(owner, "accumulators").await?;
    let values: Vec<&str> = columns
        .iter()
        .map(|column| if column == "resident_id" { "client_id(client)" } else { column.as_str() })
        .collect();
    let values = values.join(", ").replace("client_id(client)", &client_id("client"));
    let accumulators = format!(
        "INSERT INTO bench_accumulators ({}) SELECT {values} FROM (SELECT * FROM accumulators WHERE resident_id = $1 LIMIT 1) AS model, \
         generate_series(0, $2) AS client",
        columns.join(", ")
    );
    let last_client = i32::try_from(clients.max(CALLERS))?;
    sqlx::query(sqlx::AssertSqlSafe(accumulators)).bind(resident).bind(last_client).execute(owner).await?;
    Ok(())
}

fn client_id(number: &str) -> String {
    format!("('00000000-0000-0000-0000-' || lpad(({number})::text, 12, '0'))::uuid")
}

/// Those that a statement may give a value.
async fn columns(owner: &mut PgConnection, table: &str) -> Result<Vec<String>> {
    let columns = sqlx::query_scalar(
        "SELECT attname::text FROM pg_attribute WHERE attrelid = $1::regclass AND attnum > 0 AND NOT attisdropped \
         AND attidentity = '' AND attgenerated = '' ORDER BY attnum",
    )
    .bind(table)
    .fetch_all(owner)
    .await?;
    Ok(columns)
}

async fn script_text(owner: &mut PgConnection) -> Result<String> {
    let mut divide = vec![IDS.to_owned()];
    for copied in &DIVIDE {
        divide.push(copied.insert(&columns(owner, copied.table).await?));
    }
    let last = divide.pop().context("nothing is written")?;
    let mut confirm = vec![IDS.to_owned()];
    for copied in &CONFIRM {
        confirm.push(copied.insert(&columns(owner, copied.table).await?));
    }
    let named = |inserts: &[String]| {
        let with = inserts.iter().enumerate();
        with.map(|(number, insert)| if number == 0 { insert.clone() } else { format!("w{number} AS ({insert})") })
            .collect::<Vec<_>>()
            .join(", ")
    };
    let moved = format!(
        "UPDATE bench_accumulators SET in_scope = in_scope + 1, deductible = deductible + 1, pooled_fund = pooled_fund + 1, \
         stays = stays + 1, version = version + 1 WHERE resident_id = {}",
        client_id(":client_id")
    );
    Ok(format!(
        "{} {last} RETURNING id AS settlement \\gset\n{}, moved AS ({moved}) \
         UPDATE bench_settlements SET state = 'CONFIRMED', confirmed_at = now(), bill_id = gen_random_uuid() \
         WHERE id = :settlement::uuid AND state = 'DIVIDED';\n",
        named(&divide),
        named(&confirm)
    ))
}

impl Copied {
    fn insert(&self, columns: &[String]) -> String {
        let value = |column: &String| {
            let fresh = self.fresh.iter().find(|(name, _)| name == column);
            fresh.map_or_else(|| format!("model.{column}"), |(_, value)| (*value).to_owned())
        };
        format!(
            "INSERT INTO bench_{} ({}) SELECT {} FROM {} AS model, ids",
            self.table,
            columns.join(", "),
            columns.iter().map(value).collect::<Vec<_>>().join(", "),
            self.from
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_figure_of_pgbench_is_read() {
        let said = "latency average = 30.1 ms\ninitial connection time = 80 ms\ntps = 2123.456789 (without initial connection time)\n";
        assert_eq!(tps(said).unwrap(), Decimal::new(21_235, 1));
        assert!(tps("latency average = 1 ms").is_err());
    }

    #[test]
    fn a_copy_is_new_where_it_has_to_be() {
        let columns = ["claim_id", "line_number"].map(str::to_owned);
        assert_eq!(
            DIVIDE[2].insert(&columns),
            "INSERT INTO bench_claim_lines (claim_id, line_number) SELECT ids.claim, model.line_number FROM bench_model_claim_lines AS model, ids"
        );
    }
}
