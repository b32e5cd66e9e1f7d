//! Identity as its callers see it: the real binary, a real Postgres, tokens it issued itself.

mod tokens;
