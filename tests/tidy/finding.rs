//! What a rule found.

use std::fmt;

#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Finding {
    file: String,
    line: usize,
    what: String,
    instead: String,
}

impl Finding {
    /// `line` counts from 1; 0 is the file as a whole.
    pub(crate) fn new(file: &str, line: usize, what: impl Into<String>, instead: impl Into<String>) -> Self {
        Self { file: file.to_owned(), line, what: what.into(), instead: instead.into() }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { file, line, what, instead } = self;
        match line {
            0 => write!(f, "{file}: {what}; {instead}"),
            line => write!(f, "{file}:{line}: {what}; {instead}"),
        }
    }
}
