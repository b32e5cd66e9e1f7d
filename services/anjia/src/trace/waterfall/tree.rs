//! From spans to rows: who caused whom, clocks put right, both sides of a call as one, repeats folded, the critical path found.

use std::collections::HashMap;

use crate::trace::{Kind, Span, Status, Trace};

/// So many of one kind under one parent are folded into the longest and a line for the rest.
const ALIKE_MAX: usize = 3;

/// What is drawn.
pub(super) struct Tree {
    pub(super) start_ns: u64,
    pub(super) end_ns: u64,
    pub(super) rows: Vec<Row>,
}

pub(super) struct Row {
    /// The lines of the tree in front of the name.
    pub(super) branch: String,
    pub(super) service: String,
    pub(super) name: String,
    pub(super) status: Status,
    /// Of a fold the sum.
    pub(super) duration_ns: u64,
    /// When it ran.
    pub(super) intervals: Vec<(u64, u64)>,
    /// When the whole waited for it.
    pub(super) critical: Vec<(u64, u64)>,
}

/// A span, or the two spans of one call.
struct Node {
    service: String,
    name: String,
    status: Status,
    start_ns: u64,
    end_ns: u64,
    /// When the last of what it caused ended: work may go on after its cause was answered.
    last_ns: u64,
    children: Vec<usize>,
    critical: Vec<(u64, u64)>,
}

impl Tree {
    pub(super) fn of(trace: &Trace) -> Self {
        let mut forest = Forest::of(trace);
        let roots = forest.roots.clone();
        let start_ns = roots.iter().map(|root| forest.nodes[*root].start_ns).min().unwrap_or_default();
        let end_ns = roots.iter().map(|root| forest.nodes[*root].last_ns).max().unwrap_or_default();
        forest.mark_among(&roots, end_ns);
        let mut rows = vec![];
        for root in roots {
            forest.draw(root, "", "", &mut rows);
        }
        Self { start_ns, end_ns, rows }
    }
}

struct Forest {
    nodes: Vec<Node>,
    roots: Vec<usize>,
}

impl Forest {
    fn of(trace: &Trace) -> Self {
        let mut builder = Builder::of(trace);
        let mut forest = Self { nodes: vec![], roots: vec![] };
        let place: HashMap<&str, usize> =
            builder.spans.iter().enumerate().map(|(at, span)| (span.id.as_str(), at)).collect();
        for (at, span) in builder.spans.iter().enumerate() {
            match span.parent.as_deref().and_then(|parent| place.get(parent)) {
                Some(&parent) if parent != at => builder.children[parent].push(at),
                _ => builder.roots.push(at),
            }
        }
        for root in builder.roots.clone() {
            builder.plant(&mut forest, root);
        }
        // What is left are circles, which only a broken sender makes.
        for at in 0..builder.spans.len() {
            if !builder.planted[at] {
                builder.plant(&mut forest, at);
            }
        }
        forest.sort();
        forest
    }

    fn sort(&mut self) {
        let starts: Vec<u64> = self.nodes.iter().map(|node| node.start_ns).collect();
        self.roots.sort_by_key(|root| starts[*root]);
        for node in &mut self.nodes {
            node.children.sort_by_key(|child| starts[*child]);
        }
    }

    /// Walks back from the end: the last to end before then is what was waited for.
    fn mark(&mut self, at: usize, until_ns: u64) {
        let children = self.nodes[at].children.clone();
        let idle = self.mark_among(&children, until_ns);
        let node = &mut self.nodes[at];
        for (from, until) in idle {
            let (from, until) = (from.max(node.start_ns), until.min(node.end_ns));
            if from < until {
                node.critical.push((from, until));
            }
        }
    }

