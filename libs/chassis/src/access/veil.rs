//! Field masks: what of an answer a role does not see, taken out of the encoded message.
//!
//! `access.toml` names fields by path (`resident.mobile`); paths are compared with the contracts when the server starts, so that a
//! renamed field is not shown by mistake. Nothing here knows what a message means.

use std::collections::BTreeMap;

use prost::DecodeError;
use prost::bytes::{Buf, BufMut, Bytes, BytesMut};
use prost::encoding::{
    DecodeContext, WireType, check_wire_type, decode_key, decode_varint, encode_key, encode_varint, skip_field,
};

/// What is done to one field; the stronger comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Veil {
    /// Left out of the answer, whatever its type.
    Hidden,
    /// Text of which the first character remains, as in `陈**`.
    Masked,
}

/// Bytes that are no message; nothing of them is passed on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the encoded answer cannot be read")]
pub(crate) struct Unreadable;

impl From<DecodeError> for Unreadable {
    fn from(_: DecodeError) -> Self {
        Self
    }
}

/// Field numbers from the answer's own message down to the field.
pub(super) type Path = Vec<u32>;

/// The fields that somebody does not see whole.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FieldMask(BTreeMap<Path, Veil>);

impl FieldMask {
    pub(super) fn new(fields: BTreeMap<Path, Veil>) -> Self {
        Self(fields)
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What remains veiled to somebody who may see through any of them; `None` of none.
    pub(super) fn of_all<'a>(mut masks: impl Iterator<Item = &'a Self>) -> Option<Self> {
        let first = masks.next()?.clone();
        Some(masks.fold(first, |mask, next| mask.intersection(next)))
    }

    /// What is veiled by either, by the stronger of the two.
    pub(super) fn union(&self, other: &Self) -> Self {
        let mut either = self.0.clone();
        for (path, veil) in &other.0 {
            either.entry(path.clone()).and_modify(|mine| *mine = (*mine).min(*veil)).or_insert(*veil);
        }
        Self(either)
    }

    /// What remains veiled to somebody who may see through either: fields that both veil, by the weaker of the two.
    pub(super) fn intersection(&self, other: &Self) -> Self {
        let mut both = BTreeMap::new();
        for (one, two) in [(self, other), (other, self)] {
            for (path, veil) in &one.0 {
                // A field is veiled, too, by a veil over the message it is in.
                if let Some(above) = (1..=path.len()).find_map(|depth| two.0.get(&path[..depth])) {
                    both.insert(path.clone(), *veil.max(above));
                }
            }
        }
        Self(both)
    }

    /// The encoded message without what is veiled.
    pub(crate) fn apply(&self, message: Bytes) -> Result<Bytes, Unreadable> {
        self.copy(&mut Path::new(), message).map(BytesMut::freeze)
    }

    fn copy(&self, path: &mut Path, mut message: Bytes) -> Result<BytesMut, Unreadable> {
        let mut copied = BytesMut::with_capacity(message.len());
        while message.has_remaining() {
            let whole = message.clone();
            let (number, wire_type) = decode_key(&mut message)?;
            path.push(number);
            match self.0.get(path.as_slice()) {
                Some(Veil::Hidden) => skip_field(wire_type, number, &mut message, DecodeContext::default())?,
                Some(Veil::Masked) => {
                    let text = length_delimited(wire_type, &mut message)?;
                    put(&mut copied, number, masked(&text).as_bytes());
                }
                None if wire_type == WireType::LengthDelimited && self.reaches_below(path) => {
                    let inner = length_delimited(wire_type, &mut message)?;
                    let inner = self.copy(path, inner)?;
                    put(&mut copied, number, &inner);
                }
                None => {
                    skip_field(wire_type, number, &mut message, DecodeContext::default())?;
                    copied.put_slice(&whole[..whole.len() - message.len()]);
                }
            }
            path.pop();
        }
        Ok(copied)
    }

    fn reaches_below(&self, path: &Path) -> bool {
        self.0.keys().any(|veiled| veiled.len() > path.len() && veiled.starts_with(path))
    }
}

