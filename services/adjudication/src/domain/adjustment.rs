//! What a reversal or a correction changes: the difference to what was paid, of either sign, that payment settles.

use types::money::Money;

use super::shares::Shares;

/// Total and funds; the person's part is the rest, so that the parts add up by construction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Adjustment {
    pub total: Money,
    pub fund: Money,
}

impl Adjustment {
    /// From what was paid to what is due.
    pub fn between(paid: &Shares, due: &Shares) -> Self {
        Self { total: due.total - paid.total, fund: due.fund() - paid.fund() }
    }

    /// Everything that was paid, back.
    pub fn of_reversal(paid: &Shares) -> Self {
        Self { total: -paid.total, fund: -paid.fund() }
    }

    pub fn person(&self) -> Money {
        self.total - self.fund
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shares(fully_own: i64, deductible: i64, pooled_fund: i64, pooled_own: i64) -> Shares {
        let fen = Money::from_fen;
        Shares {
            total: fen(fully_own + deductible + pooled_fund + pooled_own),
            fully_own: fen(fully_own),
            in_scope: fen(deductible + pooled_fund + pooled_own),
            deductible: fen(deductible),
            pooled_fund: fen(pooled_fund),
            pooled_own: fen(pooled_own),
            ..Shares::default()
        }
    }

    #[test]
    fn ad_03_an_adjustment_is_the_difference_and_its_parts_add_up() {
        let (paid, due) = (shares(100, 1_000, 0, 0), shares(0, 200, 810, 90));
        let net = Adjustment::between(&paid, &due);
        assert_eq!((net.total, net.fund, net.person()), (Money::ZERO, Money::from_fen(810), Money::from_fen(-810)));
        assert_eq!(net.person(), due.own() - paid.own());
        let back = Adjustment::of_reversal(&due);
        assert_eq!((back.fund, back.person()), (-due.fund(), -due.own()));
        assert_eq!(back.fund + back.person(), back.total);
    }
}
