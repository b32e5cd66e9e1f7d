//! What is told of captures and bank orders that have not come to their end.

use postgres::{by_state, gauges::Gauge};

/// How many are under way or stuck, and since when.
pub const GAUGES: &[Gauge] = &[
    Gauge {
        name: "anjia.saga.count",
        unit: "{saga}",
        description: "Sagas under way, and those that wait for a person",
        attribute: "anjia.saga.state",
        sql: by_state!("count(found.id)", "captures", "{CONFIRMING,CONFIRMED,NEEDS_HUMAN}"),
    },
    Gauge {
        name: "anjia.saga.oldest",
        unit: "s",
        description: "Age of the oldest of them; 0 if there is none",
        attribute: "anjia.saga.state",
        sql: by_state!(
            "coalesce(extract(epoch FROM clock_timestamp() - min(found.begun_at)), 0)",
            "captures",
            "{CONFIRMING,CONFIRMED,NEEDS_HUMAN}"
        ),
    },
    Gauge {
        name: "anjia.bank_order.count",
        unit: "{order}",
        description: "Orders that a bank has not answered",
        attribute: "anjia.bank_order.state",
        sql: by_state!("count(found.id)", "bank_orders", "{INTENT,SENT,UNKNOWN}"),
    },
    Gauge {
        name: "anjia.bank_order.oldest",
        unit: "s",
        description: "Age of the oldest of them; 0 if there is none",
        attribute: "anjia.bank_order.state",
        sql: by_state!(
            "coalesce(extract(epoch FROM clock_timestamp() - min(found.created_at)), 0)",
            "bank_orders",
            "{INTENT,SENT,UNKNOWN}"
        ),
    },
];
