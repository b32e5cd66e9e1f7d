//! Settings that cannot be used: which one, and why.

use std::error::Error;
use std::fmt;

/// A setting by its name in the environment, and what is wrong with it. Its text never says what stood in a file or a URL.
#[derive(Debug)]
pub struct BadSetting {
    pub name: &'static str,
    pub cause: Box<dyn Error + Send + Sync>,
}

impl BadSetting {
    pub fn new(name: &'static str, cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self { name, cause: cause.into() }
    }
}

impl fmt::Display for BadSetting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.name, self.cause)?;
        let mut cause = self.cause.source();
        while let Some(deeper) = cause {
            write!(f, ": {deeper}")?;
            cause = deeper.source();
        }
        Ok(())
    }
}

impl Error for BadSetting {}

/// Says which setting something came from.
pub trait OfSetting<T> {
    fn of_setting(self, name: &'static str) -> Result<T, BadSetting>;
}

impl<T, E: Into<Box<dyn Error + Send + Sync>>> OfSetting<T> for Result<T, E> {
    fn of_setting(self, name: &'static str) -> Result<T, BadSetting> {
        self.map_err(|cause| BadSetting::new(name, cause))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bad_setting_is_told_with_all_its_causes() {
        let number = "x".parse::<u8>().of_setting("PORT").unwrap_err();
        let told = Err::<(), _>(number).of_setting("FILE").unwrap_err();
        assert_eq!(told.to_string(), "FILE: PORT: invalid digit found in string");
    }
}
