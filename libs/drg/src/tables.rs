//! One version of the grouping tables, ready to decide.

use std::path::Path;

use serde::Serialize;

use crate::bits::BitRows;
use crate::codes::Codes;
use crate::error::TableError;
use crate::explanation::Explanation;
use crate::files::Files;
use crate::read;
use crate::record::Record;
use crate::rule::{AdrgRule, MdcRule};

/// The answer where nothing accepts a record. It is an answer, not an error: such cases are paid by another rule.
pub const UNGROUPABLE: &str = "0000";

/// The tables of one version. Immutable: another version is another value, put in the place of this one.
#[derive(Debug)]
pub struct Tables {
    pub(crate) digest: String,
    pub(crate) dx_codes: Codes,
    pub(crate) procedure_codes: Codes,
    pub(crate) exclusions: Codes,
    /// By number of the code.
    pub(crate) dx: Vec<Dx>,
    /// By number of the code: whether it groups at all.
    pub(crate) valid: Vec<bool>,
    pub(crate) dx_of_adrg: BitRows,
    /// By list, from list 1.
    pub(crate) procedures_of_adrg: Vec<BitRows>,
    pub(crate) mdcs: Vec<Mdc>,
    pub(crate) adrgs: Vec<Adrg>,
    pub(crate) drgs: Vec<Drg>,
    pub(crate) dx_names: Vec<Box<str>>,
    pub(crate) procedure_names: Vec<Box<str>>,
}

#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Dx {
    /// Bits of the MDCs whose list it is in.
    pub(crate) mdcs: u64,
    /// Bits of the body regions that it injures.
    pub(crate) regions: u64,
    pub(crate) complication: Option<Complication>,
    /// As a principal diagnosis: which complications do not count beside it.
    pub(crate) excludes: Option<u32>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Complication {
    pub(crate) level: Level,
    pub(crate) exclusion_table: Option<u32>,
}

/// How grave a complication is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub enum Level {
    /// 一般并发症合并症.
    #[serde(rename = "CC")]
    Cc,
    /// 严重并发症合并症.
    #[serde(rename = "MCC")]
    Mcc,
}

#[derive(Debug)]
pub(crate) struct Mdc {
    pub(crate) code: Box<str>,
    pub(crate) rule: MdcRule,
    pub(crate) rule_text: Box<str>,
    /// Bits of its body regions, if its rule asks for any.
    pub(crate) regions: u64,
    /// In order.
    pub(crate) adrgs: Vec<usize>,
}

#[derive(Debug)]
pub(crate) struct Adrg {
    pub(crate) code: Box<str>,
    pub(crate) rule: AdrgRule,
    pub(crate) rule_text: Box<str>,
    pub(crate) age_days_max: Option<u32>,
    pub(crate) weight_g_min: Option<u32>,
    pub(crate) weight_g_below: Option<u32>,
    /// In order; the last one takes whatever is left.
    pub(crate) drgs: Vec<usize>,
}

#[derive(Debug)]
pub(crate) struct Drg {
    pub(crate) code: Box<str>,
    pub(crate) name: Box<str>,
    pub(crate) split: Split,
}

/// Which complications a group asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Split {
    Mcc,
    MccOrCc,
    None,
}

impl Split {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Mcc => "mcc",
            Self::MccOrCc => "mcc_or_cc",
            Self::None => "none",
        }
    }
}

/// The group of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum Group<'t> {
    Grouped {
        /// Major diagnostic category (主要诊断大类).
        mdc: &'t str,
        /// Adjacent group (核心疾病诊断相关组).
        adrg: &'t str,
        /// Group (诊断相关组).
        drg: &'t str,
        name: &'t str,
    },
    Ungroupable,
}

impl<'t> Group<'t> {
    /// `0000` where there is none.
    pub const fn code(&self) -> &'t str {
        match self {
            Self::Grouped { drg, .. } => drg,
            Self::Ungroupable => UNGROUPABLE,
        }
    }
}

impl Tables {
    /// From a folder in the format that the README of this crate describes.
    pub fn load(folder: &Path) -> Result<Self, TableError> {
        Self::read(&Files::read(folder)?)
    }

    pub fn read(files: &Files) -> Result<Self, TableError> {
        read::tables(files)
    }

    /// SHA-256 over the files that decide, lower-case hexadecimal: which version this is.
    pub fn digest(&self) -> &str {
        &self.digest
    }

    pub const fn drgs(&self) -> usize {
        self.drgs.len()
    }

    pub const fn adrgs(&self) -> usize {
        self.adrgs.len()
    }

    pub const fn mdcs(&self) -> usize {
        self.mdcs.len()
    }

    /// The code of every group, in order.
    pub fn drg_codes(&self) -> impl Iterator<Item = &str> {
        self.drgs.iter().map(|drg| &*drg.code)
    }

    /// Whether some record can come into this group.
    pub fn has_drg(&self, code: &str) -> bool {
        self.drgs.iter().any(|drg| &*drg.code == code)
    }

    /// The group of a record. Never fails: whatever the record says, there is a group or [`Group::Ungroupable`].
    pub fn group(&self, record: &Record) -> Group<'_> {
        self.decide(record, &mut ())
    }

    /// The same decision, told step by step.
    pub fn explain(&self, record: &Record) -> Explanation<'_> {
        let mut steps = Vec::new();
        let group = self.decide(record, &mut steps);
        Explanation { group, steps }
    }
}
