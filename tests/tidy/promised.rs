//! What a release promised by its contracts is kept: `charts/released.binpb` are those of the newest one, and whoever was built by them
//! is still understood. Numbers, kinds, words, methods and paths stay; something is wanted otherwise by a field, a word or a method
//! beside it. `make lint` has `buf breaking` look, too, where it is at hand.

use std::collections::BTreeSet;

use prost_reflect::{
    DescriptorPool, EnumDescriptor, FieldDescriptor, Kind, MessageDescriptor, MethodDescriptor, ServiceDescriptor,
};
use serde_json::json;

use crate::finding::Finding;
use crate::tree;

pub(crate) const RELEASED: &str = "charts/released.binpb";

pub(crate) fn check() -> Vec<Finding> {
    let released = std::fs::read(tree::root().join(RELEASED)).expect("the contracts of the newest release");
    broken(&decode(&released), &decode(proto::FILE_DESCRIPTOR_SET))
}

fn broken(released: &DescriptorPool, now: &DescriptorPool) -> Vec<Finding> {
    let kept = promises(now);
    let gone = promises(released).into_iter().filter(|promise| !kept.contains(promise));
    let instead = "put it back, and say what is wanted otherwise beside it";
    gone.map(|promise| Finding::new(RELEASED, 0, format!("`{promise}` was promised"), instead)).collect()
}

fn decode(set: &[u8]) -> DescriptorPool {
    DescriptorPool::decode(set).expect("the descriptor set can be read")
}

/// What callers rely upon, a line each.
fn promises(pool: &DescriptorPool) -> BTreeSet<String> {
    let is_own = |package: &str| package.starts_with("anjia.");
    let messages = pool.all_messages().filter(|message| is_own(message.package_name()));
    let words = pool.all_enums().filter(|words| is_own(words.package_name()));
    let services = pool.services().filter(|service| is_own(service.package_name()));
    messages
        .flat_map(|it| of_message(&it))
        .chain(words.flat_map(|it| of_enum(&it)))
        .chain(services.flat_map(|it| of_service(&it)))
        .collect()
}

fn of_message(message: &MessageDescriptor) -> Vec<String> {
    let field = |field: FieldDescriptor| {
        let choice = field.containing_oneof().map(|choice| format!(" of {}", choice.name())).unwrap_or_default();
        let kind = match field.kind() {
            Kind::Message(message) => message.full_name().to_owned(),
            Kind::Enum(words) => words.full_name().to_owned(),
            scalar => format!("{scalar:?}"),
        };
        format!("{} = {}: {:?} {kind}{choice}", field.full_name(), field.number(), field.cardinality())
    };
    message.fields().map(field).collect()
}

fn of_enum(words: &EnumDescriptor) -> Vec<String> {
    words.values().map(|word| format!("{}.{} = {}", words.full_name(), word.name(), word.number())).collect()
}

fn of_service(service: &ServiceDescriptor) -> Vec<String> {
    let http = service.parent_pool().get_extension_by_name("google.api.http");
    let method = |method: MethodDescriptor| {
        let options = method.options();
        let rule = http.as_ref().filter(|http| options.has_extension(http)).map(|http| options.get_extension(http));
        let rule = rule.as_ref().and_then(|rule| rule.as_message());
        let path = rule.map(|rule| format!(" {}", json!(rule))).unwrap_or_default();
        let stream = if method.is_server_streaming() { "stream " } else { "" };
        let (input, output) = (method.input().full_name().to_owned(), method.output().full_name().to_owned());
        format!("{}({input}) {stream}{output}{path}", method.full_name())
    };
    service.methods().map(method).collect()
}

#[cfg(test)]
mod tests {
    use prost::Message as _;
    use prost_types::FileDescriptorSet;
    use prost_types::field_descriptor_proto::Label;

    use super::*;

    const SERVICE: &str = "anjia.payment.v1.BillService";

    type Change = fn(&mut FileDescriptorSet);

    /// The contracts, with something changed in the file of bills and their service.
    fn found(change: impl Fn(&mut FileDescriptorSet)) -> Vec<String> {
        let mut set = FileDescriptorSet::decode(proto::FILE_DESCRIPTOR_SET).expect("it can be read");
        let released = decode(&set.encode_to_vec());
        change(&mut set);
        broken(&released, &decode(&set.encode_to_vec())).iter().map(ToString::to_string).collect()
    }

    fn message<'a>(set: &'a mut FileDescriptorSet, name: &str) -> &'a mut prost_types::DescriptorProto {
        let payment = set.file.iter_mut().filter(|file| file.package() == "anjia.payment.v1");
        payment.flat_map(|file| &mut file.message_type).find(|message| message.name() == name).expect("a message")
    }

    #[test]
    fn pl_03_what_is_added_breaks_no_promise() {
        let added = found(|set| {
            let bill = message(set, "Bill");
            let mut field = bill.field[0].clone();
            (field.name, field.json_name, field.number) = (Some("more".to_owned()), None, Some(900));
            bill.field.push(field);
        });
        assert_eq!(added, [""; 0]);
    }

    #[test]
    fn pl_03_what_is_taken_back_or_means_something_else_is_found() {
        let changes: [(&str, Change); 5] = [
            ("a field is gone", |set| drop(message(set, "Bill").field.remove(0))),
            ("another number", |set| message(set, "Bill").field[0].number = Some(901)),
            ("many of them", |set| message(set, "Bill").field[0].set_label(Label::Repeated)),
            ("a word has another name", |set| {
                let payment = set.file.iter_mut().filter(|file| file.package() == "anjia.payment.v1");
                let words = payment.flat_map(|file| &mut file.enum_type).find(|words| words.name() == "BillState");
                words.expect("an enum").value[1].name = Some("BILL_STATE_ELSE".to_owned());
            }),
            ("a method is gone", |set| {
                let services = set.file.iter_mut().filter(|file| file.package() == "anjia.payment.v1");
                let mut services = services.flat_map(|file| &mut file.service);
                let service = services.find(|service| SERVICE.ends_with(service.name())).expect("a service");
                service.method.remove(0);
            }),
        ];
        for (what, change) in changes {
            let found = found(change);
            assert!(found.len() == 1 && found[0].contains("was promised"), "{what}: {found:?}");
        }
    }

    #[test]
    fn pl_03_a_path_is_promised_too() {
        let promises = promises(&decode(proto::FILE_DESCRIPTOR_SET));
        let bill =
            promises.iter().find(|promise| promise.starts_with(&format!("{SERVICE}.GetBill("))).expect("a method");
        assert!(bill.contains("/v1/bills/{bill_id}"), "{bill}");
    }
}
