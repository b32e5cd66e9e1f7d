//! Values that must not reach a log.

use std::{fmt, str::FromStr};

use serde::Deserialize;

/// Holds a value and never shows it: not in `Debug`, not by serialising. Reading it takes a visible [`Redacted::expose`].
///
/// It cannot be printed:
///
/// ```compile_fail
/// println!("{}", types::redacted::Redacted::new("secret"));
/// ```
///
/// nor become a field of a span or a log line by itself, which takes `Display` or `Debug`, nor be serialised:
///
/// ```compile_fail
/// fn serialise<T: serde::Serialize>(_: T) {}
/// serialise(types::redacted::Redacted::new("secret"));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Deserialize)]
#[serde(transparent)]
pub struct Redacted<T>(T);

impl<T> Redacted<T> {
    pub const fn new(value: T) -> Self {
        Self(value)
    }

    pub const fn expose(&self) -> &T {
        &self.0
    }

    pub fn into_inner(self) -> T {
        self.0
    }
}

impl<T> From<T> for Redacted<T> {
    fn from(value: T) -> Self {
        Self(value)
    }
}

impl<T: FromStr> FromStr for Redacted<T> {
    type Err = T::Err;
    fn from_str(text: &str) -> Result<Self, T::Err> {
        text.parse().map(Self)
    }
}

impl<T> fmt::Debug for Redacted<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

#[cfg(test)]
mod tests {
    use super::Redacted;

    #[test]
    fn a_redacted_value_does_not_show_itself() {
        let name = Redacted::new("张三");
        assert_eq!(format!("{name:?} {:?}", Some(&name)), "[redacted] Some([redacted])");
        assert_eq!(*name.expose(), "张三");
    }
}
