use super::*;

fn money(text: &str) -> Money {
    text.parse().unwrap()
}

#[test]
fn an_amount_always_shows_two_decimals() {
    for (given, shown) in [("1300", "1300.00"), ("0.5", "0.50"), ("-7.10", "-7.10"), ("1.100", "1.10")] {
        assert_eq!(money(given).to_string(), shown);
    }
    assert_eq!(Money::ZERO.to_string(), "0.00");
    assert_eq!(Money::default(), Money::ZERO);
    assert_eq!((money("1") - money("1")).to_string(), "0.00");
    assert_eq!((-money("0.00")).to_string(), "0.00");
    assert_eq!("-0.00".parse::<Money>().map(|zero| zero.to_string()), Ok("0.00".to_owned()));
    assert_eq!(Money::round_half_up("-0.001".parse().unwrap()).to_string(), "0.00");
    for zero in [Money::ZERO, Money::default(), money("0")] {
        assert_eq!((Money::ZERO + zero).to_string(), "0.00");
        assert_eq!((zero - Money::ZERO).to_string(), "0.00");
        assert_eq!((money("0.10") + zero).to_string(), "0.10");
        assert_eq!((zero - money("0.10")).to_string(), "-0.10");
    }
}

#[test]
fn what_is_not_exactly_an_amount_is_refused() {
    assert_eq!("0.001".parse::<Money>(), Err(MoneyError::TooManyPlaces));
    assert_eq!("100000000000000".parse::<Money>(), Err(MoneyError::TooLarge));
    assert_eq!(money("99999999999999.99").fen(), 9_999_999_999_999_999);
    for text in ["", "-", ".", "1.", ".5", "1e3", "+1", "1_000", "1,000", " 1", "NaN", "0x1", "１"] {
        assert_eq!(text.parse::<Money>(), Err(MoneyError::NotANumber), "{text:?}");
    }
}

#[test]
fn half_a_fen_rounds_away_from_zero() {
    let rounded = |text: &str| Money::round_half_up(text.parse().unwrap()).to_string();
    assert_eq!(rounded("427.798"), "427.80");
    assert_eq!(rounded("0.005"), "0.01");
    assert_eq!(rounded("0.0049"), "0.00");
    assert_eq!(rounded("-0.005"), "-0.01");
    assert_eq!(rounded("7"), "7.00");
}

#[test]
fn small_amounts_round_as_large_ones_do() {
    let slowly = |amount: Decimal| {
        Money::at_two_places(amount.round_dp_with_strategy(PLACES, RoundingStrategy::MidpointAwayFromZero))
    };
    let mut digits = 1_i64;
    for step in 0..4_000_i64 {
        digits = digits.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(step);
        for (digits, scale) in
            [(digits, 20), (digits >> 20, 9), (digits >> 40, 4), (step - 2_000, 4), (step - 2_000, 3), (step, 0)]
        {
            let amount = Decimal::new(digits, scale);
            assert_eq!(Money::round_half_up(amount), slowly(amount), "{amount}");
            assert_eq!(Money::round_half_up(amount).to_string(), slowly(amount).to_string());
        }
    }
    for digits in [i64::MAX, i64::MIN, i64::MAX - 4, i64::MIN + 4] {
        for scale in [2, 3, 19, 20, 21] {
            let amount = Decimal::new(digits, scale);
            assert_eq!(Money::round_half_up(amount), slowly(amount), "{amount}");
        }
    }
}

#[test]
fn zero_is_neither_negative_nor_positive() {
    for zero in [Money::ZERO, -Money::ZERO, money("-0.00"), money("1") - money("1")] {
        assert!(!zero.is_negative() && !zero.is_positive());
    }
    assert!(money("-0.01").is_negative() && money("0.01").is_positive());
}

#[test]
fn fen_and_back() {
    for fen in [0, 1, -1, 824_049, i64::MAX, i64::MIN] {
        assert_eq!(Money::from_fen(fen).fen(), fen);
    }
}

#[test]
fn sums_are_checked_against_the_column() {
    let most = money("99999999999999.99");
    assert_eq!(u64::try_from(most.fen()).map(|fen| fen + 1), Ok(LIMIT_FEN));
    assert_eq!(most.checked_add(Money::from_fen(1)), None);
    assert_eq!(most.checked_sub(most), Some(Money::ZERO));
    assert_eq!((-most).checked_sub(Money::from_fen(1)), None);
    assert_eq!(Money::from_fen(i64::MAX).checked_add(Money::from_fen(i64::MAX)), None);
    let wide = Money::from_fen(i64::MAX) + Money::from_fen(i64::MAX);
    assert_eq!(wide.to_string(), "184467440737095516.14");
    assert_eq!(wide - Money::from_fen(i64::MAX), Money::from_fen(i64::MAX));
    assert_eq!([money("1.10"), money("2.20")].iter().sum::<Money>(), money("3.30"));
    assert_eq!(money("1").less_at_most(money("3")), Money::ZERO);
}

#[test]
fn a_ratio_lies_between_zero_and_one() {
    assert!("1.0001".parse::<Ratio>().is_err());
    assert!("-0.1".parse::<Ratio>().is_err());
    assert!("1e-1".parse::<Ratio>().is_err());
    let ratio: Ratio = "0.850".parse().unwrap();
    assert_eq!((ratio.to_string().as_str(), ratio.percent().as_str()), ("0.85", "85%"));
    assert_eq!(ratio.complement().times("0.6".parse().unwrap()).percent(), "9%");
    assert_eq!("0.7".parse::<Ratio>().unwrap().of_half_up(money("611.14")), money("427.80"));
}

#[test]
fn json_carries_amounts_as_text() {
    use serde::de::{IntoDeserializer as _, value};
    let from_text: Result<Money, value::Error> = Money::deserialize("1300.00".into_deserializer());
    assert_eq!(from_text, Ok(money("1300")));
    let from_float: Result<Money, value::Error> = Money::deserialize(1300.5_f64.into_deserializer());
    assert!(from_float.is_err());
}
