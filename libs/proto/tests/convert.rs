//! What the conversions of shared words refuse, and where.

use proto::anjia::common::v1::ExpectedLine;
use proto::anjia::identity::v1::DelegationLimits;
use proto::convert::{decimal, expected_lines, icd10_prefix, limits, to_expected_lines, to_limits, told_lines};
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

#[test]
fn sc_06_a_line_of_nothing_is_refused_where_it_is_asked_for_and_left_out_where_a_peer_stored_it() {
    let line = |quantity: &str, unit_price: &str| ExpectedLine {
        item_code: "110200001".to_owned(),
        quantity: quantity.to_owned(),
        unit_price: unit_price.to_owned(),
    };
    let fee = line("1", "60.00");
    for nothing in [line("1", "0.00"), line("0.1", "0.0499")] {
        let lines = [fee.clone(), nothing];
        let refused = expected_lines("expected_lines", &lines).unwrap_err();
        assert_eq!(refused.field, "expected_lines[1].unit_price");
        let told = told_lines("expected_lines", &lines).unwrap();
        assert_eq!(to_expected_lines(&told), std::slice::from_ref(&fee));
        assert_eq!(told_lines("expected_lines", &lines[1..]), Ok(vec![]));
    }
    assert_eq!(expected_lines("expected_lines", std::slice::from_ref(&fee)).map(|lines| lines.len()), Ok(1));
    for (wrong, field) in [(line("0", "1"), "quantity"), (line("1", "1000000000"), "unit_price")] {
        for read in [expected_lines, told_lines] {
            let refused = read("lines", &[fee.clone(), wrong.clone()]).unwrap_err();
            assert_eq!(refused.field, format!("lines[1].{field}"));
        }
    }
}
