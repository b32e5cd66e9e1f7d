//! Why a folder of tables is refused: the file, the line, and what is wrong there.

/// Nothing is loaded from a folder that has one of these.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{file}:{line}: {problem}")]
pub struct TableError {
    pub file: String,
    /// From 1, the header; 0 where the file as a whole is meant.
    pub line: u64,
    pub problem: Problem,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    #[error("cannot be read: {0}")]
    Unreadable(String),
    #[error("is not CSV in UTF-8: {0}")]
    NotCsv(String),
    #[error("the header must be `{expected}`")]
    Header { expected: String },
    #[error("has no row")]
    Empty,
    #[error("`{0}` is empty")]
    Blank(&'static str),
    #[error("`{column}` must be a whole number, not `{text}`")]
    NotANumber { column: &'static str, text: String },
    #[error("`{column}` must be one of {allowed}, not `{text}`")]
    UnknownWord { column: &'static str, text: String, allowed: &'static str },
    #[error("`{text}` is not a rule; the README of this crate lists them")]
    UnknownRule { text: String },
    #[error("{column} `{text}` stands in no earlier table")]
    Unknown { column: &'static str, text: String },
    #[error("{column} `{text}` stands twice")]
    Twice { column: &'static str, text: String },
    #[error("says otherwise of `{0}` than an earlier row")]
    Contradicts(String),
    #[error("more than {most} {what}")]
    TooMany { what: &'static str, most: usize },
    #[error("MDC `{0}` has no ADRG")]
    MdcWithoutAdrg(String),
    #[error("ADRG `{0}` has no row that takes whatever is left (`none`), or rows after it")]
    NothingTakesTheRest(String),
}
