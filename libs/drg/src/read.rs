//! From files to tables: every reference resolved, every order strict, nothing guessed.

use std::collections::{HashMap, HashSet};

use crate::bits::BitRows;
use crate::codes::Codes;
use crate::error::{Problem, TableError};
use crate::files::{Files, Row, whole};
use crate::rule::{AdrgRule, LISTS_MAX, MdcRule, ProcedureRule};
use crate::tables::{Adrg, Complication, Drg, Dx, Level, Mdc, Split, Tables};

/// As many bits as a category's or region's set has.
const BITS: usize = 64;
const ADRGS_MAX: usize = 4096;

/// Tables on the way, with the numbers of what was named so far.
struct Reading {
    tables: Tables,
    mdc_numbers: HashMap<String, usize>,
    adrg_numbers: HashMap<String, usize>,
    /// Body regions of categories, by both names.
    regions: HashMap<(usize, String), usize>,
}

pub(crate) fn tables(files: &Files) -> Result<Tables, TableError> {
    let tables = Tables {
        digest: files.digest(),
        dx_codes: Codes::default(),
        procedure_codes: Codes::default(),
        exclusions: Codes::default(),
        dx: Vec::new(),
        valid: Vec::new(),
        dx_of_adrg: BitRows::default(),
        procedures_of_adrg: Vec::new(),
        mdcs: Vec::new(),
        adrgs: Vec::new(),
        drgs: Vec::new(),
        dx_names: Vec::new(),
        procedure_names: Vec::new(),
    };
    let mut reading =
        Reading { tables, mdc_numbers: HashMap::new(), adrg_numbers: HashMap::new(), regions: HashMap::new() };
    reading.mdcs(files)?;
    reading.mdc_dx(files)?;
    reading.adrgs(files)?;
    reading.adrg_dx(files)?;
    reading.adrg_procedures(files)?;
    reading.valid_procedures(files)?;
    reading.complications(files)?;
    reading.exclusions(files)?;
    reading.drgs(files)?;
    reading.names(files)?;
    Ok(reading.tables)
}

/// Rows of a table that says in which order they are asked: rising, so that no two claim one place.
struct Order(Option<u32>);

impl Order {
    fn next<const N: usize>(&mut self, row: &Row<'_, N>) -> Result<(), Problem> {
        let order = row.number(0)?;
        if self.0.is_some_and(|last| order <= last) {
            return Err(Problem::Twice { column: "order", text: order.to_string() });
        }
        self.0 = Some(order);
        Ok(())
    }
}

impl Reading {
    fn mdcs(&mut self, files: &Files) -> Result<(), TableError> {
        let mut order = Order(None);
        files.rows("mdc.csv", ["order", "mdc", "rule"], |row| {
            order.next(row)?;
            let (code, rule) = (row.text(1)?, row.text(2)?);
            let number = self.tables.mdcs.len();
            if number == BITS {
                return Err(Problem::TooMany { what: "MDCs", most: BITS });
            }
            if self.mdc_numbers.insert(code.to_owned(), number).is_some() {
                return Err(Problem::Twice { column: "mdc", text: code.to_owned() });
            }
            self.tables.mdcs.push(Mdc {
                code: code.into(),
                rule: MdcRule::parse(rule)?,
                rule_text: rule.into(),
                regions: 0,
                adrgs: Vec::new(),
            });
            Ok(())
        })?;
        if self.tables.mdcs.is_empty() { Err(whole("mdc.csv", Problem::Empty)) } else { Ok(()) }
    }

    fn dx(&mut self, code: &str) -> &mut Dx {
        let number = self.tables.dx_codes.intern(code) as usize;
        let dx = &mut self.tables.dx;
        if dx.len() <= number {
            dx.resize(number + 1, Dx::default());
        }
        &mut dx[number]
    }

    fn mdc_dx(&mut self, files: &Files) -> Result<(), TableError> {
        files.rows("mdc_dx.csv", ["mdc", "dx", "region"], |row| {
            let (mdc, code, region) = (row.text(0)?, row.text(1)?, row.optional(2));
            let mdc = known(&self.mdc_numbers, "mdc", mdc)?;
            let region = if region.is_empty() { 0 } else { self.region(mdc, region)? };
            let dx = self.dx(code);
            dx.mdcs |= 1 << mdc;
            dx.regions |= region;
            Ok(())
        })?;
        Ok(())
    }

