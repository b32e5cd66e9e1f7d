//! What is wrong with the text of a document, for whoever wrote it: they know objects, lists and words, not the types that it is read into.

/// What serde says of it, in those words.
pub(in crate::domain) fn in_words(error: &serde_json::Error) -> String {
    let said = error.to_string();
    let Some((found, expected)) = said.rsplit_once(", expected ") else { return said };
    let (expected, place) = expected.split_at(expected.find(" at line ").unwrap_or(expected.len()));
    let found = match (found, found.strip_prefix("unknown variant "), found.strip_prefix("invalid length ")) {
        ("invalid type: map" | "invalid type: newtype variant", ..) => "invalid type: object".to_owned(),
        ("invalid type: sequence", ..) => "invalid type: list".to_owned(),
        (_, Some(word), _) => format!("unknown word {word}"),
        (_, _, Some(length)) => format!("invalid list of length {length}"),
        (found, None, None) => found.to_owned(),
    };
    let expected = match expected {
        "a map" => "an object",
        "a sequence" => "a list",
        "unit variant" | "string or map" => "a word",
        named if ["struct ", "internally tagged enum "].iter().any(|kind| named.starts_with(kind)) => "an object",
        said => said,
    };
    format!("{found}, expected {expected}{place}")
}
