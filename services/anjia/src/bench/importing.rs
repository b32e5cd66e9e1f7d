//! How long a year's file of the bureau takes: a million enrolments of registered persons.

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::Path;
use std::process::Stdio;

use anyhow::{Context, Result, ensure};
use devstack::{Mesh, callers};
use proto::anjia::identity::v1::organisation_service_client::OrganisationServiceClient;
use proto::anjia::identity::v1::{Organisation, OrganisationKind, RegisterOrganisationRequest};
use rust_decimal::Decimal;
use serde_json::Value;
use sha2::{Digest, Sha256};
use tokio::process::Command;
use types::credit_code::CreditCode;

use super::figure::{Figure, Goal};
use super::population::{Population, number};
use super::progress;
use super::town::{context, refused, request_id};
use crate::up::binaries;

const ROWS: u32 = 1_000_000;
const GOAL_S: i64 = 120;
const HEADER: &str = "national_id,name,community,scheme,insured_region,layer,order,payer_organisation_id,from,until,\
                      retired_from,joined_on,waiting_waived_for,student\n";

pub(super) async fn measure(population: &mut Population, mesh: &Mesh) -> Result<Figure> {
    population.grow(ROWS).await?;
    register_bureau(population, mesh).await?;
    let file = mesh.fleet().root().join("enrolments.csv");
    progress("writing the file");
    write(&file)?;
    progress("taking it in");
    let output = Command::new(binaries()?.join("identity"))
        .args(["import-enrolments", "--json", "--region", callers::REGION])
        .args(["--organisation", &callers::INSURER.to_string()])
        .arg("--file")
        .arg(&file)
        .envs(mesh.fleet().environment("identity")?)
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()?
        .wait_with_output()
        .await?;
    ensure!(output.status.success(), "the import failed: {}", output.status);
    let said: Value = serde_json::from_slice(&output.stdout).context("reading the summary")?;
    ensure!(said["recorded"] == ROWS, "not every row was recorded: {said}");
    let millis = said["milliseconds"].as_i64().context("a summary without a time")?;
    Ok(Figure {
        bench: "import".to_owned(),
        ours: Decimal::new(millis, 3).round_dp(1),
        reference: None,
        unit: "s for a million enrolments",
        goal: Some(Goal::AtMost(Decimal::from(GOAL_S))),
    })
}

async fn register_bureau(population: &Population, mesh: &Mesh) -> Result<()> {
    let bureau = Organisation {
        organisation_id: callers::INSURER.to_string(),
        kind: OrganisationKind::Insurer.into(),
        name: "测试医保局".to_owned(),
        credit_code: CreditCode::with_check_character("11110101MA0000902")?.to_string(),
        region_code: callers::REGION.to_owned(),
        ..Organisation::default()
    };
    let request = RegisterOrganisationRequest { request_id: request_id(), organisation: Some(bureau) };
    let request = context(mesh, "operator").await?.request(request);
    let mut organisations = OrganisationServiceClient::new(population.identity.clone());
    organisations.register_organisation(request).await.map_err(refused("RegisterOrganisation"))?;
    Ok(())
}

fn write(path: &Path) -> Result<()> {
    let mut file = BufWriter::new(File::create(path)?);
    let mut digest = Sha256::new();
    let mut put = |text: &str| {
        digest.update(text);
        file.write_all(text.as_bytes())
    };
    put(HEADER)?;
    for place in 0..ROWS {
        put(&format!("{},,,EMPLOYEE,110000,BASIC,,,2026-01-01,,,,,\n", number(place)?.expose()))?;
    }
    let digest = hex::encode(digest.finalize());
    writeln!(file, "#END,{ROWS},{digest}")?;
    file.flush()?;
    Ok(())
}
