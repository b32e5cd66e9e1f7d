//! How many discharge records one core groups a second.
//!
//! By the tables that `ANJIA_DRG_TABLES` names, else by synthetic ones as large as the national ones: 26 categories, 376 adjacent groups,
//! 33 000 diagnoses. The reference looks every code of the same records up in a plain hash map and does nothing else.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::hint::black_box;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use drg::{Files, Record, Sex, Tables};
use rust_decimal::Decimal;

use super::figure::{Figure, Goal};
use super::progress;

const GOAL_A_SECOND: i64 = 200_000;
const MEASURED_FOR: Duration = Duration::from_secs(2);
const RECORDS: usize = 20_000;
const MDCS: usize = 26;
const ADRGS: usize = 376;
const DIAGNOSES: usize = 33_000;
const PROCEDURES: usize = 13_000;
const LETTERS: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";

/// Which tables to measure by.
#[derive(Debug, clap::Args)]
pub(super) struct Measured {
    /// Folder of the grouping tables that `drg` measures by; synthetic ones of the national size if left out.
    #[arg(long, env = "ANJIA_DRG_TABLES")]
    tables: Option<PathBuf>,
}

pub(super) fn measure(measured: &Measured) -> Result<Figure> {
    progress("grouping");
    let (files, unit) = match &measured.tables {
        Some(folder) => (Files::read(folder)?, "records/s a core, by the tables named"),
        None => (synthetic(), "records/s a core, by synthetic tables of the national size"),
    };
    let tables = Tables::read(&files)?;
    let (diagnoses, procedures) = (files.column("adrg_dx.csv", 1)?, files.column("adrg_procedure.csv", 2)?);
    let records = records(&diagnoses, &procedures)?;
    let known: HashMap<&str, usize> =
        diagnoses.iter().chain(&procedures).enumerate().map(|(number, code)| (code.as_str(), number)).collect();

    let mut grouped = 0_usize;
    let ours = rate(&records, |record| grouped += usize::from(tables.group(record).code() != drg::UNGROUPABLE))?;
    ensure!(grouped > 0, "nothing was grouped");
    let reference = rate(&records, |record| {
        for code in record.diagnoses.iter().chain(&record.procedures) {
            black_box(known.get(code.as_str()));
        }
    })?;
    Ok(Figure {
        bench: "drg".to_owned(),
        ours,
        reference: Some(reference),
        unit,
        goal: Some(Goal::AtLeast(Decimal::from(GOAL_A_SECOND))),
    })
}

/// Records a second, in this thread alone.
fn rate(records: &[Record], mut work: impl FnMut(&Record)) -> Result<Decimal> {
    let (begun_at, mut done) = (Instant::now(), 0_usize);
    while begun_at.elapsed() < MEASURED_FOR {
        for record in records {
            work(black_box(record));
        }
        done += records.len();
    }
    let micros = Decimal::from(u64::try_from(begun_at.elapsed().as_micros())?.max(1));
    Ok((Decimal::from(done) * Decimal::from(1_000_000) / micros).round())
}

/// Up to five diagnoses and three procedures each, spread over the tables, always the same.
fn records(diagnoses: &[String], procedures: &[String]) -> Result<Vec<Record>> {
    let mut random = Sequence(20_260_101);
    let mut some = |codes: &[String], most: usize, least: usize| {
        let count = least + random.below(most - least + 1);
        let picked = (0..count).map(|_| codes.get(random.below(codes.len())).cloned());
        picked.collect::<Option<Vec<String>>>().context("tables without codes")
    };
    let mut records = Vec::with_capacity(RECORDS);
    for number in 0..RECORDS {
        let age_years = u32::try_from(number % 90)?;
        records.push(Record {
            sex: Sex::from_code(i64::try_from(number % 2)? + 1),
            age_years: Some(age_years),
            age_days: Some(age_years * 365 + 20),
            weight_g: None,
            diagnoses: some(diagnoses, 5, 1)?,
            procedures: some(procedures, 3, 0)?,
        });
    }
    Ok(records)
}

