//! A trace drawn for the terminal: a tree with its services in colour, bars to scale, the critical path solid.
//!
//! ```text
//! referral      AcceptReferral         ████▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒██  182.3 ms
//! scheduling    ├ HoldSlot                 ████████▒▒▒▒▒             61.0 ms
//! identity      │ └ GetCoverage                  █████               18.2 ms
//! ```
//!
//! A solid cell says: the whole waited for this span then. Put together they are one staircase from the first cell to the last.

#[cfg(test)]
mod tests;
mod tree;

use std::fmt::Write as _;

use self::tree::{Row, Tree};
use super::{Status, Trace};

const WIDTH_MIN: usize = 60;
/// A column is as wide as it must be, up to this.
const SERVICE_WIDTH_MAX: usize = 14;
const BAR_WIDTH_MIN: usize = 16;
/// ` 123456.7 ms`, and room for what went wrong.
const TIME_WIDTH: usize = 12;

const CRITICAL: char = '█';
const BESIDE: char = '▒';

/// Colours of services in order of appearance: cyan, yellow, magenta, green, blue, and again.
const COLOURS: [u8; 5] = [36, 33, 35, 32, 34];
const RED: u8 = 31;
const GREY: u8 = 90;

struct Drawing {
    tree: Tree,
    services: Vec<String>,
    service_width: usize,
    name_width: usize,
    bar_width: usize,
    is_coloured: bool,
}

/// Draws a trace, `width` columns wide.
pub(crate) fn waterfall(trace: &Trace, width: usize, is_coloured: bool) -> String {
    let tree = Tree::of(trace);
    let mut services: Vec<String> = vec![];
    for row in &tree.rows {
        if !services.contains(&row.service) {
            services.push(row.service.clone());
        }
    }
    let service_width = services.iter().map(|name| length(name)).max().unwrap_or(0).min(SERVICE_WIDTH_MAX);
    let left = width.max(WIDTH_MIN) - service_width - TIME_WIDTH - 4;
    let wanted = tree.rows.iter().map(|row| length(&row.branch) + length(&row.name)).max().unwrap_or(0);
    let name_width = wanted.min(left - BAR_WIDTH_MIN);
    let bar_width = left - name_width;
    Drawing { tree, services, service_width, name_width, bar_width, is_coloured }.text(trace)
}

impl Drawing {
    fn text(&self, trace: &Trace) -> String {
        let mut text = self.heading(trace);
        for row in &self.tree.rows {
            text.push_str(self.line(row).trim_end());
            text.push('\n');
        }
        for link in trace.spans.iter().flat_map(|span| &span.links) {
            let line = format!("goes on from trace {}, span {}", link.trace_id, link.span_id);
            text.push_str(&self.paint(GREY, &line));
            text.push('\n');
        }
        text
    }

    fn heading(&self, trace: &Trace) -> String {
        let total = milliseconds(self.tree.end_ns - self.tree.start_ns);
        let line = format!(
            "trace {}: {}, {}, {total} ms   {CRITICAL} critical path  {BESIDE} beside it",
            trace.id,
            counted(trace.services().len(), "service"),
            counted(trace.spans.len(), "span"),
        );
        format!("{}\n", self.paint(GREY, &line))
    }

    fn line(&self, row: &Row) -> String {
        let colour = self.colour(&row.service);
        let service = padded(&row.service, self.service_width);
        let name = padded(&format!("{}{}", row.branch, row.name), self.name_width);
        let (name, time) = match row.status {
            Status::Failed => (self.paint(RED, &name), self.paint(RED, &format!("{} ms ✗", time(row)))),
            _ => (name, format!("{} ms", time(row))),
        };
        format!("{}  {name}  {} {time}", self.paint(colour, &service), self.paint(colour, &self.bar(row)))
    }

    fn bar(&self, row: &Row) -> String {
        let mut cells = vec![' '; self.bar_width];
        for &(from, until) in &row.intervals {
            self.fill(&mut cells, from, until, BESIDE);
        }
        for &(from, until) in &row.critical {
            self.fill(&mut cells, from, until, CRITICAL);
        }
        cells.into_iter().collect()
    }

    /// At least one cell, however short.
    fn fill(&self, cells: &mut [char], from_ns: u64, until_ns: u64, with: char) {
        let last = self.bar_width - 1;
        let from = self.cell(from_ns).min(last);
        // A piece that begins within a cell and ends with it does not reach into the next.
        let until = self.cell(until_ns.saturating_sub(1)).clamp(from, last);
        cells[from..=until].fill(with);
    }

    fn cell(&self, at_ns: u64) -> usize {
        let total = u128::from(self.tree.end_ns - self.tree.start_ns).max(1);
        let offset = u128::from(at_ns.saturating_sub(self.tree.start_ns));
        let width = u128::try_from(self.bar_width).unwrap_or_default();
        usize::try_from(offset * width / total).unwrap_or(usize::MAX)
    }

    fn colour(&self, service: &str) -> u8 {
        let place = self.services.iter().position(|name| name == service).unwrap_or_default();
        COLOURS[place % COLOURS.len()]
    }

    fn paint(&self, colour: u8, text: &str) -> String {
        if self.is_coloured { format!("\x1b[{colour}m{text}\x1b[0m") } else { text.to_owned() }
    }
}

fn time(row: &Row) -> String {
    format!("{:>8}", milliseconds(row.duration_ns))
}

/// With one decimal, rounded half up.
fn milliseconds(nanoseconds: u64) -> String {
    let tenths = nanoseconds.saturating_add(50_000) / 100_000;
    format!("{}.{}", tenths / 10, tenths % 10)
}

fn counted(number: usize, of: &str) -> String {
    format!("{number} {of}{}", if number == 1 { "" } else { "s" })
}

fn length(text: &str) -> usize {
    text.chars().count()
}

fn padded(text: &str, width: usize) -> String {
    let mut padded = String::new();
    if length(text) > width {
        padded.extend(text.chars().take(width.saturating_sub(1)));
        padded.push('…');
    } else {
        // Cannot fail: it writes into memory.
        let _ = write!(padded, "{text:<width$}");
    }
    padded
}
