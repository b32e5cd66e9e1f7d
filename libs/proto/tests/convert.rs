//! What the conversions of shared words refuse, and where.

use proto::anjia::identity::v1::DelegationLimits;
use proto::convert::{decimal, icd10_prefix, limits, to_limits};
use proto::google::r#type::Money;
use rust_decimal::Decimal;

#[test]
fn a_decimal_number_has_one_spelling() {
    assert_eq!(decimal("quantity", "1.50", 4), Ok(Decimal::new(15, 1)));
    for text in ["", "1_000", "+1", "-1", "-0", "1e3", "1,5", " 1", "0.00001", "1000000001", "9".repeat(40).as_str()] {
        let refused = decimal("quantity", text, 4).unwrap_err();
        assert_eq!(refused.field, "quantity", "{text:?}");
        assert!(refused.description.contains("0 to 1000000000, of at most 4 places"), "{refused}");
    }
}

#[test]
fn a_symptom_is_an_icd_10_prefix_and_what_is_none_names_its_field() {
    assert_eq!(icd10_prefix("symptom", "A18.0+M49.0*"), Ok("A18.0+M49.0*".to_owned()));
    for text in ["", "fever", "FEVER", "R50 "] {
        assert_eq!(icd10_prefix("symptom", text).unwrap_err().field, "symptom", "{text:?}");
    }
}

#[test]
fn limits_read_back_as_written_and_what_is_wrong_is_named() {
    let said = DelegationLimits { care_kinds: vec![1, 7], uses_max: 2, ..Default::default() };
    let read = limits("limits", Some(&said)).unwrap();
    assert_eq!(to_limits(&read), Some(said.clone()));
    assert_eq!(limits("limits", None).map(|none| to_limits(&none)), Ok(None));
    let yuan = |units| Some(Money { currency_code: "CNY".to_owned(), units, nanos: 0 });
    let wrong = [
        (DelegationLimits { care_kinds: vec![1, 0], ..said.clone() }, "limits.care_kinds[1]"),
        (DelegationLimits { organisation_ids: vec!["1".to_owned()], ..said.clone() }, "limits.organisation_ids[0]"),
        (DelegationLimits { organisation_ids: vec![String::new(); 51], ..said.clone() }, "limits.organisation_ids"),
        (DelegationLimits { uses_max: -1, ..said.clone() }, "limits.uses_max"),
        (DelegationLimits { amount_max: yuan(0), ..said.clone() }, "limits.amount_max"),
        (DelegationLimits { amount_max: yuan(-1), ..said }, "limits.amount_max"),
    ];
    for (wrong, field) in wrong {
        assert_eq!(limits("limits", Some(&wrong)).unwrap_err().field, field);
    }
}