    /// The bit of a body region.
    fn region(&mut self, mdc: usize, region: &str) -> Result<u64, Problem> {
        let next = self.regions.len();
        let number = *self.regions.entry((mdc, region.to_owned())).or_insert(next);
        if number == BITS {
            return Err(Problem::TooMany { what: "regions", most: BITS });
        }
        let bit = 1 << number;
        if let Some(mdc) = self.tables.mdcs.get_mut(mdc) {
            mdc.regions |= bit;
        }
        Ok(bit)
    }

    fn adrgs(&mut self, files: &Files) -> Result<(), TableError> {
        let columns = ["order", "mdc", "adrg", "rule", "age_days_max", "weight_g_min", "weight_g_below"];
        let mut order = Order(None);
        files.rows("adrg.csv", columns, |row| {
            order.next(row)?;
            let (mdc, code, rule) = (known(&self.mdc_numbers, "mdc", row.text(1)?)?, row.text(2)?, row.text(3)?);
            let number = self.tables.adrgs.len();
            if number == ADRGS_MAX {
                return Err(Problem::TooMany { what: "ADRGs", most: ADRGS_MAX });
            }
            if self.adrg_numbers.insert(code.to_owned(), number).is_some() {
                return Err(Problem::Twice { column: "adrg", text: code.to_owned() });
            }
            self.tables.adrgs.push(Adrg {
                code: code.into(),
                rule: AdrgRule::parse(rule)?,
                rule_text: rule.into(),
                age_days_max: row.optional_number(4)?,
                weight_g_min: row.optional_number(5)?,
                weight_g_below: row.optional_number(6)?,
                drgs: Vec::new(),
            });
            if let Some(mdc) = self.tables.mdcs.get_mut(mdc) {
                mdc.adrgs.push(number);
            }
            Ok(())
        })?;
        let columns = self.tables.adrgs.len();
        self.tables.dx_of_adrg = BitRows::new(columns);
        self.tables.procedures_of_adrg = (0..LISTS_MAX).map(|_| BitRows::new(columns)).collect();
        match self.tables.mdcs.iter().find(|mdc| mdc.adrgs.is_empty()) {
            Some(mdc) => Err(whole("adrg.csv", Problem::MdcWithoutAdrg(mdc.code.to_string()))),
            None => Ok(()),
        }
    }

    fn adrg_dx(&mut self, files: &Files) -> Result<(), TableError> {
        files.rows("adrg_dx.csv", ["adrg", "dx"], |row| {
            let adrg = known(&self.adrg_numbers, "adrg", row.text(0)?)?;
            let code = row.text(1)?;
            self.dx(code);
            let number = self.tables.dx_codes.intern(code);
            self.tables.dx_of_adrg.set(number, adrg);
            Ok(())
        })?;
        Ok(())
    }

    fn adrg_procedures(&mut self, files: &Files) -> Result<(), TableError> {
        let mut grouped = HashSet::new();
        files.rows("adrg_procedure.csv", ["adrg", "list", "procedure"], |row| {
            let adrg = known(&self.adrg_numbers, "adrg", row.text(0)?)?;
            let list = row.number(1)? as usize;
            if !(1..=LISTS_MAX).contains(&list) {
                return Err(Problem::UnknownWord { column: "list", text: list.to_string(), allowed: "1 to 8" });
            }
            let code = row.text(2)?;
            let number = self.tables.procedure_codes.intern(code);
            let rule = self.tables.adrgs.get(adrg).map(|adrg| &adrg.rule.procedure);
            // In an expression of groups a code is of the group of its first row.
            if matches!(rule, Some(ProcedureRule::Groups(_))) && !grouped.insert((adrg, number)) {
                return Ok(());
            }
            if let Some(rows) = self.tables.procedures_of_adrg.get_mut(list - 1) {
                rows.set(number, adrg);
            }
            Ok(())
        })?;
        Ok(())
    }

    fn valid_procedures(&mut self, files: &Files) -> Result<(), TableError> {
        files.rows("valid_procedure.csv", ["procedure", "name"], |row| {
            let number = self.tables.procedure_codes.intern(row.text(0)?) as usize;
            let valid = &mut self.tables.valid;
            if valid.len() <= number {
                valid.resize(number + 1, false);
            }
            valid[number] = true;
            Ok(())
        })?;
        Ok(())
    }