    /// Marks the critical ones of some that run side by side; answers when none of them was waited for.
    fn mark_among(&mut self, nodes: &[usize], until_ns: u64) -> Vec<(u64, u64)> {
        let mut last_first = nodes.to_vec();
        last_first.sort_by_key(|node| std::cmp::Reverse(self.nodes[*node].last_ns));
        let (mut idle, mut now_ns) = (vec![], until_ns);
        for node in last_first {
            let (start_ns, last_ns) = (self.nodes[node].start_ns, self.nodes[node].last_ns);
            if last_ns <= now_ns {
                idle.push((last_ns, now_ns));
                self.mark(node, last_ns);
                now_ns = start_ns;
            }
        }
        idle.push((0, now_ns));
        idle
    }

    fn draw(&self, at: usize, branch: &str, below: &str, rows: &mut Vec<Row>) {
        let node = &self.nodes[at];
        rows.push(Row {
            branch: branch.to_owned(),
            service: node.service.clone(),
            name: node.name.clone(),
            status: node.status,
            duration_ns: node.end_ns - node.start_ns,
            intervals: vec![(node.start_ns, node.end_ns)],
            critical: node.critical.clone(),
        });
        let shown = self.folded(&node.children);
        let last = shown.len().saturating_sub(1);
        for (place, child) in shown.iter().enumerate() {
            let (joint, line) = if place == last { ("└ ", "  ") } else { ("├ ", "│ ") };
            let (branch, below) = (format!("{below}{joint}"), format!("{below}{line}"));
            match child {
                Shown::One(child) => self.draw(*child, &branch, &below, rows),
                Shown::Rest(alike) => rows.push(self.rest(alike, branch)),
            }
        }
    }

    /// Of many alike the longest, and the others in one line after it.
    fn folded(&self, children: &[usize]) -> Vec<Shown> {
        let key = |child: usize| (self.nodes[child].service.as_str(), self.nodes[child].name.as_str());
        let mut alike: HashMap<_, Vec<usize>> = HashMap::new();
        for &child in children {
            alike.entry(key(child)).or_default().push(child);
        }
        let mut shown = vec![];
        for &child in children {
            let group = &alike[&key(child)];
            if group.len() <= ALIKE_MAX {
                shown.push(Shown::One(child));
            } else if group[0] == child {
                let length = |child: &usize| self.nodes[*child].last_ns - self.nodes[*child].start_ns;
                let longest = group.iter().copied().rev().max_by_key(length).unwrap_or(child);
                shown.push(Shown::One(longest));
                shown.push(Shown::Rest(group.iter().copied().filter(|other| *other != longest).collect()));
            }
        }
        shown
    }

    fn rest(&self, alike: &[usize], branch: String) -> Row {
        let nodes = || alike.iter().map(|at| &self.nodes[*at]);
        let service = nodes().next().map(|node| node.service.clone()).unwrap_or_default();
        let failed = nodes().filter(|node| node.status == Status::Failed).count();
        let failures = if failed == 0 { String::new() } else { format!(", {failed} failed") };
        Row {
            branch,
            service,
            name: format!("… {} more{failures}", alike.len()),
            status: if failed == 0 { Status::Unset } else { Status::Failed },
            duration_ns: nodes().map(|node| node.end_ns - node.start_ns).sum(),
            intervals: nodes().map(|node| (node.start_ns, node.end_ns)).collect(),
            critical: nodes().flat_map(|node| node.critical.iter().copied()).collect(),
        }
    }
}

enum Shown {
    One(usize),
    Rest(Vec<usize>),
}

/// The spans on their way to nodes.
struct Builder<'a> {
    spans: Vec<&'a Span>,
    children: Vec<Vec<usize>>,
    roots: Vec<usize>,
    planted: Vec<bool>,
}

impl<'a> Builder<'a> {
    fn of(trace: &'a Trace) -> Self {
        let spans: Vec<&Span> = trace.spans.iter().collect();
        let count = spans.len();
        Self { spans, children: vec![vec![]; count], roots: vec![], planted: vec![false; count] }
    }

