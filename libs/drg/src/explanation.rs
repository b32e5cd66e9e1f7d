//! What decided, step by step.

use serde::Serialize;

use crate::tables::{Group, Level};

/// A group and the steps that led to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explanation<'t> {
    pub group: Group<'t>,
    pub steps: Vec<Step>,
}

/// One step of a decision. Codes are given with their names where the tables have them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "step", rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Step {
    /// A category takes the record, by its rule.
    MdcTakes { mdc: String, rule: String, by: Vec<String> },
    /// None of that category's adjacent groups does: the next category is asked.
    MdcPassedOver { mdc: String },
    /// The first adjacent group whose rule holds.
    AdrgAccepts { adrg: String, rule: String, by: Vec<String> },
    /// Another diagnosis is a complication that counts.
    ComplicationCounts { diagnosis: String, level: Level },
    /// Another diagnosis is a complication, but excluded beside this principal diagnosis.
    ComplicationExcluded { diagnosis: String, level: Level, principal: String, exclusion_table: String },
    /// The group, and what it asks for.
    DrgAssigned { drg: String, name: String, split: String },
    /// No category and adjacent group takes the record.
    Ungroupable { why: Ungroupable },
}

/// Why there is no group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Ungroupable {
    /// The record has no diagnosis.
    NoDiagnosis,
    /// The principal diagnosis stands in no table.
    PrincipalUnknown,
    /// No category and adjacent group takes this combination.
    NothingAccepts,
}

/// What is told of a decision: nothing, or each step.
pub(crate) trait Witness {
    fn note(&mut self, step: impl FnOnce() -> Step);
}

impl Witness for () {
    fn note(&mut self, _: impl FnOnce() -> Step) {}
}

impl Witness for Vec<Step> {
    fn note(&mut self, step: impl FnOnce() -> Step) {
        self.push(step());
    }
}

impl Step {
    /// In Chinese.
    pub fn zh(&self) -> String {
        match self {
            Self::MdcTakes { mdc, rule, by } => {
                format!("进入主要诊断大类MDC{mdc}（规则{rule}，依据{}）。", listed(by, "无需编码"))
            }
            Self::MdcPassedOver { mdc } => format!("MDC{mdc}内没有可入的核心组，继续下一大类。"),
            Self::AdrgAccepts { adrg, rule, by } => {
                format!("入核心组{adrg}（规则{rule}，依据{}）。", listed(by, "无需编码"))
            }
            Self::ComplicationCounts { diagnosis, level } => format!("其他诊断{diagnosis}为{}，计入。", level.zh()),
            Self::ComplicationExcluded { diagnosis, level, principal, exclusion_table } => format!(
                "其他诊断{diagnosis}为{}，因主要诊断{principal}同属排除表{exclusion_table}，不计入。",
                level.zh()
            ),
            Self::DrgAssigned { drg, name, split } => format!("分入DRG组{drg}{name}（{}）。", split_zh(split)),
            Self::Ungroupable { why } => format!("无法入组，记为0000：{}。", why.zh()),
        }
    }

    /// In English.
    pub fn en(&self) -> String {
        match self {
            Self::MdcTakes { mdc, rule, by } => format!("MDC {mdc} takes it ({rule}; by {}).", listed(by, "no code")),
            Self::MdcPassedOver { mdc } => {
                format!("No adjacent group of MDC {mdc} accepts; the next category is asked.")
            }
            Self::AdrgAccepts { adrg, rule, by } => {
                format!("Adjacent group {adrg} accepts ({rule}; by {}).", listed(by, "no code"))
            }
            Self::ComplicationCounts { diagnosis, level } => {
                format!("The other diagnosis {diagnosis} is {}; it counts.", level.en())
            }
            Self::ComplicationExcluded { diagnosis, level, principal, exclusion_table } => format!(
                "The other diagnosis {diagnosis} is {}; beside the principal diagnosis {principal} it does not count (exclusion table {exclusion_table}).",
                level.en()
            ),
            Self::DrgAssigned { drg, name, split } => format!("Group {drg} {name} ({split})."),
            Self::Ungroupable { why } => format!("Ungroupable, 0000: {}.", why.en()),
        }
    }
}

fn listed(codes: &[String], nothing: &str) -> String {
    if codes.is_empty() { nothing.to_owned() } else { codes.join(", ") }
}

fn split_zh(split: &str) -> &'static str {
    match split {
        "mcc" => "伴严重并发症合并症",
        "mcc_or_cc" => "伴并发症合并症",
        _ => "其余病例",
    }
}

impl Level {
    const fn zh(self) -> &'static str {
        match self {
            Self::Cc => "一般并发症合并症（CC）",
            Self::Mcc => "严重并发症合并症（MCC）",
        }
    }

    const fn en(self) -> &'static str {
        match self {
            Self::Cc => "a complication (CC)",
            Self::Mcc => "a major complication (MCC)",
        }
    }
}

impl Ungroupable {
    const fn zh(self) -> &'static str {
        match self {
            Self::NoDiagnosis => "没有诊断",
            Self::PrincipalUnknown => "主要诊断编码不在分组表内",
            Self::NothingAccepts => "没有大类和核心组接受该组合",
        }
    }

    const fn en(self) -> &'static str {
        match self {
            Self::NoDiagnosis => "there is no diagnosis",
            Self::PrincipalUnknown => "the principal diagnosis stands in no table",
            Self::NothingAccepts => "no category and adjacent group accepts this combination",
        }
    }
}
