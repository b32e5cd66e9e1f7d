//! Which items or diagnoses a rule speaks of.

use std::fmt;

use serde::{Deserialize, Deserializer};

use super::case::BilledItem;

/// A pattern as documents write it: a whole code; `XG04CB*`, a code that begins so; `=急诊诊查费`, the catalogue's name.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Pattern {
    Code(String),
    Prefix(String),
    Name(String),
}

/// Some patterns, any of which matches.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Codes(Vec<Pattern>);

impl Codes {
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn has_item(&self, line: &BilledItem) -> bool {
        self.0.iter().any(|pattern| match pattern {
            Pattern::Code(code) => *code == line.item_code,
            Pattern::Prefix(prefix) => line.item_code.starts_with(prefix.as_str()),
            Pattern::Name(name) => *name == line.name,
        })
    }

    /// Diagnoses form a tree by their code: `I10` means everything below it, too.
    pub fn has_diagnosis(&self, icd10_code: &str) -> bool {
        self.is_above(icd10_code)
    }

    /// So do procedures: `68` means every operation on the uterus that is numbered so.
    pub fn has_procedure(&self, icd9_code: &str) -> bool {
        self.is_above(icd9_code)
    }

    fn is_above(&self, classified: &str) -> bool {
        self.0.iter().any(|pattern| match pattern {
            Pattern::Code(code) | Pattern::Prefix(code) => classified.starts_with(code.as_str()),
            Pattern::Name(_) => false,
        })
    }

    /// As `LIKE` patterns, for totals over many claims. Names are not among them.
    pub fn like_patterns(&self) -> Vec<String> {
        let escaped = |code: &str| code.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_");
        let of = |pattern: &Pattern| match pattern {
            Pattern::Code(code) => Some(escaped(code)),
            Pattern::Prefix(prefix) => Some(format!("{}%", escaped(prefix))),
            Pattern::Name(_) => None,
        };
        self.0.iter().filter_map(of).collect()
    }
}

impl fmt::Display for Codes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, pattern) in self.0.iter().enumerate() {
            let comma = if index == 0 { "" } else { ", " };
            match pattern {
                Pattern::Code(code) => write!(f, "{comma}{code}")?,
                Pattern::Prefix(prefix) => write!(f, "{comma}{prefix}*")?,
                Pattern::Name(name) => write!(f, "{comma}{name}")?,
            }
        }
        Ok(())
    }
}

impl<'de> Deserialize<'de> for Codes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let texts = Vec::<String>::deserialize(deserializer)?;
        let pattern = |text: &String| {
            let pattern = match (text.strip_suffix('*'), text.strip_prefix('=')) {
                (Some(prefix), _) => Pattern::Prefix(prefix.to_owned()),
                (None, Some(name)) => Pattern::Name(name.to_owned()),
                (None, None) => Pattern::Code(text.clone()),
            };
            let (Pattern::Code(rest) | Pattern::Prefix(rest) | Pattern::Name(rest)) = &pattern;
            if rest.is_empty() { Err(serde::de::Error::custom("a pattern matches everything")) } else { Ok(pattern) }
        };
        Ok(Self(texts.iter().map(pattern).collect::<Result<_, _>>()?))
    }
}