    fn plant(&mut self, forest: &mut Forest, root: usize) {
        let is_orphan = self.spans[root].parent.is_some();
        if let Some(node) = self.grow(forest, root, 0, None) {
            if is_orphan {
                forest.nodes[node].name.push_str(" (its cause is missing)");
            }
            forest.roots.push(node);
        }
    }

    /// Makes the node of a span and of all it caused. `shift_ns` puts its clock right, `cause` is when its parent ran.
    fn grow(
        &mut self,
        forest: &mut Forest,
        at: usize,
        shift_ns: i128,
        cause: Option<(u64, u64, Kind)>,
    ) -> Option<usize> {
        if std::mem::replace(&mut self.planted[at], true) {
            return None;
        }
        let span = self.spans[at];
        let shift_ns = shift_ns + skew(span, shift_ns, cause);
        let (start_ns, end_ns) = (shifted(span.start_ns, shift_ns), shifted(span.end_ns(), shift_ns));
        // Both sides of a call are one row: what the caller waited, under the name of who did the work.
        let answered = self.answered(at);
        let mut node = Node {
            service: answered.map_or(&span.service, |server| &self.spans[server].service).clone(),
            name: span.name.rsplit('/').next().unwrap_or(&span.name).to_owned(),
            status: answered.map_or(span.status, |server| worse(span.status, self.spans[server].status)),
            start_ns,
            end_ns,
            last_ns: end_ns,
            children: vec![],
            critical: vec![],
        };
        let mut causes = vec![(at, shift_ns, (start_ns, end_ns, span.kind))];
        if let Some(server) = answered {
            self.planted[server] = true;
            let other = self.spans[server];
            let shift_ns = shift_ns + skew(other, shift_ns, Some((start_ns, end_ns, span.kind)));
            let ran = (shifted(other.start_ns, shift_ns), shifted(other.end_ns(), shift_ns), other.kind);
            causes.push((server, shift_ns, ran));
        }
        for (cause, shift_ns, ran) in causes {
            for child in self.children[cause].clone() {
                if let Some(child) = self.grow(forest, child, shift_ns, Some(ran)) {
                    node.last_ns = node.last_ns.max(forest.nodes[child].last_ns);
                    node.children.push(child);
                }
            }
        }
        forest.nodes.push(node);
        Some(forest.nodes.len() - 1)
    }

    /// The span that served this call, if exactly one did.
    fn answered(&self, at: usize) -> Option<usize> {
        let span = self.spans[at];
        let is_answer = |child: &&usize| {
            let other = self.spans[**child];
            other.kind == Kind::Server && other.name == span.name
        };
        match (span.kind, self.children[at].iter().filter(is_answer).collect::<Vec<_>>().as_slice()) {
            (Kind::Client, [server]) if !self.planted[**server] => Some(**server),
            _ => None,
        }
    }
}

/// How far a clock has to be moved so that nothing begins before its cause and a call is served while it is made.
fn skew(span: &Span, shift_ns: i128, cause: Option<(u64, u64, Kind)>) -> i128 {
    let Some((from_ns, until_ns, kind)) = cause else {
        return 0;
    };
    let (from_ns, until_ns) = (i128::from(from_ns), i128::from(until_ns));
    let start_ns = i128::from(span.start_ns) + shift_ns;
    let end_ns = start_ns + i128::from(span.duration_ns);
    let is_served = kind == Kind::Client && span.kind == Kind::Server;
    if is_served && (start_ns < from_ns || end_ns > until_ns) {
        // The way there and the way back took equally long, for all that is known.
        let spare_ns = (until_ns - from_ns - i128::from(span.duration_ns)).max(0);
        return from_ns + spare_ns / 2 - start_ns;
    }
    (from_ns - start_ns).max(0)
}

fn shifted(at_ns: u64, by_ns: i128) -> u64 {
    u64::try_from(i128::from(at_ns) + by_ns).unwrap_or_default()
}

fn worse(one: Status, other: Status) -> Status {
    if one == Status::Failed { one } else { other }
}