    fn complications(&mut self, files: &Files) -> Result<(), TableError> {
        files.rows("complication.csv", ["dx", "level", "exclusion_table"], |row| {
            let code = row.text(0)?;
            let level = match row.text(1)? {
                "CC" => Level::Cc,
                "MCC" => Level::Mcc,
                text => {
                    let text = text.to_owned();
                    return Err(Problem::UnknownWord { column: "level", text, allowed: "CC, MCC" });
                }
            };
            let table = row.optional(2);
            let exclusion_table = (!table.is_empty()).then(|| self.tables.exclusions.intern(table));
            let complication = Complication { level, exclusion_table };
            let dx = self.dx(code);
            if dx.complication.is_some_and(|earlier| earlier != complication) {
                return Err(Problem::Contradicts(code.to_owned()));
            }
            dx.complication = Some(complication);
            Ok(())
        })?;
        Ok(())
    }

    fn exclusions(&mut self, files: &Files) -> Result<(), TableError> {
        files.rows("exclusion.csv", ["principal_dx", "exclusion_table"], |row| {
            let (code, table) = (row.text(0)?, row.text(1)?);
            let table = self.tables.exclusions.intern(table);
            let dx = self.dx(code);
            if dx.excludes.is_some_and(|earlier| earlier != table) {
                return Err(Problem::Contradicts(code.to_owned()));
            }
            dx.excludes = Some(table);
            Ok(())
        })?;
        Ok(())
    }

    fn drgs(&mut self, files: &Files) -> Result<(), TableError> {
        let mut order = Order(None);
        let mut codes = HashSet::new();
        files.rows("drg.csv", ["order", "adrg", "drg", "split", "name"], |row| {
            order.next(row)?;
            let adrg = known(&self.adrg_numbers, "adrg", row.text(1)?)?;
            let code = row.text(2)?;
            if !codes.insert(code.to_owned()) {
                return Err(Problem::Twice { column: "drg", text: code.to_owned() });
            }
            let split = match row.text(3)? {
                "mcc" => Split::Mcc,
                "mcc_or_cc" => Split::MccOrCc,
                "none" => Split::None,
                text => {
                    let text = text.to_owned();
                    return Err(Problem::UnknownWord { column: "split", text, allowed: "mcc, mcc_or_cc, none" });
                }
            };
            let number = self.tables.drgs.len();
            self.tables.drgs.push(Drg { code: code.into(), name: row.optional(4).into(), split });
            if let Some(adrg) = self.tables.adrgs.get_mut(adrg) {
                adrg.drgs.push(number);
            }
            Ok(())
        })?;
        let takes_the_rest = |adrg: &&Adrg| {
            let splits = adrg.drgs.iter().filter_map(|drg| self.tables.drgs.get(*drg));
            let rest = splits.map(|drg| drg.split == Split::None).collect::<Vec<_>>();
            rest.iter().position(|rest| *rest).is_none_or(|at| at + 1 != rest.len())
        };
        match self.tables.adrgs.iter().find(takes_the_rest) {
            Some(adrg) => Err(whole("drg.csv", Problem::NothingTakesTheRest(adrg.code.to_string()))),
            None => Ok(()),
        }
    }

    /// Of the codes that the tables know; others cannot decide anything.
    fn names(&mut self, files: &Files) -> Result<(), TableError> {
        let Tables { dx_codes, procedure_codes, dx_names, procedure_names, .. } = &mut self.tables;
        *dx_names = vec![Box::default(); dx_codes.len()];
        *procedure_names = vec![Box::default(); procedure_codes.len()];
        let put = |names: &mut Vec<Box<str>>, codes: &Codes, code: &str, name: &str| {
            if let Some(own) = codes.find(code).and_then(|number| names.get_mut(number as usize)) {
                *own = name.into();
            }
        };
        files.rows("dx_name.csv", ["dx", "name"], |row| {
            put(dx_names, dx_codes, row.text(0)?, row.optional(1));
            Ok(())
        })?;
        files.rows("procedure_name.csv", ["procedure", "name"], |row| {
            put(procedure_names, procedure_codes, row.text(0)?, row.optional(1));
            Ok(())
        })?;
        Ok(())
    }
}

fn known(numbers: &HashMap<String, usize>, column: &'static str, text: &str) -> Result<usize, Problem> {
    numbers.get(text).copied().ok_or_else(|| Problem::Unknown { column, text: text.to_owned() })
}
