//! What is told of captures and bank orders that have not come to their end.

use postgres::gauges::Gauge;

/// How many are under way or stuck, and since when.
pub const GAUGES: &[Gauge] = &[
    Gauge {
        name: "anjia.saga.count",
        unit: "{saga}",
        description: "Sagas under way, and those that wait for a person",
        attribute: "anjia.saga.state",
        sql: "SELECT known.state, count(found.id)::float8 \
              FROM (VALUES ('CONFIRMING'), ('CONFIRMED'), ('NEEDS_HUMAN')) AS known (state) \
              LEFT JOIN captures found ON found.state = known.state AND found.state IN ('CONFIRMING', 'CONFIRMED', 'NEEDS_HUMAN') \
              GROUP BY known.state",
    },
    Gauge {
        name: "anjia.saga.oldest",
        unit: "s",
        description: "Age of the oldest of them; 0 if there is none",
        attribute: "anjia.saga.state",
        sql: "SELECT known.state, coalesce(extract(epoch FROM clock_timestamp() - min(found.begun_at)), 0)::float8 \
              FROM (VALUES ('CONFIRMING'), ('CONFIRMED'), ('NEEDS_HUMAN')) AS known (state) \
              LEFT JOIN captures found ON found.state = known.state AND found.state IN ('CONFIRMING', 'CONFIRMED', 'NEEDS_HUMAN') \
              GROUP BY known.state",
    },
    Gauge {
        name: "anjia.bank_order.count",
        unit: "{order}",
        description: "Orders that a bank has not answered",
        attribute: "anjia.bank_order.state",
        sql: "SELECT known.state, count(found.id)::float8 \
              FROM (VALUES ('INTENT'), ('SENT'), ('UNKNOWN')) AS known (state) \
              LEFT JOIN bank_orders found ON found.state = known.state AND found.state IN ('INTENT', 'SENT', 'UNKNOWN') \
              GROUP BY known.state",
    },
    Gauge {
        name: "anjia.bank_order.oldest",
        unit: "s",
        description: "Age of the oldest of them; 0 if there is none",
        attribute: "anjia.bank_order.state",
        sql: "SELECT known.state, coalesce(extract(epoch FROM clock_timestamp() - min(found.created_at)), 0)::float8 \
              FROM (VALUES ('INTENT'), ('SENT'), ('UNKNOWN')) AS known (state) \
              LEFT JOIN bank_orders found ON found.state = known.state AND found.state IN ('INTENT', 'SENT', 'UNKNOWN') \
              GROUP BY known.state",
    },
];