fn length_delimited(wire_type: WireType, message: &mut Bytes) -> Result<Bytes, Unreadable> {
    check_wire_type(WireType::LengthDelimited, wire_type)?;
    let length = usize::try_from(decode_varint(message)?).map_err(|_| Unreadable)?;
    if length > message.remaining() {
        return Err(Unreadable);
    }
    Ok(message.split_to(length))
}

fn put(message: &mut BytesMut, number: u32, value: &[u8]) {
    encode_key(number, WireType::LengthDelimited, message);
    encode_varint(value.len() as u64, message);
    message.put_slice(value);
}

/// The first character, and neither the rest nor its length. What was masked already stays as it is.
fn masked(text: &[u8]) -> String {
    String::from_utf8_lossy(text).chars().next().into_iter().chain("**".chars()).collect()
}

#[cfg(test)]
mod tests {
    use prost::Message;
    use proto::anjia::identity::v1::{ListOrganisationsResponse, Organisation};

    use super::*;

    fn organisations() -> ListOrganisationsResponse {
        let organisation = |name: &str| Organisation {
            organisation_id: "id".to_owned(),
            name: name.to_owned(),
            credit_code: "code".to_owned(),
            ..Organisation::default()
        };
        ListOrganisationsResponse {
            organisations: vec![organisation("北京"), organisation("上海")],
            next_page_token: "next".to_owned(),
        }
    }

    fn mask(fields: &[(&[u32], Veil)]) -> FieldMask {
        FieldMask(fields.iter().map(|(path, veil)| (path.to_vec(), *veil)).collect())
    }

    fn seen(mask: &FieldMask) -> ListOrganisationsResponse {
        let encoded = organisations().encode_to_vec();
        ListOrganisationsResponse::decode(mask.apply(encoded.into()).unwrap()).unwrap()
    }

    /// Of `organisation.proto`.
    const NAME: u32 = 3;

    #[test]
    fn a_field_is_hidden_or_masked_in_every_element_and_the_rest_is_as_it_was() {
        assert_eq!(seen(&FieldMask::default()), organisations());
        let masked = seen(&mask(&[(&[1, NAME], Veil::Masked)]));
        assert_eq!(masked.organisations.iter().map(|o| o.name.as_str()).collect::<Vec<_>>(), ["北**", "上**"]);
        let names_gone = seen(&mask(&[(&[1, NAME], Veil::Hidden)]));
        assert!(names_gone.organisations.iter().all(|o| o.name.is_empty() && o.credit_code == "code"));
        let all_gone = seen(&mask(&[(&[1], Veil::Hidden)]));
        assert_eq!((all_gone.organisations.len(), all_gone.next_page_token.as_str()), (0, "next"));
    }

    #[test]
    fn two_roles_see_what_either_sees() {
        let whole = mask(&[(&[1], Veil::Hidden)]);
        let part = mask(&[(&[1, 2], Veil::Masked), (&[2], Veil::Hidden)]);
        assert_eq!(whole.intersection(&part), mask(&[(&[1, 2], Veil::Masked)]));
        assert_eq!(part.intersection(&whole), mask(&[(&[1, 2], Veil::Masked)]));
        assert!(whole.intersection(&FieldMask::default()).is_empty());
    }

    #[test]
    fn what_either_veils_is_veiled_by_the_stronger() {
        let one = mask(&[(&[1], Veil::Masked), (&[2], Veil::Hidden)]);
        let other = mask(&[(&[1], Veil::Hidden), (&[3], Veil::Masked)]);
        let either = mask(&[(&[1], Veil::Hidden), (&[2], Veil::Hidden), (&[3], Veil::Masked)]);
        assert_eq!((one.union(&other), other.union(&one)), (either.clone(), either));
    }

    #[test]
    fn what_is_no_message_is_not_passed_on() {
        let mask = mask(&[(&[1, 2], Veil::Hidden)]);
        for bytes in [&[0x0a, 0x05, 0x01][..], &[0x0a], &[0xff; 12]] {
            assert!(mask.apply(Bytes::copy_from_slice(bytes)).is_err(), "{bytes:?}");
        }
    }
}
