//! The contracts: commented throughout, reasons named, and each method with an entry in its service's `access.toml`.

use std::collections::BTreeMap;

use chassis::access::Policies;
use chassis::methods::Methods;
use prost::Message;
use prost_types::{
    EnumValueDescriptorProto, FieldDescriptorProto, FileDescriptorProto, FileDescriptorSet, MethodDescriptorProto,
};

use crate::finding::Finding;
use crate::rust_source::RustSource;
use crate::tree;

/// Calls that can be refused only as any call can: they look, and find nothing or something.
const ONLY_LOOK: [&str; 7] = ["List", "Search", "Pull", "Watch", "Propose", "Query", "GetKeys"];
/// Field numbers in `descriptor.proto`, of which the paths in source information consist.
const MESSAGES: i32 = 4;
const ENUMS: i32 = 5;
const SERVICES: i32 = 6;
const MEMBERS: i32 = 2;

/// Compares `access.toml` with the contracts as the server itself does before it starts.
pub(crate) fn access(service: &str) -> Vec<Finding> {
    let path = format!("services/{service}/access.toml");
    if !tree::root().join(&path).is_file() {
        // The skeleton's finding.
        return vec![];
    }
    let services = own_services(service);
    let services: Vec<&str> = services.iter().map(String::as_str).collect();
    differences(&path, &tree::read(&path), &services)
}

fn differences(path: &str, text: &str, services: &[&str]) -> Vec<Finding> {
    let checked = Policies::check(text, services, Methods::declared());
    let refusal = checked.err().map(|error| error.to_string()).unwrap_or_default();
    let lines = refusal.lines().filter(|line| !line.ends_with(':'));
    lines
        .map(|line| Finding::new(path, 0, line.trim(), "the server would not start: give every RPC one entry"))
        .collect()
}

/// Everything a reader of the contracts meets has a comment, and what can be refused says with which reasons.
pub(crate) fn comments(descriptor_set: &[u8]) -> Vec<Finding> {
    let own = decode(descriptor_set).file.into_iter().filter(|file| file.package().starts_with("anjia."));
    own.flat_map(|file| uncommented(&file)).collect()
}

/// Every reason that `grpc/status.rs` gives is named in the protos of the service (or in the words all share): reasons are API.
pub(crate) fn reasons(service: &str) -> Vec<Finding> {
    let path = format!("services/{service}/src/grpc/status.rs");
    if !tree::root().join(&path).is_file() {
        return vec![];
    }
    let contracts =
        ["common", service].into_iter().flat_map(|package| tree::files_under(&format!("proto/anjia/{package}/v1")));
    let contracts: String = contracts.map(|file| tree::read(&file)).collect();
    undocumented(&RustSource::parse(&path, &tree::read(&path)), &contracts)
}

fn undocumented(source: &RustSource, contracts: &str) -> Vec<Finding> {
    let documented: Vec<&str> = contracts.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').collect();
    let given = source
        .tokens
        .iter()
        .filter(|token| !token.in_test)
        .filter_map(|token| Some((reason(&token.text)?, token.line)));
    let unknown = given.filter(|(reason, _)| !documented.contains(reason));
    unknown
        .map(|(reason, line)| {
            Finding::new(
                &source.path,
                line,
                format!("{reason} stands in no contract"),
                "name it in the comment of the RPC",
            )
        })
        .collect()
}

/// The text literal `"SLOT_TAKEN"`; one word alone, such as `"CNY"`, is none.
fn reason(token: &str) -> Option<&str> {
    let text = token.strip_prefix('"')?.strip_suffix('"')?;
    let is_reason =
        text.contains('_') && text.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_');
    is_reason.then_some(text)
}

fn decode(descriptor_set: &[u8]) -> FileDescriptorSet {
    FileDescriptorSet::decode(descriptor_set).expect("the descriptor set can be read")
}

/// The full names of the services that a package declares.
pub(crate) fn own_services(service: &str) -> Vec<String> {
    let set = decode(proto::FILE_DESCRIPTOR_SET);
    let package = format!("anjia.{service}.v1");
    let files = set.file.iter().filter(|file| file.package() == package);
    files.flat_map(|file| file.service.iter().map(|service| format!("{package}.{}", service.name()))).collect()
}

fn uncommented(file: &FileDescriptorProto) -> Vec<Finding> {
    let path = format!("proto/{}", file.name());
    let locations = file.source_code_info.iter().flat_map(|info| &info.location);
    let comments: BTreeMap<&[i32], (&str, usize)> = locations
        .map(|location| {
            let line = location.span.first().and_then(|line| usize::try_from(*line).ok()).unwrap_or_default() + 1;
            (location.path.as_slice(), (location.leading_comments(), line))
        })
        .collect();
    let comment = |place: &[i32]| comments.get(place).copied().unwrap_or_default();
    let mut findings = vec![];
    for (place, name) in places(file) {
        let (text, line) = comment(&place);
        if text.trim().is_empty() {
            findings.push(Finding::new(&path, line, format!("{name} has no comment"), "say what it means"));
        } else if is_method(&place) && !text.contains("Reasons") && !ONLY_LOOK.iter().any(|verb| name.starts_with(verb))
        {
            findings.push(Finding::new(
                &path,
                line,
                format!("{name} names no reasons"),
                "write `Reasons: CODE / REASON, …`",
            ));
        }
    }
    findings
}

