//! What is expected to be billed, for a price before care.

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::money::Money;

/// Most lines one request may expect.
pub const LINES_MAX: usize = 200;

/// One item that is expected to be billed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExpectedLine {
    /// National code.
    pub item_code: String,
    /// At most four decimals.
    pub quantity: Decimal,
    /// CNY, at most four decimals.
    pub unit_price: Decimal,
}

impl ExpectedLine {
    /// Quantity × unit price, half up to the fen. None where the product is no amount of money.
    pub fn amount(&self) -> Option<Money> {
        self.quantity.checked_mul(self.unit_price).map(Money::round_half_up)
    }

    /// It makes no fen.
    pub fn comes_to_nothing(&self) -> bool {
        self.amount().is_some_and(Money::is_zero)
    }
}