/// A linear congruential sequence: enough to spread records, and the same on every machine.
struct Sequence(u64);

impl Sequence {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap_or_default() % limit.max(1)
    }
}

/// Tables of the shape and size of the national ones, with codes that mean nothing.
fn synthetic() -> Files {
    let dx = |number: usize| {
        format!(
            "{}{:02}.{:03}x{:03}",
            &LETTERS[number % 26..=number % 26],
            number / 26 % 100,
            number % 1000,
            number % 997
        )
    };
    let procedure = |number: usize| format!("{:02}.{:04}x{:03}", number % 100, number / 100, number % 997);
    let mut tables: [(&str, String); 9] = [
        ("mdc.csv", "order,mdc,rule\n".to_owned()),
        ("mdc_dx.csv", "mdc,dx,region\n".to_owned()),
        ("adrg.csv", "order,mdc,adrg,rule,age_days_max,weight_g_min,weight_g_below\n".to_owned()),
        ("adrg_dx.csv", "adrg,dx\n".to_owned()),
        ("adrg_procedure.csv", "adrg,list,procedure\n".to_owned()),
        ("valid_procedure.csv", "procedure,name\n".to_owned()),
        ("complication.csv", "dx,level,exclusion_table\n".to_owned()),
        ("exclusion.csv", "principal_dx,exclusion_table\n".to_owned()),
        ("drg.csv", "order,adrg,drg,split,name\n".to_owned()),
    ];
    let mut add = |file: usize, row: String| {
        // Cannot fail: it writes into memory.
        let _ = writeln!(tables[file].1, "{row}");
    };
    for mdc in 0..MDCS {
        let rule = if mdc == 0 { "principal_procedure_valid" } else { "principal_dx" };
        add(0, format!("{mdc},M{mdc},{rule}"));
    }
    for adrg in 0..ADRGS {
        // Surgical groups first, as in the national tables.
        let rule = if adrg < ADRGS / 2 { "principal_procedure" } else { "principal_dx" };
        let rule = if adrg % 15 == 0 { "principal_dx_and_procedure" } else { rule };
        add(2, format!("{adrg},M{},G{adrg},{rule},,,", adrg % MDCS));
        for (order, split) in ["mcc", "mcc_or_cc", "none"].iter().enumerate() {
            add(8, format!("{},G{adrg},G{adrg}{order},{split},", adrg * 3 + order));
        }
    }
    for number in 0..DIAGNOSES {
        let (code, adrg) = (dx(number), ADRGS / 2 + number % (ADRGS / 2));
        add(1, format!("M{},{code},", adrg % MDCS));
        add(3, format!("G{adrg},{code}"));
        if number % 2 == 0 {
            add(6, format!("{code},{},{}", if number % 10 == 0 { "MCC" } else { "CC" }, number % 200));
        }
        add(7, format!("{code},{}", number % 200));
    }
    for number in 0..PROCEDURES {
        let code = procedure(number);
        add(4, format!("G{},1,{code}", number % (ADRGS / 2)));
        add(5, format!("{code},"));
    }
    Files::new(tables.map(|(name, text)| (name.to_owned(), text.into_bytes())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn synthetic_tables_are_tables() {
        let files = synthetic();
        let tables = Tables::read(&files).unwrap();
        assert_eq!((tables.mdcs(), tables.adrgs()), (MDCS, ADRGS));
        let diagnoses = files.column("adrg_dx.csv", 1).unwrap();
        let procedures = files.column("adrg_procedure.csv", 2).unwrap();
        assert!(diagnoses.len() == DIAGNOSES && procedures.len() == PROCEDURES);
        let records = records(&diagnoses, &procedures).unwrap();
        let grouped = records.iter().filter(|record| tables.group(record).code() != drg::UNGROUPABLE).count();
        assert!(grouped > RECORDS / 2, "{grouped} of {RECORDS}");
    }
}
