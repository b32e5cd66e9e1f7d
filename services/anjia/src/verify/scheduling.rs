//! Booking (I5). The queries are scheduling's own, kept as views beside the tables they are about.

use super::check::{Check, Invariant::I5};

pub(super) const CHECKS: &[Check] = &[
    Check::rows(
        I5,
        "scheduling",
        "nobody and no place is booked twice, and holds end",
        "SELECT coalesce(row_id::text, ''), violation FROM booking_violations",
    ),
    Check::rows(
        I5,
        "scheduling",
        "nobody lies in two hospitals at one time",
        "SELECT row_id::text, violation FROM stay_violations",
    ),
];
