//! The story as it is told: steps, who did what for whom, and every figure checked. Told on the page, or kept for programs.

use serde::Serialize;
use serde_json::{Map, Value};

use super::callers::Caller;
use super::cast::{Name, PATIENT};
use super::text::{PAGE, Palette, Tone, left, width, wrap, yuan};

const WHO: usize = 36;
const INDENT: usize = 2;

#[derive(Debug, Serialize)]
struct Words {
    zh: String,
    en: String,
}

/// A figure or fact that must be so.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Check {
    pub(crate) what: String,
    pub(crate) expected: String,
    pub(crate) found: String,
    pub(crate) ok: bool,
}

impl Check {
    #[expect(clippy::needless_pass_by_value, reason = "words, counts and amounts alike are given as they are")]
    pub(crate) fn equal(what: &str, expected: impl ToString, found: impl ToString) -> Self {
        let (expected, found) = (expected.to_string(), found.to_string());
        Self { what: what.to_owned(), ok: expected == found, expected, found }
    }
}

#[derive(Debug, Serialize)]
struct Act {
    by: &'static str,
    client: String,
    r#for: Option<&'static str>,
    text: String,
}

#[derive(Debug, Serialize)]
struct Step {
    /// None while the scene is set.
    #[serde(rename = "step")]
    number: Option<u8>,
    title: Words,
    ok: bool,
    acts: Vec<Act>,
    checks: Vec<Check>,
}

#[derive(Debug)]
pub(crate) struct Story {
    /// Nothing is printed: a program reads the result at the end.
    quiet: bool,
    palette: Palette,
    steps: Vec<Step>,
    claims: Vec<Map<String, Value>>,
}

impl Story {
    pub(crate) fn new(quiet: bool, palette: Palette) -> Self {
        Self { quiet, palette, steps: vec![], claims: vec![] }
    }

    pub(crate) fn is_coloured(&self) -> bool {
        self.palette.coloured
    }

    /// What must be there before the journey begins.
    pub(crate) fn opening(&mut self, zh: &str, en: &str) {
        self.begin(None, zh, en);
    }

    pub(crate) fn step(&mut self, number: u8, zh: &str, en: &str) {
        self.begin(Some(number), zh, en);
    }

    fn begin(&mut self, number: Option<u8>, zh: &str, en: &str) {
        let shown = number.map(|number| format!(" {number} ")).unwrap_or_default();
        let title = format!("{shown} {zh}  {en} ");
        let rule = "─".repeat(PAGE.saturating_sub(width(&title) + 2));
        self.line("");
        self.toned(Tone::Strong, &format!("──{title}{rule}"));
        let title = Words { zh: zh.to_owned(), en: en.to_owned() };
        self.steps.push(Step { number, title, ok: true, acts: vec![], checks: vec![] });
    }

    /// Somebody does something, for the patient or in their own name.
    pub(crate) fn act(&mut self, caller: &Caller, text: &str) {
        let for_whom = caller.acts_for_another().then_some(PATIENT.en);
        let who = format!("{} {}, {}", caller.name.zh, caller.name.en, caller.function.en);
        let spoken = for_whom.map_or_else(|| text.to_owned(), |whom| format!("for {whom}: {text}"));
        let mut lines = wrap(&spoken, PAGE - INDENT - WHO).into_iter();
        let first = lines.next().unwrap_or_default();
        let who_column = self.palette.paint(Tone::Strong, &left(&who, WHO));
        self.line(&format!("{:INDENT$}{who_column}{first}", ""));
        for line in lines {
            self.line(&format!("{:1$}{line}", "", INDENT + WHO));
        }
        let act =
            Act { by: caller.name.en, client: caller.client.client_id.clone(), r#for: for_whom, text: text.to_owned() };
        if let Some(step) = self.steps.last_mut() {
            step.acts.push(act);
        }
    }

    /// What patients read, in both languages.
    pub(crate) fn tell(&mut self, zh: &str, en: &str) {
        for (tone, text) in [(Tone::Plain, zh), (Tone::Faint, en)] {
            for line in wrap(text, PAGE - 6) {
                self.toned(tone, &format!("      {line}"));
            }
        }
    }

    pub(crate) fn check(&mut self, what: &str, expected: impl ToString, found: impl ToString) {
        self.check_all(vec![Check::equal(what, expected, found)]);
    }

    /// Those that hold in a row, those that do not one by one.
    pub(crate) fn check_all(&mut self, checks: Vec<Check>) {
        let held = checks.iter().filter(|check| check.ok);
        let held: Vec<String> = held.map(|check| format!("{} {}", check.what, shown(&check.expected))).collect();
        if !held.is_empty() {
            for (index, line) in wrap(&held.join(" · "), PAGE - 6).iter().enumerate() {
                self.toned(Tone::Good, &format!("    {} {line}", if index == 0 { "✓" } else { " " }));
            }
        }
        for check in checks.iter().filter(|check| !check.ok) {
            self.toned(Tone::Bad, &format!("    ✗ {}: {}", check.what, difference(check)));
        }
        if let Some(step) = self.steps.last_mut() {
            step.ok &= checks.iter().all(|check| check.ok);
            step.checks.extend(checks);
        }
    }

    /// The journey cannot go on from here.
    pub(crate) fn broke_off(&mut self, error: &anyhow::Error) {
        let found = format!("{error:#}");
        self.check_all(vec![Check { what: "broke off".to_owned(), expected: String::new(), found, ok: false }]);
    }

    pub(crate) fn claim(&mut self, claim: Map<String, Value>) {
        self.claims.push(claim);
    }

    pub(crate) fn line(&self, text: &str) {
        if !self.quiet {
            // Whoever reads has perhaps seen enough; the journey goes on.
            let _ = crate::print(text);
        }
    }

    pub(crate) fn toned(&self, tone: Tone, text: &str) {
        self.line(&self.palette.paint(tone, text));
    }

    pub(crate) fn failed(&self) -> Vec<String> {
        let of_step = |step: &Step| {
            let place = step.number.map_or_else(|| "the scene".to_owned(), |number| format!("step {number}"));
            let failed = step.checks.iter().filter(|check| !check.ok);
            failed.map(|check| format!("{place}, {}: {}", check.what, difference(check))).collect::<Vec<_>>()
        };
        self.steps.iter().flat_map(of_step).collect()
    }

    pub(crate) fn checks_count(&self) -> usize {
        self.steps.iter().map(|step| step.checks.len()).sum()
    }

    /// `steps` and `claims` for programs.
    pub(crate) fn for_programs(&self) -> serde_json::Result<(Value, Value)> {
        let steps: Vec<&Step> = self.steps.iter().filter(|step| step.number.is_some()).collect();
        Ok((serde_json::to_value(steps)?, serde_json::to_value(&self.claims)?))
    }
}

fn difference(check: &Check) -> String {
    if check.expected.is_empty() {
        return check.found.clone();
    }
    format!("expected {}, found {}", check.expected, check.found)
}

/// Amounts as people read them.
fn shown(value: &str) -> String {
    match value.parse() {
        Ok(amount) if value.contains('.') => yuan(amount),
        _ => value.to_owned(),
    }
}

/// A name as both read it.
pub(crate) fn both(name: Name) -> String {
    format!("{} {}", name.zh, name.en)
}
