//! A JSON object in which no name stands twice: of two readers of a doubled claim each could believe another one.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

/// Names and values of the object, as whoever signed it wrote them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unique(pub Map<String, Value>);

impl Unique {
    pub fn parse(bytes: &[u8]) -> Result<Self, serde_json::Error> {
        match serde_json::from_slice(bytes)? {
            Checked(Value::Object(object)) => Ok(Self(object)),
            Checked(_) => Err(Error::custom("not an object")),
        }
    }

    pub fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name).and_then(Value::as_str)
    }
}

/// Any value, objects within included.
struct Checked(Value);

impl<'de> Deserialize<'de> for Checked {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Reader)
    }
}

struct Reader;

impl<'de> Visitor<'de> for Reader {
    type Value = Checked;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON without doubled names")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Checked, E> {
        Ok(Checked(Value::Bool(value)))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Checked, E> {
        Ok(Checked(Value::Number(value.into())))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Checked, E> {
        Ok(Checked(Value::Number(value.into())))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Checked, E> {
        Number::from_f64(value).map(|number| Checked(Value::Number(number))).ok_or_else(|| E::custom("not a number"))
    }

    fn visit_str<E>(self, value: &str) -> Result<Checked, E> {
        Ok(Checked(Value::String(value.to_owned())))
    }

    fn visit_unit<E>(self) -> Result<Checked, E> {
        Ok(Checked(Value::Null))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Checked, A::Error> {
        let mut values = vec![];
        while let Some(Checked(value)) = access.next_element()? {
            values.push(value);
        }
        Ok(Checked(Value::Array(values)))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Checked, A::Error> {
        let mut object = Map::new();
        while let Some((name, Checked(value))) = access.next_entry::<String, Checked>()? {
            if object.insert(name, value).is_some() {
                return Err(A::Error::custom("a name stands twice"));
            }
        }
        Ok(Checked(Value::Object(object)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn id_07_a_doubled_claim_is_refused_at_any_depth() {
        let read = |text: &str| Unique::parse(text.as_bytes()).ok();
        let good = r#"{"a":1,"b":{"a":[true,null,"x",-1,1.5]}}"#;
        assert_eq!(Value::Object(read(good).unwrap().0), serde_json::from_str::<Value>(good).unwrap());
        for text in [r#"{"sub":"1","sub":"2"}"#, r#"{"a":{"x":1,"x":1}}"#, r#"[{"x":1}]"#, "", "{}x", "1"] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