fn is_method(place: &[i32]) -> bool {
    matches!(place, [SERVICES, _, MEMBERS, _])
}

/// Every named thing of a file and where source information keeps its comment.
fn places(file: &FileDescriptorProto) -> Vec<(Vec<i32>, String)> {
    let mut places = vec![];
    let mut add = |kind: i32, at: usize, name: &str, members: Vec<&str>| {
        let at = index(at);
        places.push((vec![kind, at], name.to_owned()));
        places.extend(
            members
                .iter()
                .enumerate()
                .map(|(member, name)| (vec![kind, at, MEMBERS, index(member)], (*name).to_owned())),
        );
    };
    for (at, message) in file.message_type.iter().enumerate() {
        add(MESSAGES, at, message.name(), message.field.iter().map(FieldDescriptorProto::name).collect());
    }
    for (at, words) in file.enum_type.iter().enumerate() {
        add(ENUMS, at, words.name(), words.value.iter().map(EnumValueDescriptorProto::name).collect());
    }
    for (at, service) in file.service.iter().enumerate() {
        add(SERVICES, at, service.name(), service.method.iter().map(MethodDescriptorProto::name).collect());
    }
    places
}

fn index(at: usize) -> i32 {
    i32::try_from(at).expect("a file has few messages")
}

#[cfg(test)]
mod tests {
    use prost_types::source_code_info::Location;
    use prost_types::{ServiceDescriptorProto, SourceCodeInfo};

    use super::*;

    const KEYS: &str = "anjia.identity.v1.TokenService/GetKeys";

    fn service_with(comment: &str) -> Vec<u8> {
        let method = MethodDescriptorProto { name: Some("Book".to_owned()), ..MethodDescriptorProto::default() };
        let service = ServiceDescriptorProto {
            name: Some("Desk".to_owned()),
            method: vec![method],
            ..ServiceDescriptorProto::default()
        };
        let location = |path: &[i32], comment: &str, line: i32| Location {
            path: path.to_vec(),
            span: vec![line, 0, 1],
            leading_comments: Some(comment.to_owned()),
            ..Location::default()
        };
        let info =
            SourceCodeInfo { location: vec![location(&[6, 0], "Desks.", 4), location(&[6, 0, 2, 0], comment, 6)] };
        let file = FileDescriptorProto {
            name: Some("anjia/desk/v1/desk.proto".to_owned()),
            package: Some("anjia.desk.v1".to_owned()),
            service: vec![service],
            source_code_info: Some(info),
            ..FileDescriptorProto::default()
        };
        FileDescriptorSet { file: vec![file] }.encode_to_vec()
    }

    #[test]
    fn a_bare_method_and_one_without_reasons_are_found() {
        let found =
            |comment: &str| comments(&service_with(comment)).iter().map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(found(""), ["proto/anjia/desk/v1/desk.proto:7: Book has no comment; say what it means"]);
        assert_eq!(found("Books.").len(), 1);
        assert_eq!(found("Books.\n\nReasons: NOT_FOUND / DESK_NOT_FOUND."), [""; 0]);
    }

    #[test]
    fn a_reason_outside_the_contract_is_found() {
        let source = RustSource::parse(
            "status.rs",
            "fn f() { (Code::NotFound, \"DESK_NOT_FOUND\");\n(Code::Aborted, \"DESK_GONE\"); \"CNY\" }",
        );
        let found = undocumented(&source, "// Reasons: NOT_FOUND / DESK_NOT_FOUND, DESK_GONE_FOR_GOOD.");
        assert_eq!(found.len(), 1);
        assert!(found[0].to_string().starts_with("status.rs:2: DESK_GONE stands in no contract"));
    }

    #[test]
    fn access_and_contract_are_compared_both_ways() {
        let found = differences(
            "access.toml",
            &format!("[\"{KEYS}\"]\nanonymous = true\n[\"a.B/C\"]\nanonymous = true"),
            &["anjia.identity.v1.TokenService"],
        );
        let found: Vec<String> = found.iter().map(ToString::to_string).collect();
        assert_eq!(found.len(), 5, "{found:?}");
        assert!(found.iter().any(|finding| finding.contains("ExchangeToken: no entry")));
        assert!(found.iter().any(|finding| finding.contains("a.B/C: in access.toml")));
    }
}
